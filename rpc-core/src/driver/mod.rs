//! The task behind one connection: the only place that reads from the transport, reads the clock, and runs
//! handlers. Never waits for writing: while the transport takes no more, reading goes on.

mod ending;
mod looking;
mod looks;
mod pace;
#[cfg(all(test, traitwire_loom))]
mod races;
mod reading;
mod row;
mod slot;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use self::ending::{End, EndOnDrop, Leaving};
pub(crate) use self::looking::Looking;
pub(crate) use self::looks::{LookKind, Looks};
use self::pace::{Pace, Seen};
pub(crate) use self::reading::Reading;
use self::row::Rows;
pub(crate) use self::slot::ReadingSlot;

use crate::connection::{Connection, LINGER, lost, now};
use crate::error::RpcError;
use crate::handlers::Handlers;
use crate::patience::Patience;
use crate::proto::{CallId, Event, Outcome};
use crate::transport::Epitaph;
use crate::watchdog::watched;

/// How long the driver goes on before it lets other tasks run, and turns between two questions to the clock: enough
/// for throughput, short enough for fairness.
const FAIR: Duration = Duration::from_micros(100);
const TURNS: usize = 32;

/// Looks for replies before the driver sleeps, and calls in flight from which on it looks at all.
const LOOKS: usize = 4;
const MANY: usize = 8;

