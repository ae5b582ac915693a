//! The errors of layers as errors of calls. Never hides what a layer said.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use tower::buffer::error::Closed;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

use super::BoxError;
use crate::error::{Code, Executed, RpcError};

/// What a layer's error is to the caller. An error of a call stays what it is; with one of a layer's own the call was
/// not executed if it did not get past the layers, and otherwise as `beyond` says.
pub(crate) fn failure(error: BoxError, reached: &AtomicBool, beyond: Executed) -> RpcError {
    let error = match error.downcast::<RpcError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let executed = if reached.load(Ordering::Relaxed) { beyond } else { Executed::No };
    let mut source: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(known) = source {
        if let Some(error) = known.downcast_ref::<RpcError>() {
            return error.clone();
        }
        let found = match () {
            () if known.is::<Elapsed>() => Some((Code::DeadlineExceeded, "a layer's time for it ran out")),
            () if known.is::<Overloaded>() => Some((Code::ResourceExhausted, "a layer sheds load")),
            () if known.is::<Closed>() => Some((Code::Unavailable, "a layer's buffer is closed")),
            () => None,
        };
        if let Some((code, message)) = found {
            return RpcError::new(code, message).with_executed(executed);
        }
        source = known.source();
    }
    RpcError::new(Code::Internal, format!("a layer refused it: {error}"))
        .with_source(&*error)
        .with_executed(executed)
}
