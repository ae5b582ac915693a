//! A dissected address, as the transports take it. Never opens what it names.

#[cfg(unix)]
use std::ffi::OsStr;
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
#[cfg(unix)]
use std::path::PathBuf;

#[cfg(unix)]
use traitwire_core::RpcError;
use traitwire_core::{Endpoint, Options};

#[cfg(unix)]
use crate::failure::invalid;
#[cfg(unix)]
use crate::sys::claim::Insecure;

/// An address and its options.
pub(crate) struct Parts {
    /// With its options.
    pub(crate) endpoint: Endpoint,
    /// Those of the options that every scheme has.
    pub(crate) options: Options,
}

#[cfg(unix)]
/// The path of an address, `unix:///run/x` being the same as `unix:/run/x`.
pub(crate) fn path(endpoint: &Endpoint) -> PathBuf {
    let target = endpoint.target();
    let target = if target.starts_with(b"///") { &target[2..] } else { target };
    PathBuf::from(OsStr::from_bytes(target))
}

#[cfg(unix)]
/// The option `insecure_dir`.
pub(crate) fn insecure(endpoint: &Endpoint) -> Result<Insecure, RpcError> {
    match endpoint.option("insecure_dir") {
        None | Some("refuse") => Ok(Insecure::Refuse),
        Some("allow") => Ok(Insecure::Allow),
        Some(other) => {
            Err(invalid(endpoint, format!("option insecure_dir={other}: expected `allow` or `refuse`")))
        }
    }
}
