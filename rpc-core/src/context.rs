//! What a handler may know of the call it serves. Never on the wire, and never a way to answer the call.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::channel::Channel;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::metadata::Metadata;
use crate::trace::Traced;
use crate::transport::Peer;

/// What a handler may know of its call: declare a `&Context` parameter anywhere in a method's list.
///
/// Clones stay valid after the handler has ended, so a task it starts may hold one.
///
/// Calls that a handler makes inherit its deadline by themselves: they have no more time than it has. A task
/// that it spawns is not the handler; calls made there have the time that is given to them.
#[derive(Debug, Clone)]
pub struct Context {
    method: &'static str,
    caller: Caller,
    deadline: Option<Instant>,
    metadata: Option<Arc<Metadata>>,
    cancelled: CancellationToken,
}

/// Who makes a call.
#[derive(Clone)]
pub(crate) enum Caller {
    /// The peer of a connection.
    Connection(Arc<Connection>),
    /// Nobody that could be called.
    Nobody(Arc<Peer>),
}

impl Caller {
    fn peer(&self) -> &Peer {
        match self {
            Caller::Connection(connection) => &connection.peer,
            Caller::Nobody(peer) => peer,
        }
    }
}

impl From<Arc<Connection>> for Caller {
    fn from(connection: Arc<Connection>) -> Self {
        Self::Connection(connection)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer().fmt(f)
    }
}

impl Context {
    /// The context of a call that is made within this process, for calling an implementation directly, or a
    /// client that stands for one (`#[ipc_service(transparent)]`).
    ///
    /// Nobody is at the other end, so there is nothing to know: [`peer`](Self::peer) is `in-process:local`
    /// without credentials, [`channel`](Self::channel) is closed, [`deadline`](Self::deadline) is `None`, [`metadata`](Self::metadata) and
    /// [`method`](Self::method) are empty, and [`cancelled`](Self::cancelled) never resolves.
    pub fn local() -> Self {
        let endpoint = Endpoint::new("in-process", "local").expect("a scheme and a name");
        let caller = Caller::Nobody(Arc::new(Peer::new(endpoint)));
        Self { method: "", caller, deadline: None, metadata: None, cancelled: CancellationToken::new() }
    }

    /// The caller: its address and, where the transport knows them, its uid, gid and pid.
    pub fn peer(&self) -> &Peer {
        self.caller.peer()
    }

    /// A channel to the caller, over the connection that the call came on, for calling what it serves itself
    /// (`Channel::builder().service(…)`). It does not keep the connection: once the caller has gone, calls fail.
    pub fn channel(&self) -> Channel {
        match &self.caller {
            Caller::Connection(connection) => Channel::over(Some(Arc::clone(connection)), None),
            Caller::Nobody(_) => Channel::over(None, None),
        }
    }

    /// When the call's time is up, by this process's own clock.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What the caller sent beside the arguments, by `with_metadata`.
    pub fn metadata(&self) -> &Metadata {
        self.metadata.as_deref().unwrap_or(Metadata::EMPTY)
    }

    /// The method being served, as `Service.method`.
    pub fn method(&self) -> &str {
        self.method
    }

    /// Waits until the call is given up: its caller cancelled it or is gone, its time ran out, or the server
    /// was shut down. The handler itself is dropped then; this is for tasks it has started. Never resolves
    /// for a call that is answered.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Whether the call was given up, as [`cancelled`](Self::cancelled) says.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }
}

/// What a handler passes on to the calls that it makes.
#[derive(Debug, Clone, Default)]
pub(crate) struct HandlerScope {
    /// Its calls have no more time than it has itself.
    pub(crate) deadline: Option<Instant>,
    /// They belong to the same trace.
    pub(crate) traced: Option<Arc<Traced>>,
}

thread_local! {
    /// Of the handler that this thread polls. The trace is looked at only where there is one.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
    static IS_TRACED: Cell<bool> = const { Cell::new(false) };
    static TRACED: RefCell<Option<Arc<Traced>>> = const { RefCell::new(None) };
}

impl HandlerScope {
    /// That of the handler from which this is called.
    pub(crate) fn current() -> Self {
        let traced = if IS_TRACED.get() { TRACED.with_borrow(Option::clone) } else { None };
        Self { deadline: DEADLINE.get(), traced }
    }

    /// Whether the handler from which this is called is traced.
    pub(crate) fn is_traced() -> bool {
        IS_TRACED.get()
    }

    /// Polls the handler: calls that start meanwhile take from this scope.
    pub(crate) fn poll<R>(&self, poll: impl FnOnce() -> R) -> R {
        struct Restore(Option<Instant>);
        impl Drop for Restore {
            fn drop(&mut self) {
                DEADLINE.set(self.0);
            }
        }
        let _restore = Restore(DEADLINE.replace(self.deadline));
        match &self.traced {
            Some(traced) => Self::poll_traced(traced, poll),
            None if IS_TRACED.get() => Self::poll_untraced(poll),
            None => poll(),
        }
    }

    fn poll_traced<R>(traced: &Arc<Traced>, poll: impl FnOnce() -> R) -> R {
        let _restore = RestoreTrace::replace(Some(Arc::clone(traced)));
        traced.within(poll)
    }

    /// Within another handler that is traced.
    #[cold]
    fn poll_untraced<R>(poll: impl FnOnce() -> R) -> R {
        let _restore = RestoreTrace::replace(None);
        poll()
    }
}

struct RestoreTrace(Option<Arc<Traced>>);

impl RestoreTrace {
    fn replace(traced: Option<Arc<Traced>>) -> Self {
        IS_TRACED.set(traced.is_some());
        Self(TRACED.replace(traced))
    }
}

impl Drop for RestoreTrace {
    fn drop(&mut self) {
        let outer = self.0.take();
        IS_TRACED.set(outer.is_some());
        TRACED.set(outer);
    }
}

/// The deadline of the handler from which this is called.
pub(crate) fn handler_deadline() -> Option<Instant> {
    DEADLINE.get()
}

/// What a call carries from which a [`Context`] can be made. Dropping it unanswered cancels the contexts made.
#[derive(Debug)]
pub(crate) struct CallScope {
    pub(crate) method: &'static str,
    caller: Caller,
    pub(crate) deadline: Option<Instant>,
    metadata: Option<Arc<Metadata>>,
    cancelled: OnceLock<CancellationToken>,
    answered: AtomicBool,
}

impl CallScope {
    pub(crate) fn new(method: &'static str, caller: Caller, deadline: Option<Instant>) -> Self {
        let (cancelled, answered) = (OnceLock::new(), AtomicBool::new(false));
        Self { method, caller, deadline, metadata: None, cancelled, answered }
    }

    /// What came beside the arguments.
    pub(crate) fn set_metadata(&mut self, metadata: Metadata) {
        self.metadata = (!metadata.is_empty()).then(|| Arc::new(metadata));
    }

    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            method: self.method,
            caller: self.caller.clone(),
            deadline: self.deadline,
            metadata: self.metadata.clone(),
            cancelled: self.cancelled.get_or_init(CancellationToken::new).clone(),
        }
    }

    pub(crate) fn set_answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }
}

impl Drop for CallScope {
    fn drop(&mut self) {
        if !*self.answered.get_mut()
            && let Some(cancelled) = self.cancelled.get()
        {
            cancelled.cancel();
        }
    }
}
