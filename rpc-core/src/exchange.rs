//! One call over one connection: waits for room at the peer, is started, and gives its answer. Never makes a call twice
//! and knows nothing of layers; `client/calling.rs` does.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::body::Body;
use crate::connection::{Connection, now};
use crate::driver::Looking;
use crate::error::RpcError;
use crate::proto::{Awaits, CallKey, NewCall, Outcome, Session, Ticket};

impl Connection {
    /// Calls a method of the peer.
    pub(crate) fn call(self: &Arc<Self>, call: NewCall) -> Calling {
        Calling::new(Arc::clone(self), call)
    }

    /// Starts a call of a method of the peer. Whoever has the key must see to its end.
    pub(crate) async fn start(&self, call: NewCall) -> Result<CallKey, Refused> {
        let mut starting = Starting::new(self, call);
        let started = std::future::poll_fn(|cx| {
            let started = starting.poll_with(cx.waker(), Looks::Never, |_, _, _| ());
            started.map_ok(|Started { key, .. }| key)
        });
        started.await
    }
}

/// A call that waits to be started. Dropping it leaves the queue.
struct Starting<C: Deref<Target = Connection>> {
    connection: C,
    ticket: Option<Ticket>,
    call: Option<NewCall>,
}

/// Whether a caller reads its reply itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    Never,
    /// If no other call is under way: the replies of others are better read together.
    IfAlone,
}

/// A call that was started.
struct Started<'a, R> {
    key: CallKey,
    then: R,
    looking: Option<Looking<'a>>,
}

impl<C: Deref<Target = Connection>> Starting<C> {
    fn new(connection: C, call: NewCall) -> Self {
        Self { connection, ticket: None, call: Some(call) }
    }

    /// Starts the call as soon as the peer may be given one, and does `then` with the session at once. That hears
    /// whether the caller looks.
    fn poll_with<R>(
        &mut self,
        waker: &Waker,
        looks: Looks,
        then: impl FnOnce(&mut Session, CallKey, bool) -> R,
    ) -> Poll<Result<Started<'_, R>, Refused>> {
        let Self { connection, ticket, call } = self;
        let connection: &Connection = connection;
        if let Some(NewCall { deadline: Some((at, left)), .. }) = call {
            *left = at.saturating_duration_since(now());
        }
        let mut driver = None;
        let mut writes = false;
        let mut looking = None;
        let started = connection.with_session(|shared| {
            let started = shared.session.poll_start(ticket, call, waker);
            writes = matches!(started, Poll::Ready(Ok(_))) && shared.session.is_worth_writing();
            if writes && looks == Looks::IfAlone && shared.session.in_flight() == 1 {
                looking = Looking::take(connection);
            }
            if shared.driver.is_some() && (shared.must_arm() || (started.is_ready() && !writes)) {
                driver = shared.driver.take();
            }
            started.map_ok(|key| (key, then(&mut shared.session, key, looking.is_some())))
        });
        if let Some(driver) = driver {
            driver.wake();
        }
        if let Some(looking) = &looking {
            looking.begin();
        }
        // Writing here saves the hop to the driver; what is left over is the driver's in any case.
        if writes && !connection.has_unwritten() && connection.flush() {
            // It has to know that output is stuck.
            connection.wake_driver();
        }
        match started {
            Poll::Ready(Ok((key, then))) => Poll::Ready(Ok(Started { key, then, looking })),
            Poll::Ready(Err(error)) => {
                Poll::Ready(Err(Refused { error, body: call.take().map(|call| call.body) }))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<C: Deref<Target = Connection>> Drop for Starting<C> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.connection.act(|session| session.leave_queue(ticket));
        }
    }
}

/// Why a call was not started, and its arguments.
pub(crate) struct Refused {
    pub(crate) error: RpcError,
    pub(crate) body: Option<Body>,
}

/// What came of a call.
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// The arguments of a call that failed, where they are still at hand: it can be made again.
    pub(crate) body: Option<Body>,
}

/// A call on its way. Dropping it cancels the call.
pub(crate) struct Calling {
    starting: Starting<Arc<Connection>>,
    key: Option<CallKey>,
}

impl Calling {
    /// A call that begins when it is first polled.
    pub(crate) fn new(connection: Arc<Connection>, call: NewCall) -> Self {
        Self { starting: Starting::new(connection, call), key: None }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.starting.connection
    }
}

impl Future for Calling {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let Self { starting, key } = self.get_mut();
        let waker = cx.waker();
        if let Some(started) = *key {
            let (polled, next) = {
                let mut shared = starting.connection.lock();
                let polled = poll_answer(&mut shared.session, started, waker);
                let next = if polled.is_ready() { shared.row.pop_front() } else { None };
                (polled, next)
            };
            next.into_iter().for_each(Waker::wake);
            if polled.is_ready() {
                *key = None;
            }
            return polled;
        }
        let awaits_reply = starting.call.as_ref().is_some_and(|call| call.awaits == Awaits::Reply);
        let looks = if awaits_reply { Looks::IfAlone } else { Looks::Never };
        // Who looks need not be woken.
        let then = |session: &mut Session, key, looks| match looks {
            true => Poll::Pending,
            false => poll_answer(session, key, waker),
        };
        match std::task::ready!(starting.poll_with(waker, looks, then)) {
            Ok(Started { key: started, then: mut polled, looking }) => {
                *key = Some(started);
                if let Some(mut looking) = looking {
                    polled = match looking.until(|session| session.take_answer(started)) {
                        Some((outcome, body)) => Poll::Ready(Answer { outcome, body }),
                        // Before the reading half goes back to the driver, which may find the answer at once.
                        None => poll_answer(&mut looking.connection().lock().session, started, waker),
                    };
                }
                if polled.is_ready() {
                    *key = None;
                }
                polled
            }
            Err(Refused { error, body }) => Poll::Ready(Answer { outcome: Outcome::Failure(error), body }),
        }
    }
}

fn poll_answer(session: &mut Session, key: CallKey, waker: &Waker) -> Poll<Answer> {
    session.poll_answer(key, waker).map(|(outcome, body)| Answer { outcome, body })
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.starting.connection.act(|session| session.cancel_call(key));
        }
    }
}
