//! A call that has one result, as a future. What nearly all calls are, one message each way over a connection that is
//! there, is done here without a box; everything else is left to `calling.rs`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::calling::Failed;
use super::{Client, Inner};
use crate::codec::Encoder;
use crate::connection::Connection;
use crate::error::{Executed, RpcError};
use crate::exchange::{Answer, Calling};
use crate::items::Upload;
use crate::proto::{Awaits, Outcome};
use crate::trace;

/// A call that is being made. Dropping it cancels the call.
pub(super) struct Performing<'a> {
    client: &'a Client,
    method: usize,
    awaits: Awaits,
    deadline: Option<(Instant, Duration)>,
    stage: Stage<'a>,
}

enum Stage<'a> {
    /// The first attempt, on the connection of the last call.
    First(Calling),
    /// With layers, a stream or a trace, without a connection, or once more.
    Rare(Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>),
}

impl Client {
    /// Makes a call that has one result.
    pub(super) fn perform(
        &self,
        method: usize,
        arguments: Encoder,
        awaits: Awaits,
        upload: Option<Upload>,
    ) -> Performing<'_> {
        let deadline = self.deadline(method);
        let is_plain = upload.is_none() && self.inner.channel.layers().is_none() && !trace::may_be_wanted();
        let stage = match is_plain.then(|| self.inner.bound_to(method)).flatten() {
            Some((connection, number)) => {
                let body = arguments.finish();
                let call = body.and_then(|body| self.new_call(number, method, body, deadline, awaits));
                match call {
                    Ok(call) => Stage::First(Calling::new(connection, call)),
                    Err(error) => Stage::Rare(Box::pin(std::future::ready(Outcome::Failure(error)))),
                }
            }
            None => Stage::Rare(Box::pin(self.perform_rarely(method, arguments, awaits, upload, deadline))),
        };
        Performing { client: self, method, awaits, deadline, stage }
    }
}

impl Inner {
    /// The connection of the last call, while it takes further ones, and the number that a method has there.
    fn bound_to(&self, method: usize) -> Option<(Arc<Connection>, u32)> {
        let bound = self.bound();
        let bound = bound.as_ref().filter(|bound| bound.connection.is_usable())?;
        Some((Arc::clone(&bound.connection), bound.number(method)?))
    }
}

impl Performing<'_> {
    /// What becomes of an outcome before it is decoded.
    fn settle(&self, mut outcome: Outcome) -> Outcome {
        let Inner { channel, description, .. } = &*self.client.inner;
        if !matches!(outcome, Outcome::Failure(_)) {
            let max_depth = channel.options().limits.max_depth;
            let checked = description.methods()[self.method].check_outcome(&mut outcome, max_depth);
            if let Err(error) = checked {
                outcome = Outcome::Failure(error.with_executed(Executed::Yes));
            }
        }
        match outcome {
            Outcome::Failure(error) => Outcome::Failure(self.timed(error)),
            outcome => outcome,
        }
    }

    #[cold]
    fn timed(&self, error: RpcError) -> RpcError {
        error.with_time(self.deadline.map(|(_, left)| left))
    }
}

impl Future for Performing<'_> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let performing = self.get_mut();
        if let Stage::First(calling) = &mut performing.stage {
            let Answer { outcome, body } = ready!(Pin::new(&mut *calling).poll(cx));
            let Performing { client, method, awaits, deadline, .. } = *performing;
            match outcome {
                Outcome::Failure(error) => {
                    let failed = Failed { error, moves: !calling.connection().is_usable() };
                    performing.stage =
                        Stage::Rare(Box::pin(client.attempt(method, body, Some(failed), deadline, awaits)));
                }
                outcome => {
                    client.succeeded(method);
                    return Poll::Ready(performing.settle(outcome));
                }
            }
        }
        match &mut performing.stage {
            Stage::Rare(rare) => {
                #[cfg(feature = "blocking")]
                let _context = crate::blocking::context();
                rare.as_mut().poll(cx).map(|outcome| performing.settle(outcome))
            }
            Stage::First(_) => Poll::Pending,
        }
    }
}
