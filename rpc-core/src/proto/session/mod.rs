//! One connection's protocol: composes the hello, the calls of both directions, output, timers and budgets.
//! Both sides run the same machine; client and server are roles above it. Never runs user code.

mod blocks;
mod calling;
mod serving;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::error::{Code, Executed, RpcError};
use crate::options::Options;
use crate::proto::admission::Admission;
pub use crate::proto::admission::Ticket;
use crate::proto::budget::Budget;
pub use crate::proto::calls::CallKey;
use crate::proto::calls::{Calls, Progress};
use crate::proto::frame::{HEADER, Header, Kind};
use crate::proto::hello::Hello;
use crate::proto::outgoing::Outgoing;
use crate::proto::output::{Direction, FIRST_PART, Output};
use crate::proto::portion;
pub use crate::proto::served::Incoming;
use crate::proto::served::{Allowance, ServedCalls, Step};
use crate::proto::timer::{Timer, Timers};
use crate::proto::{CallId, Outcome, violation};

/// What the peer asks of this side.
#[derive(Debug)]
pub enum Event {
    /// Run a handler, then [`Session::reply`].
    Call(Incoming),
    /// Stop a handler that runs; it still needs its [`Session::reply`].
    Cancel(CallId, Code),
}

/// What the maker of a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// Its outcome.
    Reply,
    /// That it is started: the outcome is dropped when it comes.
    Start,
}

/// A call to be started.
#[derive(Debug)]
pub struct NewCall {
    /// The method's number in the peer's hello.
    pub method: u32,
    /// The arguments.
    pub body: Body,
    /// When its time is up, and how much is left now.
    pub deadline: Option<(Instant, Duration)>,
    /// Its metadata, encoded; empty for none.
    pub metadata: Arc<[u8]>,
    /// What its maker waits for.
    pub awaits: Awaits,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    options: Options,
    peer: Option<Hello>,
    /// A part of a large body whose frame is still arriving, and the bytes left of it.
    arriving: Option<(Header, u32)>,
    /// A guess: the frame that comes next is part of a large body.
    block_follows: bool,
    calls: Calls,
    /// Calls started since output was taken.
    started: usize,
    /// Calls completed by the last input.
    replied: usize,
    admission: Admission,
    served: ServedCalls,
    events: VecDeque<Event>,
    output: Output,
    timers: Timers,
    budget: Budget,
    wakers: Vec<Waker>,
    /// Who waits for the hello or for the end.
    watchers: Vec<Waker>,
    heard: Instant,
    pinged: Option<Instant>,
    /// This side takes no more calls.
    draining: bool,
    /// The peer takes no more calls, and why.
    peer_leaves: Option<String>,
    /// The connection is over, and why.
    ended: Option<RpcError>,
}

impl Session {
    /// A session that has `hello` to say, as [`Hello::encode`] gives it.
    pub fn new(hello: &[u8], options: Options, now: Instant) -> Self {
        let mut output = Output::default();
        output.raw(hello);
        let mut timers = Timers::default();
        if let Some(at) = now.checked_add(options.handshake_timeout) {
            timers.insert(at, Timer::Handshake);
        }
        Self {
            options,
            peer: None,
            arriving: None,
            block_follows: false,
            calls: Calls::default(),
            started: 0,
            replied: 0,
            admission: Admission::default(),
            served: ServedCalls::new(),
            events: VecDeque::new(),
            output,
            timers,
            budget: Budget::new(now),
            wakers: Vec::new(),
            watchers: Vec::new(),
            heard: now,
            pinged: None,
            draining: false,
            peer_leaves: None,
            ended: None,
        }
    }

    /// What the peer said of itself, once it has.
    pub fn peer(&self) -> Option<&Hello> {
        self.peer.as_ref()
    }

    // ---- input

