//! The task behind one connection: the only place that reads from the transport, reads the clock, and runs
//! handlers. Never waits for writing: while the transport takes no more, reading goes on.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BufMut;
use tokio::io::AsyncRead;
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

use crate::connection::{Closing, Connection, LINGER, Shared, lost, now};
use crate::error::RpcError;
use crate::handlers::Handlers;
use crate::proto::{CallId, Event, Outcome};
use crate::transport::Epitaph;

/// Bytes read at once. A thread's connections share one buffer of this size; a connection owns memory only
/// for a frame that has arrived in part.
const READ: usize = 256 << 10;

/// Bytes read where a header is expected and then a large block.
const READ_HEADER: usize = 1 << 10;

/// Turns of the driver before it lets other tasks run: enough for throughput, short enough for fairness.
const TURNS: usize = 32;

/// Looks for replies before the driver sleeps, and calls in flight from which on it looks at all.
const LOOKS: usize = 4;
const MANY: usize = 8;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Ends a connection whose driver will never run again: it was cut off, it panicked, or its runtime has ended.
struct EndOnDrop(Arc<Connection>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(&lost("the connection was cut off on this side"));
    }
}

pub(crate) struct Driver {
    /// Nobody is left waiting, however the driver ends.
    _ends: EndOnDrop,
    pub(crate) connection: Arc<Connection>,
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) handlers: Handlers,
    pub(crate) epitaph: Option<Epitaph>,
    input: Vec<u8>,
    sleep: Pin<Box<Sleep>>,
    waker: Waker,
    lingers_until: Option<Instant>,
    events: Vec<Event>,
    outcomes: Vec<(CallId, Outcome)>,
    /// The transport took less than there was: until it takes more, gathering is of no use.
    blocked: bool,
    /// See [`note_stall`](Self::note_stall).
    stalled: Option<(Instant, u64)>,
    /// What `sleep` is set to.
    armed: Option<Instant>,
    /// The input may go on with a large block.
    within: bool,
    /// The session has events.
    has_events: bool,
}

/// How long a peer may read nothing of what waits for it (P-45).
const STALL: Duration = Duration::from_secs(20);

/// Why the driver comes up for air.
enum Turn {
    /// It has run for long: other tasks first.
    Yield,
    /// Callers have queued frames: give every caller that is ready the chance to add its own.
    Gather,
    /// The connection is over.
    End(RpcError, End),
}

/// How a connection comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By this side's own will.
    Closed,
    /// The peer is gone, or cannot be reached any more.
    Lost,
    /// The peer broke a rule, and is told so.
    Broken,
}

impl Driver {
    pub(crate) fn new(
        connection: Arc<Connection>,
        reader: Box<dyn AsyncRead + Send + Unpin>,
        handlers: Handlers,
        epitaph: Option<Epitaph>,
    ) -> Self {
        Self {
            _ends: EndOnDrop(Arc::clone(&connection)),
            connection,
            reader,
            handlers,
            epitaph,
            input: Vec::new(),
            sleep: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            waker: Waker::noop().clone(),
            lingers_until: None,
            events: Vec::new(),
            outcomes: Vec::new(),
            blocked: false,
            stalled: None,
            armed: None,
            within: false,
            has_events: false,
        }
    }

    /// Runs the connection to its end, and says why it ended.
    pub(crate) async fn run(mut self) -> RpcError {
        let (cause, end) = loop {
            let turn = match std::future::poll_fn(|cx| self.poll(cx)).await {
                // Unlike waking itself this does not wake another thread to take the driver over.
                Turn::Yield => {
                    tokio::task::yield_now().await;
                    None
                }
                Turn::Gather => self.gather().await.err(),
                end => Some(end),
            };
            if let Some(Turn::End(cause, end)) = turn {
                break (cause, end);
            }
        };
        self.finish(cause, end).await
    }

