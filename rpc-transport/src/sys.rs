//! What the transports ask of a Unix system: claimed paths, credentials, children, descriptors. Never knows
//! an address or the protocol.

pub(crate) mod child;
pub(crate) mod claim;
pub(crate) mod descriptor;
#[allow(unsafe_code)]
pub(crate) mod direct;
pub(crate) mod peer;