    /// Takes whole hellos and frames off the front of `input` and says how many bytes they were.
    ///
    /// # Errors
    /// The peer broke a rule: the connection is to be ended with this error.
    pub fn handle_input(&mut self, input: &[u8], now: Instant) -> Result<usize, RpcError> {
        let mut used = 0;
        self.replied = 0;
        if !input.is_empty() {
            self.heard = now;
            self.pinged = None;
        }
        if self.peer.is_none() {
            let Some((hello, length)) = Hello::decode(input)? else { return Ok(0) };
            self.timers = Timers::default();
            if let Some(at) = self.options.keepalive.and_then(|keepalive| now.checked_add(keepalive)) {
                self.timers.insert(at, Timer::Keepalive);
            }
            self.peer = Some(hello);
            self.wakers.append(&mut self.watchers);
            used = length;
        }
        while used < input.len() {
            if let Some((header, left)) = self.arriving {
                let part = &input[used..input.len().min(used + left as usize)];
                used += part.len();
                let left = left - part.len() as u32;
                self.arriving = (left > 0).then_some((header, left));
                self.handle_data(header, part, left + part.len() as u32 == header.length, now)?;
                continue;
            }
            let Some(header) = Header::decode(&input[used..], self.options.limits.max_frame)? else { break };
            let start = used + HEADER;
            if header.kind.is_data() {
                if header.length == 0 {
                    return Err(violation("P-31", "a part of a body that is empty"));
                }
                // Parts of large bodies are taken as they arrive: no other copy of them is ever held.
                self.arriving = Some((header, header.length));
                used = start;
                continue;
            }
            let Some(payload) = input.get(start..start + header.length as usize) else { break };
            self.handle_frame(header, payload, now)?;
            used = start + payload.len();
        }
        Ok(used)
    }

    /// Whether the input so far ends inside a frame's payload.
    pub fn is_within_frame(&self) -> bool {
        self.arriving.is_some()
    }

    fn handle_data(
        &mut self,
        header: Header,
        part: &[u8],
        first: bool,
        now: Instant,
    ) -> Result<(), RpcError> {
        if header.kind == Kind::ReplyData {
            let progress = self.calls.handle_data(header, part)?;
            self.take_progress(progress);
            return Ok(());
        }
        match self.served.handle_data(header, part)? {
            Some(step) => self.take_step(CallId(header.id), step, now),
            None if first => self.budget.spend(now, "skipped data"),
            None => Ok(()),
        }
    }

    fn handle_frame(&mut self, header: Header, payload: &[u8], now: Instant) -> Result<(), RpcError> {
        match header.kind {
            Kind::Call => {
                let limits = &self.options.limits;
                let allowance = Allowance {
                    max_calls: limits.max_calls,
                    max_message: limits.max_message as usize,
                    max_inflight: limits.max_inflight as usize,
                };
                let mut step = self.served.handle_call(header, payload, &allowance, now)?;
                if self.draining && !matches!(step, Step::Refuse(_)) {
                    self.served.stop_receiving(CallId(header.id));
                    self.served.ended(CallId(header.id), false);
                    step = Step::Refuse(RpcError::new(Code::Unavailable, "the server is shutting down"));
                }
                if let Some(at) = self.served.deadline(CallId(header.id))
                    && !matches!(step, Step::Refuse(_))
                {
                    self.timers.insert(at, Timer::Served(header.id));
                }
                self.take_step(CallId(header.id), step, now)
            }
            Kind::Reply => {
                self.note_early_reply(CallId(header.id), now)?;
                let max = self.options.limits.max_message as usize;
                let progress = self.calls.handle_reply(header, payload, max)?;
                self.take_progress(progress);
                Ok(())
            }
            Kind::Cancel => {
                self.budget.spend(now, "cancel")?;
                self.stop_served(CallId(header.id), Code::Cancelled, "cancelled by its caller");
                Ok(())
            }
            Kind::Ping => {
                self.budget.spend(now, "ping")?;
                let length = payload.len();
                if length != 8 {
                    return Err(violation("P-41", format_args!("a ping of {length} bytes")));
                }
                // A peer that pings and never reads is not worth memory.
                if self.output.len() <= self.options.limits.max_queued as usize {
                    self.output.control(Kind::Pong, CallId(0), payload);
                }
                Ok(())
            }
            Kind::CallData | Kind::ReplyData => self.handle_data(header, payload, true, now),
            Kind::Pong | Kind::Extension => self.budget.spend(now, "pong or extension"),
            Kind::GoAway => {
                self.budget.spend(now, "go-away")?;
                let reason = String::from_utf8_lossy(&payload[..payload.len().min(1024)]).into_owned();
                self.peer_leaves = Some(reason);
                self.wakers.extend(self.admission.end_all());
                Ok(())
            }
        }
    }

