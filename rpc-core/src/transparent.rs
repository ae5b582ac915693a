//! What lets a client stand where the object stands that it calls: a failed call as the method's own error, and
//! streams that are handed on. Never used by a client's own methods, which keep the two kinds of errors apart.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::codec::Encoder;
use crate::error::{CallError, Executed, RpcError};
use crate::items::Upload;
use crate::streaming::Streaming;

/// An error that a call's failure fits into: every type that is `From<RpcError>`.
///
/// A trait of its own so that the compiler can say what is missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold the failure of a call: it is not `From<RpcError>`",
    label = "an error of a `transparent` service",
    note = "a client reports through this error that a call has failed on its way",
    note = "write `impl From<traitwire::RpcError> for {Self}`, for example with a variant that holds the `RpcError`"
)]
pub trait FromRpcError: Sized {
    /// The failure as this error.
    fn from_rpc_error(error: RpcError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<RpcError>> FromRpcError for E {
    fn from_rpc_error(error: RpcError) -> Self {
        error.into()
    }
}

/// What a call came to, as the method itself would say it.
///
/// # Errors
/// The method's own, or what the call's failure becomes as one.
pub fn result<T, E: FromRpcError>(outcome: Result<T, CallError<E>>) -> Result<T, E> {
    outcome.map_err(|error| own(error, E::from_rpc_error))
}

fn own<E>(error: CallError<E>, failure: fn(RpcError) -> E) -> E {
    match error {
        CallError::Service(error) => error,
        CallError::Rpc(error) => failure(error),
    }
}

/// The items of a call, as the method itself would yield them.
pub fn results<T, E: FromRpcError>(items: Streaming<T, E>) -> Results<T, E> {
    Results { items, failure: E::from_rpc_error }
}

/// A [`Streaming`] whose items carry the method's own error alone.
pub struct Results<T, E> {
    items: Streaming<T, E>,
    /// In place of a bound: where that does not hold, it is enough for the compiler to say so once.
    failure: fn(RpcError) -> E,
}

impl<T, E> Stream for Results<T, E> {
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { items, failure } = self.get_mut();
        Pin::new(items).poll_next(cx).map(|item| Some(item?.map_err(|error| own(error, *failure))))
    }
}

impl<T, E> fmt::Debug for Results<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").finish_non_exhaustive()
    }
}

/// Hands the items of a stream on to another call; `encode` writes one. A failure in it ends that call.
pub fn forward<T: Send + 'static>(
    items: Streaming<T>,
    mut encode: impl FnMut(&mut Encoder, T) + Send + 'static,
) -> Upload {
    forward_results(items, move |encoder, item: Result<T, Infallible>| match item {
        Ok(item) => encode(encoder, item),
        Err(never) => match never {},
    })
}

/// The same for items that may be errors, which are items like others.
pub fn forward_results<T: Send + 'static, E: Send + 'static>(
    items: Streaming<T, E>,
    mut encode: impl FnMut(&mut Encoder, Result<T, E>) + Send + 'static,
) -> Upload {
    Upload::fallible(items, move |encoder, item| {
        let item = match item {
            Ok(item) => Ok(item),
            Err(CallError::Service(error)) => Err(error),
            // What the error says of execution is about the call that it comes from, not about this one.
            Err(CallError::Rpc(error)) => return Err(error.with_executed(Executed::Maybe)),
        };
        encode(encoder, item);
        Ok(())
    })
}