pub(crate) struct Driver {
    /// Nobody is left waiting, however the driver ends.
    _ends: EndOnDrop,
    pub(crate) connection: Arc<Connection>,
    pub(crate) handlers: Handlers,
    pub(crate) epitaph: Option<Epitaph>,
    timer: Pin<Box<Sleep>>,
    waker: Waker,
    /// Until when a connection that is to end may take to write what is queued, and then to hear the peer end it.
    flushes_until: Option<Instant>,
    lingers_until: Option<Instant>,
    events: Vec<Event>,
    outcomes: Vec<(CallId, Outcome)>,
    /// The transport took less than there was: until it takes more, gathering is of no use.
    blocked: bool,
    /// See [`note_stall`](Self::note_stall).
    stalled: Option<(Instant, u64)>,
    /// What `timer` is set to.
    armed: Option<Instant>,
    /// Over a transport that can be looked at: what is to be done before the driver sleeps, and for how long it looks.
    looks: Looks,
    pace: Pace,
    patience: Patience,
    /// Handlers that had not ended when they were last run.
    serving: usize,
    rows: Rows,
    /// Callers wait in a row.
    has_row: bool,
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

impl Driver {
    pub(crate) fn new(
        connection: Arc<Connection>,
        handlers: Handlers,
        epitaph: Option<Epitaph>,
        looks: Looks,
        longest_look: Duration,
    ) -> Self {
        Self {
            _ends: EndOnDrop(Arc::clone(&connection)),
            connection,
            handlers,
            epitaph,
            timer: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            waker: Waker::noop().clone(),
            flushes_until: None,
            lingers_until: None,
            events: Vec::new(),
            outcomes: Vec::new(),
            blocked: false,
            stalled: None,
            armed: None,
            patience: looks.patience(longest_look),
            looks,
            pace: Pace::Resting,
            serving: 0,
            rows: Rows::new(),
            has_row: false,
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
        // On the heap, so that a connection does not hold room for its end all its life.
        Box::pin(self.finish(cause, end)).await
    }

    /// Lets every caller that is ready add its frame, and the callers of replies that have come meanwhile, then
    /// writes it all at once. With many calls in flight the next replies are likely to be here soon: looking
    /// for them costs less than going to sleep and being woken.
    async fn gather(&mut self) -> Result<(), Turn> {
        self.yield_and_read().await?;
        self.blocked = self.connection.flush();
        for _ in 0..LOOKS {
            let in_flight = self.connection.with_session(|shared| shared.session.in_flight());
            if in_flight < MANY || self.yield_and_read().await? {
                break;
            }
            // Whoever was ready has run: from here on the thread is not needed by others.
            if self.serving == 0 && matches!(self.looks, Looks::ByReading(_)) {
                let seen = std::future::poll_fn(|cx| Poll::Ready(self.look_by_reading(cx))).await;
                return if let Seen::Ended(turn) = seen { Err(turn) } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// Lets other tasks run, then reads once. Whether there was something to read.
    async fn yield_and_read(&mut self) -> Result<bool, Turn> {
        if self.has_row {
            self.wake_row().await;
        } else {
            tokio::task::yield_now().await;
        }
        match std::future::poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await {
            Poll::Ready(read) => read.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// Wakes the callers in the row, as far as they do not wake each other, and lets them run.
    async fn wake_row(&mut self) {
        let (begin, count) = (Instant::now(), self.connection.lock().row.len());
        loop {
            let next = self.connection.lock().row.pop_front();
            let Some(next) = next else { break };
            next.wake();
            // Until whoever is awake has had a turn. One that has not taken its reply by then wakes nobody.
            tokio::task::yield_now().await;
        }
        self.has_row = false;
        self.rows.note(begin.elapsed(), count);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if !self.waker.will_wake(cx.waker()) {
            self.waker.clone_from(cx.waker());
            self.connection.set_driver(&self.waker);
            self.handlers.set_driver(&self.waker);
            self.connection.home.set_driver(&self.waker);
            self.armed = None;
            // At the first poll what is queued is the hello, and nobody is there yet whose frames could go with it.
            self.blocked = self.connection.flush();
        }
        let begin = Instant::now();
        // What the look at the end of the last turn has shown.
        let mut seen = Seen::Nothing;
        for turn in 1_usize.. {
            let looked = std::mem::replace(&mut seen, Seen::Nothing);
            let read = matches!(looked, Seen::Read)
                || match self.poll_read(cx) {
                    Poll::Ready(Ok(())) => true,
                    Poll::Ready(Err(turn)) => return Poll::Ready(turn),
                    Poll::Pending => false,
                };
            let answered = self.run_handlers();
            if answered {
                self.blocked = self.connection.flush();
            }
            if self.has_row {
                // Whoever adds to the batch need not wake the driver.
                self.connection.with_session(|shared| shared.driver = None);
                return Poll::Ready(Turn::Gather);
            }
            if read || answered {
                self.pace = Pace::Brisk;
            }
            // Never between reading and running what was read. A turn that begins with a look takes longer than others.
            let has_looked = !matches!(looked, Seen::Nothing);
            // To loom it does not matter how long something takes.
            if (has_looked || turn % TURNS == 0) && !cfg!(traitwire_loom) && begin.elapsed() >= FAIR {
                break;
            }
            if read || answered {
                continue;
            }
            seen = match self.look(cx) {
                Seen::Ended(turn) => return Poll::Ready(turn),
                Seen::Nothing => match std::task::ready!(self.rest(cx)) {
                    Some(turn) => return Poll::Ready(turn),
                    None => Seen::Nothing,
                },
                seen => seen,
            };
        }
        // A connection that is always busy has deadlines and an end all the same.
        match self.attend(None) {
            Ok(Attended { queued, .. }) => {
                self.blocked = (queued || self.connection.has_unwritten()) && self.connection.flush();
                Poll::Ready(Turn::Yield)
            }
            Err(turn) => Poll::Ready(turn),
        }
    }

    /// Reads once. Over a transport that can be looked at the peer does not hear of it that nothing was there.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Turn>> {
        match &self.looks {
            Looks::AtMemory(busy_poll) if !busy_poll.has_bytes() => Poll::Pending,
            _ => self.poll_armed(cx),
        }
    }

    /// Reads once. If nothing is there, the transport wakes the driver when something comes.
    fn poll_armed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Turn>> {
        let Self { connection, rows, has_row, .. } = self;
        let Poll::Ready(Some(mut reading)) = connection.reading.poll_take(cx) else { return Poll::Pending };
        reading.driver.clone_from(cx.waker());
        let read = match reading.ended.take() {
            Some(ended) => Poll::Ready(Err(ended)),
            None => reading.poll(connection, cx, |shared| {
                // Where looking is cheap callers may have read for others, and the driver may be looking.
                let together = shared.session.answered().len() > 1;
                if together && connection.looks != LookKind::AtMemory && (*has_row || rows.are_quick()) {
                    shared.line_up();
                    *has_row = true;
                }
            }),
        };
        connection.reading.put_back(reading);
        read.map_err(|(cause, end)| Turn::End(cause, end))
    }

    /// Nothing is left to do: sleeps, or lets others run first. `Ready` if there is something to do after all.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<Option<Turn>> {
        if !matches!(self.looks, Looks::AtMemory(_)) {
            return Poll::Pending;
        }
        if self.pace == Pace::Polite {
            // A caller that wakes the driver would cut the turn of the others short.
            self.connection.with_session(|shared| shared.driver = None);
            return Poll::Ready(Some(Turn::Yield));
        }
        match std::task::ready!(self.poll_armed(cx)) {
            Ok(()) => {
                self.pace = Pace::Brisk;
                Poll::Ready(None)
            }
            Err(turn) => Poll::Ready(Some(turn)),
        }
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
        let Self { connection, handlers, events, outcomes, serving, .. } = self;
        if !connection.has_events() && !handlers.has_woken() {
            return false;
        }
        let before = connection.with_session(|shared| {
            // It is awake: handlers that queue items need not wake it.
            shared.driver = None;
            shared.session.poll_portion(events);
            shared.session.position()
        });
        watched(|| {
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
        });
        connection.with_session(|shared| {
            for (id, outcome) in outcomes.drain(..) {
                shared.session.reply(id, outcome);
            }
            *answered |= shared.session.position() != before;
            connection.note_events(shared);
            *serving = shared.session.serving();
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

    /// Nothing to read and nothing to run: looks after the rest, then sleeps.
    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Turn>> {
        loop {
            let Attended { due, queued, has_events } = match self.attend(Some(cx.waker())) {
                Ok(attended) => attended,
                Err(turn) => return Poll::Ready(Some(turn)),
            };
            if has_events {
                return Poll::Ready(None);
            }
            if queued && !self.blocked {
                // Whoever adds to the batch need not wake the driver: a wake-up would cut the gathering short.
                self.connection.with_session(|shared| shared.driver = None);
                return Poll::Ready(Some(Turn::Gather));
            }
            let was_blocked = self.blocked;
            self.blocked = (queued || self.connection.has_unwritten()) && self.connection.flush();
            if self.blocked && !was_blocked {
                // From here on the peer's time to read runs.
                continue;
            }
            let Some(due) = due else { return self.sleep(cx) };
            if self.armed == Some(due) && !self.timer.is_elapsed() {
                return self.sleep(cx);
            }
            if due > now() {
                self.armed = Some(due);
                self.timer.as_mut().reset(due.into());
                if self.timer.as_mut().poll(cx).is_pending() {
                    return self.sleep(cx);
                }
            }
            self.armed = None;
        }
    }

    /// Looks after output, time and the wish to close. `sleeper` is woken when there is something to do that only
    /// the driver does.
    fn attend(&mut self, sleeper: Option<&Waker>) -> Result<Attended, Turn> {
        loop {
            // Waits for whoever is writing: what they cannot write is the driver's from then on.
            if self.connection.has_unwritten()
                && let Some(kind) = self.connection.write_failure()
            {
                let error = io::Error::from(kind);
                let cause = lost(format!("writing failed: {error}")).with_source(&error);
                return Err(Turn::End(cause, End::Lost));
            }
            let stalled = self.note_stall();
            if stalled.is_some_and(|(since, _)| now() >= since + STALL) {
                let waited = humantime::format_duration(STALL);
                let cause = lost(format!("the peer has read nothing for {waited} while output waits for it"));
                return Err(Turn::End(cause, End::Lost));
            }
            let (mut due, queued, has_events, leaving) = self.connection.with_session(|shared| {
                shared.session.return_references();
                let stalls_at = stalled.and_then(|(since, _)| since.checked_add(STALL));
                let due = earliest(shared.session.poll_timeout(), stalls_at);
                if let Some(sleeper) = sleeper {
                    match &mut shared.driver {
                        Some(driver) => driver.clone_from(sleeper),
                        none => *none = Some(sleeper.clone()),
                    }
                    shared.armed = due;
                }
                let session = &shared.session;
                (due, session.has_output(), session.has_ready_event(), Leaving::of(shared))
            });
            if leaving == Leaving::No {
                (self.flushes_until, self.lingers_until) = (None, None);
            } else {
                self.blocked = self.connection.flush();
                let is_flushed = !self.blocked && self.connection.is_flushed();
                // Who reads slowly is not waited for longer than who does not read at all.
                let (until, patience) = match is_flushed {
                    true => (&mut self.lingers_until, LINGER),
                    false => (&mut self.flushes_until, STALL),
                };
                let until = *until.get_or_insert_with(|| now() + patience);
                if (is_flushed && leaving == Leaving::Now) || until <= now() {
                    return Err(self.left());
                }
                due = earliest(due, Some(until));
            }
            if due.is_none_or(|due| due > now()) {
                return Ok(Attended { due, queued, has_events });
            }
            let connection = &self.connection;
            let timed = connection.with_session(|shared| {
                let timed = shared.session.handle_timeout(now());
                connection.note_events(shared);
                timed
            });
            timed.map_err(|cause| Turn::End(cause, End::Broken))?;
            if self.run_handlers() {
                self.blocked = self.connection.flush();
            }
        }
    }
}

/// What [`Driver::attend`] leaves to be done.
struct Attended {
    /// When there is something to do again.
    due: Option<Instant>,
    /// Whether output waits that may be written now.
    queued: bool,
    /// Whether handlers are to be started: a caller that read its reply itself has found what is for them.
    has_events: bool,
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