    /// What a reply means for a call whose arguments are still going out, or that had a reply under way.
    fn note_early_reply(&mut self, id: CallId, now: Instant) -> Result<(), RpcError> {
        if self.calls.is_receiving(id) {
            self.budget.spend(now, "second reply")?;
        }
        // The id is free when the reply is complete: the rest would be taken for the next call's (P-35).
        if self.output.forget(Direction::Call, id) == Some(0) {
            return Err(violation("P-22", format_args!("a reply to a call not yet sent ({})", id.0)));
        }
        Ok(())
    }

    fn take_step(&mut self, id: CallId, step: Step, now: Instant) -> Result<(), RpcError> {
        match step {
            Step::Wait => {
                self.block_follows = true;
                Ok(())
            }
            Step::Ready(incoming) => {
                self.block_follows = false;
                self.events.push_back(Event::Call(incoming));
                Ok(())
            }
            Step::Refuse(error) => {
                self.budget.spend(now, "refused call")?;
                self.send_reply(id, Outcome::Failure(error));
                Ok(())
            }
        }
    }

    fn take_progress(&mut self, progress: Progress) {
        match progress {
            Progress::Partial => self.block_follows = true,
            Progress::Complete { waker, deadline } => {
                self.block_follows = false;
                self.replied += 1;
                if let Some((key, at)) = deadline {
                    self.timers.remove(Some(at), Timer::Call(key.0 as u32));
                }
                self.wakers.extend(waker);
                self.wakers.extend(self.admission.first().cloned());
            }
            Progress::TooLarge { key, total } => {
                let max = self.options.limits.max_message;
                let message = format!("a result of {total} bytes, above max_message of {max}");
                let error = RpcError::new(Code::TooLarge, message).with_executed(Executed::Yes);
                self.stop_call(key, Outcome::Failure(error));
            }
        }
    }

