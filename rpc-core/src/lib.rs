//! what a call is.
