//! One call over one connection: waits for room at the peer, is started, and gives its answer. Never makes a call twice
//! and knows nothing of layers; `client/calling.rs` does.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::body::Body;
use crate::connection::{Connection, now};
use crate::driver::Looking;
use crate::error::RpcError;
use crate::proto::{CallKey, NewCall, Outcome, Session, Ticket};

impl Connection {
    /// Calls a method of the peer.
    pub(crate) fn call(&self, call: NewCall) -> Calling<'_> {
        let starting = Starting { connection: self, ticket: None, call: Some(call), looking: Looks::IfAlone };
        Calling { starting, key: None }
    }

    /// Starts a call of a method of the peer. Whoever has the key must see to its end.
    pub(crate) async fn start(&self, call: NewCall) -> Result<CallKey, Refused> {
        let mut starting =
            Starting { connection: self, ticket: None, call: Some(call), looking: Looks::Never };
        let started = std::future::poll_fn(|cx| starting.poll_with(cx.waker(), |_, _| ())).await;
        started.map(|(key, ())| key).map_err(|error| Refused { error, body: starting.take_body() })
    }
}

/// A call that waits to be started. Dropping it leaves the queue.
struct Starting<'a> {
    connection: &'a Connection,
    ticket: Option<Ticket>,
    call: Option<NewCall>,
    looking: Looks<'a>,
}

/// Whether a caller reads its reply itself.
enum Looks<'a> {
    Never,
    /// If no other call is under way: the replies of others are better read together.
    IfAlone,
    Now(Looking<'a>),
}

impl Starting<'_> {
    /// Starts the call as soon as the peer may be given one, and does `then` with the session at once.
    fn poll_with<R>(
        &mut self,
        waker: &Waker,
        then: impl FnOnce(&mut Session, CallKey) -> R,
    ) -> Poll<Result<(CallKey, R), RpcError>> {
        if let Some(NewCall { deadline: Some((at, left)), .. }) = &mut self.call {
            *left = at.saturating_duration_since(now());
        }
        let mut driver = None;
        let mut writes = false;
        let mut is_alone = false;
        let started = self.connection.with_session(|shared| {
            let started = shared.session.poll_start(&mut self.ticket, &mut self.call, waker);
            let due = shared.session.poll_timeout();
            let must_arm = due.is_some_and(|due| shared.armed.is_none_or(|armed| due < armed));
            writes = matches!(started, Poll::Ready(Ok(_))) && shared.session.is_worth_writing();
            is_alone = writes && shared.session.in_flight() == 1;
            if must_arm || (started.is_ready() && !writes) {
                driver = shared.driver.take();
            }
            started.map_ok(|key| (key, then(&mut shared.session, key)))
        });
        driver.into_iter().for_each(Waker::wake);
        if is_alone
            && matches!(self.looking, Looks::IfAlone)
            && let Some(looking) = Looking::begin(self.connection)
        {
            self.looking = Looks::Now(looking);
        }
        // Writing here saves the hop to the driver; what is left over is the driver's in any case.
        if writes && !self.connection.has_unwritten() && self.connection.flush() {
            // It has to know that output is stuck.
            self.connection.wake_driver();
        }
        started
    }

    /// The arguments of a call that was not started.
    fn take_body(&mut self) -> Option<Body> {
        self.call.take().map(|call| call.body)
    }
}

impl Drop for Starting<'_> {
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
pub(crate) struct Calling<'a> {
    starting: Starting<'a>,
    key: Option<CallKey>,
}

impl Future for Calling<'_> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let Self { starting, key } = self.get_mut();
        let waker = cx.waker();
        if let Some(started) = *key {
            let polled = poll_answer(&mut starting.connection.lock().session, started, waker);
            if polled.is_ready() {
                *key = None;
            }
            return polled;
        }
        match std::task::ready!(starting.poll_with(waker, |session, key| poll_answer(session, key, waker))) {
            Ok((started, mut polled)) => {
                *key = Some(started);
                if let Looks::Now(mut looking) = std::mem::replace(&mut starting.looking, Looks::Never)
                    && polled.is_pending()
                {
                    let connection = starting.connection;
                    polled = looking.until(|| poll_answer(&mut connection.lock().session, started, waker));
                }
                if polled.is_ready() {
                    *key = None;
                }
                polled
            }
            Err(error) => {
                let body = starting.take_body();
                Poll::Ready(Answer { outcome: Outcome::Failure(error), body })
            }
        }
    }
}

fn poll_answer(session: &mut Session, key: CallKey, waker: &Waker) -> Poll<Answer> {
    session.poll_answer(key, waker).map(|(outcome, body)| Answer { outcome, body })
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.starting.connection.act(|session| session.cancel_call(key));
        }
    }
}