    /// Does what is due at `now`.
    ///
    /// # Errors
    /// The peer's time is up: the connection is to be ended with this error.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), RpcError> {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Handshake => {
                    let waited = humantime::format_duration(self.options.handshake_timeout);
                    return Err(RpcError::new(Code::Protocol, format!("no hello within {waited}")));
                }
                Timer::Keepalive => self.keep_alive(now)?,
                Timer::Call(key) => {
                    let key = CallKey(key as usize);
                    let executed = match self.was_sent(key, 0) {
                        true => Executed::Maybe,
                        false => Executed::No,
                    };
                    let error =
                        RpcError::new(Code::DeadlineExceeded, "its time ran out").with_executed(executed);
                    self.stop_call(key, Outcome::Failure(error));
                }
                Timer::Ticket(ticket) => self.wakers.extend(self.admission.waker(ticket).cloned()),
                Timer::Served(id) => {
                    self.stop_served(CallId(id), Code::DeadlineExceeded, "its time ran out");
                }
            }
        }
        Ok(())
    }

    fn keep_alive(&mut self, now: Instant) -> Result<(), RpcError> {
        let Some(keepalive) = self.options.keepalive else { return Ok(()) };
        let pinged = match self.pinged {
            Some(pinged) if now >= pinged + keepalive => {
                let silent = Duration::from_secs(now.saturating_duration_since(self.heard).as_secs());
                let message =
                    format!("no sign of life from the peer for {}", humantime::format_duration(silent));
                return Err(RpcError::new(Code::Unavailable, message));
            }
            None if now >= self.heard + keepalive => {
                self.output.control(Kind::Ping, CallId(0), &[0; 8]);
                self.pinged = Some(now);
                self.pinged
            }
            pinged => pinged,
        };
        self.timers.insert(pinged.unwrap_or(self.heard) + keepalive, Timer::Keepalive);
        Ok(())
    }

    // ---- output, time, end

    /// Bytes that wait to be taken.
    pub fn queued(&self) -> usize {
        self.output.len()
    }

    /// Bytes taken so far.
    pub fn taken(&self) -> u64 {
        self.output.taken()
    }

    /// Whether a call that has just started is to be written at once: nothing else is on its way, or enough has
    /// come together.
    pub fn is_worth_writing(&self) -> bool {
        let (in_flight, queued) = (self.calls.in_flight(), self.output.len());
        // Whoever got a reply together with others is likely to call again together with them.
        let alone = in_flight == 1 && self.started == 1 && self.replied <= 1;
        alone || portion::is_enough(self.started, queued, in_flight)
    }

    /// Calls of this side in flight.
    pub fn in_flight(&self) -> usize {
        self.calls.in_flight()
    }

    /// Moves what goes out next to the end of `into`.
    pub fn take_output(&mut self, into: &mut Outgoing) {
        self.started = 0;
        let max_frame = self.peer.as_ref().map_or(FIRST_PART, |peer| peer.max_frame as usize);
        let Self { output, calls, served, wakers, .. } = self;
        output.take(into, max_frame, |direction, id, end| match direction {
            Direction::Call => wakers.extend(calls.set_taken(id, end)),
            Direction::Reply => served.replied(id),
        });
        if self.output.len() <= self.options.limits.max_queued as usize {
            self.wakers.extend(self.admission.first().cloned());
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether somebody has something to do now.
    pub fn has_woken(&self) -> bool {
        !self.wakers.is_empty()
    }

    /// Moves whoever has something to do now to the end of `into`. What `into` has room for is lent in return.
    pub fn take_wakers(&mut self, into: &mut Vec<Waker>) {
        if into.is_empty() {
            std::mem::swap(&mut self.wakers, into);
        } else {
            into.append(&mut self.wakers);
        }
    }

    /// Tells the peer that this side takes no more calls, and why.
    pub fn go_away(&mut self, reason: &str) {
        if !self.draining {
            self.draining = true;
            self.output.control(Kind::GoAway, CallId(0), reason.as_bytes());
        }
    }

    /// Why the peer takes no more calls, if it said so.
    pub fn peer_leaves(&self) -> Option<&str> {
        self.peer_leaves.as_deref()
    }

    /// Ends the connection: every call of this side ends with `cause`, as not executed where its last byte
    /// is among the `unwritten` ones that the transport never took.
    pub fn end(&mut self, cause: &RpcError, unwritten: usize) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(cause.clone());
        let written = self.output.taken().saturating_sub(unwritten as u64);
        let ended = self.calls.end_all(|call| {
            let executed = match call.ends_at {
                Some(end) if end <= written => Executed::Maybe,
                _ => Executed::No,
            };
            Outcome::Failure(cause.clone().with_executed(executed))
        });
        self.wakers.extend(ended);
        self.wakers.append(&mut self.watchers);
        self.wakers.extend(self.admission.end_all());
    }

    /// Waits for the peer's hello, or the end without one.
    pub fn poll_peer(&mut self, waker: &Waker) -> Poll<Result<(), RpcError>> {
        match (&self.ended, &self.peer) {
            (Some(ended), _) => Poll::Ready(Err(ended.clone())),
            (None, Some(_)) => Poll::Ready(Ok(())),
            (None, None) => {
                self.watchers.push(waker.clone());
                Poll::Pending
            }
        }
    }

    /// Waits for the end.
    pub fn poll_ended(&mut self, waker: &Waker) -> Poll<RpcError> {
        match &self.ended {
            Some(ended) => Poll::Ready(ended.clone()),
            None => {
                self.watchers.push(waker.clone());
                Poll::Pending
            }
        }
    }

    /// Why the connection is over, if it is.
    pub fn ended(&self) -> Option<&RpcError> {
        self.ended.as_ref()
    }
}