    /// Lets every caller that is ready add its frame, and the callers of replies that have come meanwhile, then
    /// writes it all at once. With many calls in flight the next replies are likely to be here soon: looking
    /// for them a few times costs less than going to sleep and being woken.
    async fn gather(&mut self) -> Result<(), Turn> {
        self.look().await?;
        self.blocked = self.connection.flush();
        for _ in 0..LOOKS {
            let in_flight = self.connection.with_session(|shared| shared.session.in_flight());
            if in_flight < MANY || self.look().await? {
                break;
            }
        }
        Ok(())
    }

    /// Lets other tasks run, then reads once. Whether there was something to read.
    async fn look(&mut self) -> Result<bool, Turn> {
        tokio::task::yield_now().await;
        match std::future::poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await {
            Poll::Ready(read) => read.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    async fn finish(self, cause: RpcError, end: End) -> RpcError {
        let Self { connection, mut reader, handlers, epitaph, .. } = self;
        // Handlers first: nobody will hear them any more.
        drop(handlers);
        if end == End::Broken {
            connection.with_session(|shared| shared.session.go_away(cause.message()));
            let flushed = std::future::poll_fn(|cx| {
                connection.set_driver(cx.waker());
                match connection.flush() {
                    true if connection.write_failure().is_none() => Poll::Pending,
                    _ => Poll::Ready(()),
                }
            });
            let _ = tokio::time::timeout(LINGER, flushed).await;
        }
        let mut cause = cause.with_address(&connection.peer.endpoint);
        // What ends on this side's own word needs no explanation.
        if end != End::Closed
            && let Some(epitaph) = epitaph
            && let Ok(Some(last_words)) = tokio::time::timeout(LINGER, epitaph).await
        {
            let message = format!("{}; {last_words}", cause.message());
            cause = RpcError::new(cause.code(), message).with_address(&connection.peer.endpoint);
        }
        tracing::debug!(peer = %connection.peer.endpoint, %cause, "connection ended");
        connection.end(&cause);
        connection.shutdown().await;
        if end == End::Broken {
            // Closing with unread input would throw away what was just said to the peer.
            let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut reader, &mut tokio::io::sink())).await;
        }
        cause
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if !self.waker.will_wake(cx.waker()) {
            self.waker.clone_from(cx.waker());
            self.connection.set_driver(&self.waker);
            self.handlers.set_driver(&self.waker);
            self.armed = None;
        }
        for _ in 0..TURNS {
            let read = match self.poll_read(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(turn)) => return Poll::Ready(turn),
                Poll::Pending => false,
            };
            let answered = self.run_handlers();
            if answered {
                self.blocked = self.connection.flush();
            }
            if !read && !answered {
                return self.rest(cx);
            }
        }
        Poll::Ready(Turn::Yield)
    }

    /// Reads once and takes what came to the session.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Turn>> {
        let (block, follows) = match self.within {
            true => self
                .connection
                .with_session(|shared| (shared.session.lend_block(), shared.session.expects_block())),
            false => (None, false),
        };
        if let Some((block, most)) = block {
            return self.poll_read_block(cx, block, most);
        }
        // Where a large block follows, only its header is wanted here: the block is read into its own place.
        let most = if follows && self.input.is_empty() { READ_HEADER } else { READ };
        let mut scratch = SCRATCH.take();
        scratch.extend_from_slice(&self.input);
        scratch.reserve(READ);
        let mut limited = (&mut scratch).limit(most);
        let result = match poll_read_buf(Pin::new(&mut self.reader), cx, &mut limited) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Err(self.end_of_input())),
            Poll::Ready(Ok(_)) => Poll::Ready(self.take_input(&scratch).map(|used| {
                self.input.clear();
                if used < scratch.len() {
                    self.input.extend_from_slice(&scratch[used..]);
                } else if self.input.capacity() > 0 {
                    self.input = Vec::new();
                }
            })),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.read_failed(&error))),
        };
        scratch.clear();
        SCRATCH.set(scratch);
        result
    }

    fn take_input(&mut self, input: &[u8]) -> Result<usize, Turn> {
        let Self { connection, within, has_events, .. } = self;
        let now = now();
        let taken = connection.with_session(|shared| {
            let taken = shared.session.handle_input(input, now);
            *within = shared.session.may_continue();
            *has_events = shared.session.has_events();
            taken
        });
        taken.map_err(|cause| Turn::End(cause, End::Broken))
    }

    /// Reads the content of a large block into its own place.
    fn poll_read_block(
        &mut self,
        cx: &mut Context<'_>,
        mut block: Vec<u8>,
        most: usize,
    ) -> Poll<Result<(), Turn>> {
        block.reserve(most.min(READ));
        let mut limited = (&mut block).limit(most.min(READ));
        let read = poll_read_buf(Pin::new(&mut self.reader), cx, &mut limited);
        let bytes = if let Poll::Ready(Ok(bytes)) = read { bytes } else { 0 };
        let Self { connection, within, has_events, .. } = self;
        let returned = connection.with_session(|shared| {
            let returned = shared.session.return_block(block, bytes, now());
            *within = shared.session.may_continue();
            *has_events = shared.session.has_events();
            returned
        });
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Err(self.end_of_input())),
            Poll::Ready(Ok(_)) => Poll::Ready(returned.map_err(|cause| Turn::End(cause, End::Broken))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.read_failed(&error))),
        }
    }

    fn end_of_input(&self) -> Turn {
        let (greeted, left, within) = self.connection.with_session(|shared| {
            let session = &shared.session;
            let within = session.is_within_frame() || !self.input.is_empty();
            (session.peer().is_some(), session.peer_leaves().map(str::to_owned), within)
        });
        let message = match left {
            _ if !greeted => "the peer closed the connection before it had said hello".to_owned(),
            _ if within => "the connection broke in the middle of a frame".to_owned(),
            Some(reason) => format!("the peer closed the connection: {reason}"),
            None => "the peer closed the connection".to_owned(),
        };
        Turn::End(lost(message), End::Lost)
    }

    /// Everything is said on both sides.
    fn left(&self) -> Turn {
        let (closing, reason) = self
            .connection
            .with_session(|shared| (shared.closing, shared.session.peer_leaves().map(str::to_owned)));
        match reason {
            Some(reason) if closing == Closing::No => {
                Turn::End(lost(format!("the peer closed the connection: {reason}")), End::Lost)
            }
            _ => Turn::End(lost("the connection was closed on this side"), End::Closed),
        }
    }

    fn read_failed(&self, error: &io::Error) -> Turn {
        Turn::End(lost(format!("reading failed: {error}")).with_source(error), End::Lost)
    }

    /// Starts, polls and cancels handlers. `true` if something was answered and not written yet.
    fn run_handlers(&mut self) -> bool {
        let mut answered = false;
        while self.run_portion(&mut answered) {
            // The peer has something to go on with while the next ones run.
            if answered && !self.blocked {
                self.blocked = self.connection.flush();
                answered = false;
            }
        }
        answered
    }

    /// Does so for a portion of the calls. `true` if there are more.
    fn run_portion(&mut self, answered: &mut bool) -> bool {
        let Self { connection, handlers, events, outcomes, has_events, .. } = self;
        if !*has_events && !handlers.has_woken() {
            return false;
        }
        let before = connection.with_session(|shared| {
            // It is awake: handlers that queue items need not wake it.
            shared.driver = None;
            shared.session.poll_portion(events);
            shared.session.position()
        });
        for event in events.drain(..) {
            match event {
                Event::Call(incoming) => {
                    let id = incoming.id;
                    outcomes.extend(handlers.start(incoming).map(|outcome| (id, outcome)));
                }
                Event::Cancel(id, code) => {
                    outcomes.extend(handlers.cancel(id, code).map(|outcome| (id, outcome)));
                }
            }
        }
        handlers.poll_woken(outcomes);
        connection.with_session(|shared| {
            for (id, outcome) in outcomes.drain(..) {
                shared.session.reply(id, outcome);
            }
            *answered |= shared.session.position() != before;
            *has_events = shared.session.has_events();
            // How much output the first ones cause decides whether the next ones may start.
            shared.session.has_ready_event()
        })
    }

    /// Since when the transport has taken nothing of what waits for it, and how much it had taken by then.
    fn note_stall(&mut self) -> Option<(Instant, u64)> {
        self.stalled = match (self.blocked, self.stalled) {
            (false, _) => None,
            (true, Some((since, written))) if written == self.connection.written() => Some((since, written)),
            (true, _) => Some((now(), self.connection.written())),
        };
        self.stalled
    }

    /// Nothing to read and nothing to run: looks after output, time and the wish to close, then sleeps.
    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        // Waits for whoever is writing: what they cannot write is the driver's from then on.
        if self.connection.has_unwritten()
            && let Some(kind) = self.connection.write_failure()
        {
            let error = io::Error::from(kind);
            let cause = lost(format!("writing failed: {error}")).with_source(&error);
            return Poll::Ready(Turn::End(cause, End::Lost));
        }
        loop {
            let stalled = self.note_stall();
            if stalled.is_some_and(|(since, _)| now() >= since + STALL) {
                let waited = humantime::format_duration(STALL);
                let cause = lost(format!("the peer has read nothing for {waited} while output waits for it"));
                return Poll::Ready(Turn::End(cause, End::Lost));
            }
            let (due, queued, leaving) = self.connection.with_session(|shared| {
                let due = earliest(shared.session.poll_timeout(), self.lingers_until);
                let due = earliest(due, stalled.and_then(|(since, _)| since.checked_add(STALL)));
                match &mut shared.driver {
                    Some(driver) => driver.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                shared.armed = due;
                (due, shared.session.queued(), Leaving::of(shared))
            });
            if leaving != Leaving::No && !self.connection.flush() && self.connection.is_flushed() {
                let until = *self.lingers_until.get_or_insert_with(|| now() + LINGER);
                if leaving == Leaving::Now || until <= now() {
                    return Poll::Ready(self.left());
                }
                if due.is_none_or(|due| until < due) {
                    continue;
                }
            }
            if queued > 0 && !self.blocked {
                // Whoever adds to the batch need not wake the driver: a wake-up would cut the gathering short.
                self.connection.with_session(|shared| shared.driver = None);
                return Poll::Ready(Turn::Gather);
            }
            self.blocked = (queued > 0 || self.connection.has_unwritten()) && self.connection.flush();
            let Some(due) = due else { return Poll::Pending };
            if self.armed == Some(due) && !self.sleep.is_elapsed() {
                return Poll::Pending;
            }
            if due > now() {
                self.armed = Some(due);
                self.sleep.as_mut().reset(due.into());
                if self.sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
            self.armed = None;
            let Self { connection, has_events, .. } = self;
            let timed = connection.with_session(|shared| {
                let timed = shared.session.handle_timeout(now());
                *has_events = shared.session.has_events();
                timed
            });
            if let Err(cause) = timed {
                return Poll::Ready(Turn::End(cause, End::Broken));
            }
            if self.run_handlers() {
                self.blocked = self.connection.flush();
            }
        }
    }
}

/// Whether the connection is to end by this side's will, once everything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// The peer has been told, and may have calls on their way that are still to be refused: it closes.
    WhenPeerHas,
    Now,
}

impl Leaving {
    fn of(shared: &Shared) -> Self {
        let session = &shared.session;
        let idle = session.serving() == 0 && session.in_flight() == 0;
        match shared.closing {
            Closing::Flushed => Leaving::Now,
            // It takes no more calls and has none to make.
            _ if session.peer_leaves().is_some() && idle => Leaving::Now,
            Closing::Drained if session.peer().is_none() => Leaving::Now,
            Closing::Drained if idle => Leaving::WhenPeerHas,
            Closing::Drained | Closing::No => Leaving::No,
        }
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
