//! Middleware: tower layers around calls, on either side. Sees encoded bodies alone, and costs nothing where there is
//! none.
//!
//! A layer is put around a [`Channel`](crate::Channel) or a [`ServerBuilder`](crate::ServerBuilder); each one is
//! around what is there already, so the last one added sees a call first. Layers of `tower` itself work as they are:
//! timeout, concurrency limit, load shed, retry, and, below a buffer, those that cannot be cloned, such as the rate
//! limit.
//!
//! What one call is to a layer: on the client, the call until its reply, or until the first items of the stream it
//! gives have come; a `oneway` call until it is queued. On the server, the handler from its start until its reply, items
//! included. A call that its caller gives up is dropped in all layers.

mod callee;
mod caller;
mod errors;
mod next;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::connection::now;
use crate::described::DescribedMethod;
use crate::endpoint::Endpoint;
use crate::metadata::Metadata;
use crate::proto::Outcome;
use crate::streaming::Opened;

pub(crate) use callee::{LayeredSlot, innermost as callee_innermost};
pub(crate) use caller::{Call, innermost as caller_innermost, through};
pub(crate) use errors::failure;
pub use next::{FromFn, Intercept, Layered, Next, from_fn, intercept};

/// The error type of a layered service, as tower's layers have it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A call on its way through layers.
pub struct Request {
    service: Cow<'static, str>,
    method: DescribedMethod,
    endpoint: Endpoint,
    metadata: Metadata,
    deadline: Option<Instant>,
    pub(crate) act: Act,
    /// Whether it has come to what the layers are around.
    pub(crate) reached: Arc<AtomicBool>,
}

/// What is left to do with it.
pub(crate) enum Act {
    Caller(caller::Call),
    Callee(callee::Run),
}

impl Request {
    pub(crate) fn new(
        service: Cow<'static, str>,
        method: DescribedMethod,
        endpoint: Endpoint,
        act: Act,
    ) -> Self {
        let (metadata, deadline, reached) = (Metadata::default(), None, Arc::default());
        Self { service, method, endpoint, metadata, deadline, act, reached }
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The method, as `Service.method`.
    pub fn method(&self) -> &str {
        &self.method.path
    }

    /// Whether the method is `#[ipc(idempotent)]`.
    pub fn is_idempotent(&self) -> bool {
        self.method.idempotent
    }

    /// Where the other side is: on the client what is called, on the server who calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What travels, or came, beside the arguments.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The same, to be changed: what a client's layer leaves there is sent, and what a server's does is seen by the
    /// handler. Above 8 KiB on the client the call fails unsent.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// When the call's time is up, by this process's own clock.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Shortens the call's time on the client; on the server what the caller gave is kept.
    pub fn limit_time(&mut self, timeout: Duration) {
        let limit = now().checked_add(timeout);
        self.deadline = self.deadline.into_iter().chain(limit).min();
    }

    /// The call once more, for a layer that may have to repeat it: on the client a call without streams. `None` for
    /// all others.
    pub fn try_clone(&self) -> Option<Self> {
        let Act::Caller(call) = &self.act else { return None };
        let act = Act::Caller(call.try_clone()?);
        Some(Self {
            service: self.service.clone(),
            method: self.method.clone(),
            endpoint: self.endpoint.clone(),
            metadata: self.metadata.clone(),
            deadline: self.deadline,
            act,
            reached: Arc::clone(&self.reached),
        })
    }

    pub(crate) fn with_metadata(self, metadata: Metadata) -> Self {
        Self { metadata, ..self }
    }

    pub(crate) fn with_deadline(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    pub(crate) fn set_reached(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method.path)
            .field("endpoint", &format_args!("{}", self.endpoint))
            .field("metadata", &self.metadata)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What a call came to, where it did not fail.
pub struct Response {
    pub(crate) result: Answered,
}

#[allow(clippy::large_enum_variant, reason = "one a call, and moved once")]
pub(crate) enum Answered {
    /// The method's value, or its own error.
    Outcome(Outcome),
    /// A stream has begun.
    Stream(Opened),
}

impl Response {
    /// Whether it is the method's own error.
    pub fn is_error(&self) -> bool {
        matches!(self.result, Answered::Outcome(Outcome::Error(_)))
    }

    /// Bytes of the value or error; 0 for a stream.
    pub fn size(&self) -> usize {
        match &self.result {
            Answered::Outcome(Outcome::Output(body) | Outcome::Error(body)) => body.len(),
            Answered::Outcome(Outcome::Failure(_)) | Answered::Stream(_) => 0,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("is_error", &self.is_error())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
