//! what a service is.
