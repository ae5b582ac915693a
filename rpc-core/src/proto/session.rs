//! One connection's protocol: composes the hello, the calls of both directions, output, timers and budgets.
//! Both sides run the same machine; client and server are roles above it. Never runs user code.

use std::collections::VecDeque;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::codec::Encoder;
use crate::error::{Code, Executed, RpcError};
use crate::options::Options;
use crate::proto::admission::Admission;
pub use crate::proto::admission::Ticket;
use crate::proto::budget::Budget;
pub use crate::proto::calls::CallKey;
use crate::proto::calls::{Calls, Progress};
use crate::proto::frame::{HEADER, Header, Kind, flags, put_varint};
use crate::proto::hello::Hello;
use crate::proto::outgoing::Outgoing;
use crate::proto::output::{CHUNK, Direction, Output};
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

/// A call to be started.
#[derive(Debug)]
pub struct Request {
    /// The method's number in the peer's hello.
    pub method: u32,
    /// The arguments.
    pub body: Body,
    /// When its time is up, and how much is left now.
    pub deadline: Option<(Instant, Duration)>,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    options: Options,
    peer: Option<Hello>,
    /// A part of a large body whose frame is still arriving, and the bytes left of it.
    arriving: Option<(Header, u32)>,
    calls: Calls,
    admission: Admission,
    /// Bytes of chunked arguments the peer holds for calls in flight.
    charged: usize,
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
    /// A session that has `hello` to say.
    pub fn new(hello: &Hello, options: Options, now: Instant) -> Self {
        let mut output = Output::default();
        output.raw(&hello.encode());
        let mut timers = Timers::default();
        if let Some(at) = now.checked_add(options.handshake_timeout) {
            timers.insert(at, Timer::Handshake);
        }
        Self {
            options,
            peer: None,
            arriving: None,
            calls: Calls::default(),
            admission: Admission::default(),
            charged: 0,
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
            if matches!(header.kind, Kind::CallData | Kind::ReplyData) {
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
                if let Some(at) = self.served.deadline(CallId(header.id)) {
                    if !matches!(step, Step::Refuse(_)) {
                        self.timers.insert(at, Timer::Served(header.id));
                    }
                }
                self.take_step(CallId(header.id), step, now)
            }
            Kind::Reply => {
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

    fn take_step(&mut self, id: CallId, step: Step, now: Instant) -> Result<(), RpcError> {
        match step {
            Step::Wait => Ok(()),
            Step::Ready(incoming) => {
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
            Progress::Partial => {}
            Progress::Complete { waker, charged, deadline } => {
                if let Some((key, at)) = deadline {
                    self.timers.remove(Some(at), Timer::Call(key.0 as u32));
                }
                self.charged -= charged as usize;
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

    // ---- calls of this side

    /// Starts a call as soon as the peer may be given one. Takes `request` when it does.
    pub fn poll_start(
        &mut self,
        ticket: &mut Option<Ticket>,
        request: &mut Option<Request>,
        waker: &Waker,
    ) -> Poll<Result<CallKey, RpcError>> {
        let Some(pending) = request.as_ref() else { return Poll::Pending };
        let refusal = self.refusal(pending);
        let Some(peer) = &self.peer else { return Poll::Pending };
        let size = pending.body.len();
        let charged = if size > CHUNK { size } else { 0 };
        let has_room = self.admission.is_next(*ticket)
            && (self.calls.in_flight() as u64) < u64::from(peer.max_calls)
            && (charged == 0 || self.charged == 0 || self.charged + charged <= peer.max_inflight as usize)
            && self.output.len() <= self.options.limits.max_queued as usize;
        if refusal.is_none() && !has_room {
            let deadline = pending.deadline.map(|(at, _)| at);
            if self.admission.wait(ticket, waker, deadline)
                && let (Some(at), Some(ticket)) = (deadline, *ticket)
            {
                self.timers.insert(at, Timer::Ticket(ticket.0));
            }
            return Poll::Pending;
        }
        let max_calls = peer.max_calls;
        if let Some(ticket) = ticket.take() {
            self.leave_queue(ticket);
        }
        if let Some(error) = refusal {
            return Poll::Ready(Err(error));
        }
        let deadline = pending.deadline.map(|(at, _)| at);
        let (Some((key, id)), Some(request)) =
            (self.calls.insert(max_calls, deadline, charged as u32), request.take())
        else {
            return Poll::Pending;
        };
        self.charged += charged;
        if let Some(at) = deadline {
            self.timers.insert(at, Timer::Call(key.0 as u32));
        }
        self.send_call(key, id, request);
        Poll::Ready(Ok(key))
    }

    fn refusal(&self, request: &Request) -> Option<RpcError> {
        if let Some(ended) = &self.ended {
            return Some(ended.clone().with_executed(Executed::No));
        }
        if let Some(reason) = &self.peer_leaves {
            return Some(RpcError::new(Code::Unavailable, format!("the peer takes no more calls: {reason}")));
        }
        if self.draining {
            return Some(RpcError::new(Code::Unavailable, "the channel was closed on this side"));
        }
        if request.deadline.is_some_and(|(_, left)| left.is_zero()) {
            return Some(RpcError::new(Code::DeadlineExceeded, "its time ran out before it was sent"));
        }
        let (size, max) = (request.body.len(), self.peer.as_ref()?.max_message);
        let message = || format!("arguments of {size} bytes, above the peer's max_message of {max}");
        (size > max as usize).then(|| RpcError::new(Code::TooLarge, message()))
    }

    fn send_call(&mut self, key: CallKey, id: CallId, request: Request) {
        let Request { method, body, deadline } = request;
        let set = if deadline.is_some() { flags::DEADLINE } else { 0 };
        let head = |out: &mut Vec<u8>| {
            put_varint(out, method.into());
            if let Some((_, left)) = deadline {
                // A deadline below a microsecond is still some time; zero would mean none left.
                put_varint(out, u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1));
            }
        };
        if body.len() > self.largest_part() {
            let mut bytes = Vec::new();
            head(&mut bytes);
            self.output.large(Direction::Call, set, id, bytes, body);
        } else {
            let ends_at = self.output.frame(Kind::Call, set, id, head, &body);
            if let Some(call) = self.calls.get_mut(key) {
                call.ends_at = Some(ends_at);
            }
            self.calls.keep_buffer(key, body.into_buffer());
        }
    }

    /// Largest body that goes out whole: a frame also holds up to three varints of ten bytes.
    fn largest_part(&self) -> usize {
        self.peer.as_ref().map_or(0, |peer| CHUNK.min(peer.max_frame as usize - 30))
    }

    /// Leaves the queue without having started, or with.
    pub fn leave_queue(&mut self, ticket: Ticket) {
        let deadline = self.admission.leave(ticket);
        self.timers.remove(deadline, Timer::Ticket(ticket.0));
        // Whoever is next may have been woken in vain while this ticket was the first.
        self.wakers.extend(self.admission.first().cloned());
    }

    /// The outcome of a call, once. `waker` is woken when it is there.
    pub fn poll_reply(&mut self, key: CallKey, waker: &Waker) -> Poll<Outcome> {
        self.calls.poll(key, waker)
    }

    /// Nobody wants the outcome any more: tells the peer, unless the call never left this side.
    pub fn cancel_call(&mut self, key: CallKey) {
        if let Some(call) = self.calls.abandon(key) {
            self.timers.remove(call.deadline, Timer::Call(key.0 as u32));
            self.withdraw(call.id, call.charged);
        }
    }

    fn stop_call(&mut self, key: CallKey, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let (id, charged, deadline) = (call.id, std::mem::take(&mut call.charged), call.deadline.take());
        self.timers.remove(deadline, Timer::Call(key.0 as u32));
        self.wakers.extend(self.calls.end(key, outcome));
        self.withdraw(id, charged);
    }

    fn withdraw(&mut self, id: CallId, charged: u32) {
        self.charged -= charged as usize;
        if self.ended.is_some() {
            return;
        }
        match self.output.forget(Direction::Call, id) {
            Some(0) => self.calls.free(id),
            _ => self.output.control(Kind::Cancel, id, &[]),
        }
        self.wakers.extend(self.admission.first().cloned());
    }

    /// Whether a call may have reached the peer: its last byte is among those taken but for `unwritten`.
    fn was_sent(&mut self, key: CallKey, unwritten: usize) -> bool {
        let written = self.output.taken() - unwritten as u64;
        self.calls.get_mut(key).and_then(|call| call.ends_at).is_some_and(|end| end <= written)
    }

    // ---- calls of the peer

    /// What the peer asks next. Holds calls back while the peer does not read what is queued for it.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.output.len() <= self.options.limits.max_queued as usize {
            return self.events.pop_front();
        }
        let cancel = self.events.iter().position(|event| matches!(event, Event::Cancel(..)))?;
        self.events.remove(cancel)
    }

    /// Whether [`poll_event`](Self::poll_event) has something to give.
    pub fn has_ready_event(&self) -> bool {
        !self.events.is_empty() && self.output.len() <= self.options.limits.max_queued as usize
    }

    /// A handler has ended: answers its call and frees its id.
    pub fn reply(&mut self, id: CallId, outcome: Outcome) {
        self.timers.remove(self.served.deadline(id), Timer::Served(id.0));
        let (Outcome::Output(body) | Outcome::Error(body)) = &outcome else {
            if self.served.ended(id, false) {
                self.send_reply(id, outcome);
            }
            return;
        };
        let (size, max) = (body.len(), self.peer.as_ref().map_or(0, |peer| peer.max_message));
        let outcome = if size > max as usize {
            let message = format!("a result of {size} bytes, above the caller's max_message of {max}");
            Outcome::Failure(RpcError::new(Code::TooLarge, message).with_executed(Executed::Yes))
        } else {
            outcome
        };
        let large = size <= max as usize && size > self.largest_part();
        if self.served.ended(id, large) {
            self.send_reply(id, outcome);
        }
    }

    fn send_reply(&mut self, id: CallId, outcome: Outcome) {
        let (set, body) = match outcome {
            Outcome::Output(body) => (0, body),
            Outcome::Error(body) => (flags::ERROR, body),
            Outcome::Failure(error) => {
                let mut encoder = Encoder::new();
                encoder.value(&error);
                (flags::FAILURE, encoder.finish().unwrap_or_default())
            }
        };
        if body.len() > self.largest_part() {
            self.output.large(Direction::Reply, set, id, Vec::new(), body);
        } else {
            self.output.frame(Kind::Reply, set, id, |_| (), &body);
        }
    }

    fn stop_served(&mut self, id: CallId, code: Code, why: &str) {
        let deadline = self.served.deadline(id);
        if self.served.stop_receiving(id) {
            self.timers.remove(deadline, Timer::Served(id.0));
            self.send_reply(id, Outcome::Failure(RpcError::new(code, why)));
        } else if let Some(held) = self.events.iter().position(|event| is_call(event, id)) {
            self.events.remove(held);
            self.reply(id, Outcome::Failure(RpcError::new(code, why)));
        } else if self.served.cancel(id) {
            self.events.push_back(Event::Cancel(id, code));
        } else if code == Code::Cancelled && self.output.forget(Direction::Reply, id).is_some() {
            self.served.replied(id);
            let error = RpcError::new(code, why).with_executed(Executed::Yes);
            self.send_reply(id, Outcome::Failure(error));
        }
    }

    /// Calls of the peer that have not been answered in full.
    pub fn serving(&self) -> usize {
        self.served.busy()
    }

    // ---- output, time, end

    /// Bytes that wait to be taken.
    pub fn queued(&self) -> usize {
        self.output.len()
    }

    /// Calls of this side in flight.
    pub fn in_flight(&self) -> usize {
        self.calls.in_flight()
    }

    /// Moves what goes out next to the end of `into`.
    pub fn take_output(&mut self, into: &mut Outgoing) {
        let max_frame = self.peer.as_ref().map_or(CHUNK, |peer| peer.max_frame as usize);
        let Self { output, calls, served, .. } = self;
        output.take(into, max_frame, |direction, id, end| match direction {
            Direction::Call => {
                if let Some(call) = calls.by_id(id) {
                    call.ends_at = Some(end);
                }
            }
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

    /// Whoever has something to do now.
    pub fn take_wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
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

fn is_call(event: &Event, id: CallId) -> bool {
    matches!(event, Event::Call(incoming) if incoming.id == id)
}
