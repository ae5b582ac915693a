//! Failures of the operating system as errors with an address and advice. Never decides what to do about one.

use std::io;

use traitwire_core::{Code, Endpoint, RpcError};

/// `what` could not be done at this address because of `cause`.
pub(crate) fn failed(endpoint: &Endpoint, what: &str, cause: &io::Error) -> RpcError {
    let code = match cause.kind() {
        io::ErrorKind::PermissionDenied => Code::PermissionDenied,
        io::ErrorKind::InvalidInput => Code::InvalidArgument,
        io::ErrorKind::AddrInUse => Code::AddressInUse,
        _ => Code::Unavailable,
    };
    RpcError::new(code, format!("{what}: {cause}")).with_address(endpoint).with_source(cause)
}

/// The address itself is at fault.
pub(crate) fn invalid(endpoint: &Endpoint, what: impl Into<String>) -> RpcError {
    RpcError::new(Code::InvalidArgument, what).with_address(endpoint)
}
