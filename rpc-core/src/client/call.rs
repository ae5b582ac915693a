//! What a method of a client gives: a call as a value, made when it is awaited. All of it but the decoding is the
//! same code for every method, so that a wide trait costs little to build.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use super::performing::Performing;
use super::{Client, Decode};
use crate::codec::Encoder;
use crate::error::CallError;
use crate::items::Upload;
use crate::proto::{Awaits, Outcome};

/// A call of a remote method. Its arguments are encoded already; nothing is sent before it is polled. Dropping it
/// cancels the call.
///
/// # Errors
/// The method's own, or the framework's: see [`CallError`].
#[must_use = "a call is made when it is awaited"]
pub struct Call<'a, T, E = Infallible> {
    making: Making<'a>,
    output: Decode<T>,
    error: Decode<E>,
}

/// A call without the types of what comes of it.
struct Making<'a> {
    client: &'a Client,
    method: u32,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Asked {
        arguments: Encoder,
        awaits: Awaits,
        upload: Option<Upload>,
    },
    Made(Performing<'a>),
    /// Its outcome was given away.
    Over,
}

impl<'a, T, E> Call<'a, T, E> {
    pub(super) fn new(
        client: &'a Client,
        method: u32,
        (arguments, awaits, upload): (Encoder, Awaits, Option<Upload>),
        (output, error): (Decode<T>, Decode<E>),
    ) -> Self {
        let making = Making { client, method, stage: Stage::Asked { arguments, awaits, upload } };
        Self { making, output, error }
    }
}

impl<T, E> Future for Call<'_, T, E> {
    type Output = Result<T, CallError<E>>;

    #[inline(never)]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let call = self.get_mut();
        let outcome = ready!(call.making.poll(cx));
        Poll::Ready(call.making.client.decoded(call.making.method, outcome, call.output, call.error))
    }
}

impl Making<'_> {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        if let Stage::Asked { .. } = self.stage
            && let Stage::Asked { arguments, awaits, upload } =
                std::mem::replace(&mut self.stage, Stage::Over)
        {
            self.stage = Stage::Made(self.client.perform(self.method as usize, arguments, awaits, upload));
        }
        let Stage::Made(performing) = &mut self.stage else { return Poll::Pending };
        let outcome = ready!(Pin::new(performing).poll(cx));
        self.stage = Stage::Over;
        Poll::Ready(outcome)
    }
}

impl<T, E> fmt::Debug for Call<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.making.client.inner.description.methods().get(self.making.method as usize);
        f.debug_struct("Call").field("method", &method.map(|method| &method.path)).finish_non_exhaustive()
    }
}
