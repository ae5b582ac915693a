//! Two sessions, a clock and a script: calls, cancels, replies, streams, references, time, broken bytes.

use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use traitwire::idl::Fingerprint;
use traitwire::ipc_service;
use traitwire_core::codec::Encoder;
use traitwire_core::proto::hello::{Hello, ServedMethod, ServedService};
use traitwire_core::proto::{
    Arrived, Batch, CallId, CallKey, Event, NewCall, Outcome, Outgoing, SLICES, Session, StreamEnd, Ticket,
};
use traitwire_core::{Body, Code, Options, Priority, RpcError};

/// What is passed as an object.
#[ipc_service]
pub trait Passed {
    /// Nothing.
    async fn nothing(&self);
}

struct Implementation;

impl Passed for Implementation {
    async fn nothing(&self) {}
}

/// A call of this side, and whether a stream belongs to it either way.
struct Made {
    key: CallKey,
    end: StreamEnd,
    sends: bool,
    reads: bool,
}

struct Side {
    session: Session,
    outgoing: Outgoing,
    /// Written here, not yet read there.
    wire: Vec<u8>,
    /// Read, but not yet a whole frame.
    input: Vec<u8>,
    calls: Vec<Made>,
    waiting: Vec<(Option<Ticket>, Option<NewCall>)>,
    serving: Vec<(CallId, StreamEnd)>,
    /// Clients that are passed as objects.
    passed: Vec<PassedClient>,
    /// Bodies that were read: what they refer to is held.
    held: Vec<Body>,
    over: bool,
}

impl Side {
    fn new(now: Instant) -> Self {
        let mut options = Options::default();
        options.limits.max_calls = 4;
        options.limits.max_message = 1 << 20;
        options.limits.max_inflight = 1 << 20;
        options.limits.max_queued = 64 << 10;
        let mut hello = Hello::new(&options.limits, 1);
        let method = ServedMethod { name: "m".to_owned(), fingerprint: Fingerprint::from_bits(7) };
        hello.services.push(ServedService { name: "S".to_owned(), methods: vec![method] });
        Self {
            session: Session::new(&hello.encode().expect("encodable"), options, now),
            outgoing: Outgoing::new(true),
            wire: Vec::new(),
            input: Vec::new(),
            calls: Vec::new(),
            waiting: Vec::new(),
            serving: Vec::new(),
            passed: vec![PassedClient::local(Implementation), PassedClient::local(Implementation)],
            held: Vec::new(),
            over: false,
        }
    }

    fn end(&mut self, cause: &RpcError) {
        self.over = true;
        self.session.end(cause, self.outgoing.remaining());
    }

    fn write(&mut self) {
        self.session.take_output(&mut self.outgoing);
        while self.outgoing.remaining() > 0 {
            let mut slices = [std::io::IoSlice::new(&[]); SLICES];
            let count = self.outgoing.slices(&mut slices);
            let before = self.wire.len();
            slices[..count].iter().for_each(|slice| self.wire.extend_from_slice(slice));
            self.outgoing.advance(self.wire.len() - before);
        }
    }

    fn read(&mut self, mut bytes: &[u8], now: Instant) {
        while !bytes.is_empty() && !self.over {
            let result = match self.session.lend_block() {
                Some((mut block, most)) => {
                    let (part, rest) = bytes.split_at(bytes.len().min(most));
                    block.extend_from_slice(part);
                    bytes = rest;
                    self.session.return_block(block, part.len(), now)
                }
                None => {
                    self.input.extend_from_slice(bytes);
                    bytes = &[];
                    self.session.handle_input(&self.input, now).map(|used| drop(self.input.drain(..used)))
                }
            };
            if let Err(cause) = result {
                self.end(&cause);
            }
        }
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Call(incoming) => {
                    assert!(self.serving.iter().all(|(id, _)| *id != incoming.id), "an id runs once");
                    self.serving.push((incoming.id, StreamEnd::Callee(incoming.key)));
                    self.held.push(incoming.body);
                }
                Event::Cancel(id, _) => self.reply(id, Outcome::Failure(RpcError::new(Code::Cancelled, "x"))),
            }
        }
        self.session.take_wakers(&mut Vec::new());
    }

    fn reply(&mut self, id: CallId, outcome: Outcome) {
        let at =
            self.serving.iter().position(|(serving, _)| *serving == id).expect("only what runs is cancelled");
        self.serving.swap_remove(at);
        self.session.reply(id, outcome);
    }

    /// Starts what may start, and collects what has ended.
    fn poll(&mut self) {
        let Self { session, waiting, calls, held, .. } = self;
        waiting.retain_mut(|(ticket, request)| {
            let streams = request.as_ref().map(|call| (call.streams_arguments, call.streams_results));
            let (sends, reads) = streams.unwrap_or_default();
            match session.poll_start(ticket, request, Waker::noop()) {
                Poll::Pending => true,
                Poll::Ready(Err(_)) => false,
                Poll::Ready(Ok(key)) => {
                    calls.push(Made { key, end: session.caller_end(key), sends, reads });
                    false
                }
            }
        });
        calls.retain(|made| {
            let polled = match made.reads {
                // Items are read when the script says so.
                true => return true,
                false => session.poll_reply(made.key, Waker::noop()),
            };
            match polled {
                Poll::Ready(Outcome::Output(body) | Outcome::Error(body)) => held.push(body),
                Poll::Ready(Outcome::Failure(_)) => {}
                Poll::Pending => return true,
            }
            false
        });
        held.truncate(64);
    }

    /// Reads one batch of a call's results. `false` if that was its end.
    fn read_results(&mut self, at: usize) -> bool {
        match self.session.poll_items(self.calls[at].end, Waker::noop()) {
            Poll::Ready(Arrived::Items(body)) => self.held.push(body),
            Poll::Ready(Arrived::Ended(..)) => {
                self.calls.swap_remove(at);
                return false;
            }
            Poll::Pending => return false,
        }
        true
    }

    /// A body of its own, with references or without.
    fn body(&self, size: u8, passes: bool) -> Body {
        if !passes {
            return body(size);
        }
        let mut encoder = Encoder::new();
        for client in self.passed.iter().take(1 + usize::from(size % 3)) {
            encoder.value(client);
        }
        encoder.finish().expect("encoded")
    }
}

fn body(size: u8) -> Body {
    // Small, around a part's bounds, and large blocks.
    let length = match size % 8 {
        0..=3 => usize::from(size),
        4 => (64 << 10) - 16 + usize::from(size / 8),
        5 => (32 << 10) + usize::from(size),
        6 => 300_000,
        _ => (1 << 20) - 16 + usize::from(size / 8),
    };
    let mut encoder = Encoder::new();
    if size & 0x80 == 0 {
        encoder.byte_buf(vec![size; length]);
    } else {
        encoder.value(&"x".repeat(length));
    }
    encoder.finish().expect("encoded")
}

/// The bytes are a script. However it goes, nothing panics, an id runs once, and every call ends.
pub fn connection(data: &[u8]) {
    let mut now = Instant::now();
    let mut sides = [Side::new(now), Side::new(now)];
    let mut script = data.iter().copied();
    let mut steps = 0;
    while let (Some(step), true) = (script.next(), steps < 200) {
        steps += 1;
        let mut next = || script.next().unwrap_or(0);
        let at = usize::from(step & 1);
        match (step >> 1) % 16 {
            0 | 1 => {
                let time = next();
                let left = Duration::from_millis(u64::from(time));
                let priority = [Priority::Normal, Priority::Low, Priority::Normal, Priority::High]
                    [usize::from(time % 4)];
                let deadline = (step & 0x80 != 0).then(|| (now + left, left));
                let (size, kind) = (next(), next());
                let body = sides[at].body(size, kind & 4 != 0);
                let mut request = NewCall { deadline, priority, ..NewCall::new(0, body) };
                (request.streams_arguments, request.streams_results) = (kind & 1 != 0, kind & 2 != 0);
                request.object = (kind & 8 != 0).then(|| u64::from(kind >> 4));
                if sides[at].waiting.len() < 16 {
                    sides[at].waiting.push((None, Some(request)));
                }
            }
            2 => {
                let chosen = usize::from(next());
                let side = &mut sides[at];
                if !side.calls.is_empty() {
                    let Made { key, end, reads, .. } = side.calls.swap_remove(chosen % side.calls.len());
                    match reads {
                        true => side.session.stop_reading(end),
                        false => side.session.cancel_call(key),
                    }
                }
            }
            3 => {
                let (chosen, size) = (usize::from(next()), next());
                let side = &mut sides[at];
                if let Some((id, _)) = side.serving.get(chosen % side.serving.len().max(1)).copied() {
                    let body = side.body(size, size % 16 == 11);
                    side.reply(id, if size % 16 == 9 { Outcome::Error(body) } else { Outcome::Output(body) });
                }
            }
            4..=6 => {
                let most = (usize::from(next()) + 1) * if step & 0x40 == 0 { 1 } else { 4096 };
                let flip = (step & 0x80 != 0).then(|| (usize::from(next()), 1 << (next() % 8)));
                sides[at].write();
                let taken = sides[at].wire.len().min(most);
                let mut bytes: Vec<u8> = sides[at].wire.drain(..taken).collect();
                if let Some((offset, bit)) = flip
                    && let Some(byte) = bytes.get_mut(offset)
                {
                    *byte ^= bit;
                }
                sides[1 - at].read(&bytes, now);
            }
            7 => {
                now += Duration::from_millis(u64::from(next()) * 100);
                for side in &mut sides {
                    if let Err(cause) = side.session.handle_timeout(now) {
                        side.end(&cause);
                    }
                    side.read(&[], now);
                }
            }
            8 if step & 0x80 != 0 => sides[at].session.go_away("the script says so"),
            8 => {
                let side = &mut sides[at];
                if let Some((Some(ticket), _)) = side.waiting.pop() {
                    side.session.leave_queue(ticket);
                }
            }
            9 | 10 => {
                let (chosen, count, size) = (usize::from(next()), u64::from(next()) + 1, next());
                let side = &mut sides[at];
                let callers = side.calls.iter().filter(|made| made.sends).map(|made| made.end);
                let ends: Vec<_> = callers.chain(side.serving.iter().map(|(_, end)| *end)).collect();
                if let Some(end) = ends.get(chosen % ends.len().max(1)) {
                    let mut batch = Some(Batch { count, items: side.body(size, size % 16 == 11) });
                    let _ = side.session.poll_send(*end, &mut batch, Waker::noop());
                }
            }
            11 => {
                let chosen = usize::from(next());
                let side = &mut sides[at];
                let readers: Vec<_> = (0..side.calls.len()).filter(|at| side.calls[*at].reads).collect();
                if let Some(reader) = readers.get(chosen % readers.len().max(1)) {
                    while side.read_results(*reader) {}
                }
            }
            12 => {
                let chosen = usize::from(next());
                let side = &mut sides[at];
                if let Some((_, end)) = side.serving.get(chosen % side.serving.len().max(1)).copied() {
                    if let (false, Poll::Ready(Arrived::Items(body))) =
                        (step & 0x80 != 0, side.session.poll_items(end, Waker::noop()))
                    {
                        side.held.push(body);
                    }
                    if step & 0x80 != 0 {
                        side.session.stop_reading(end);
                    }
                }
            }
            13 => {
                let chosen = usize::from(next());
                let side = &mut sides[at];
                if !side.calls.is_empty() {
                    let at = chosen % side.calls.len();
                    let made = &mut side.calls[at];
                    if made.sends && side.session.poll_finish(made.end, Waker::noop()).is_ready() {
                        made.sends = false;
                    }
                }
            }
            14 => {
                let side = &mut sides[at];
                // What was read is let go of, or what was passed is no longer held here.
                if step & 0x80 != 0 {
                    side.held.clear()
                } else {
                    side.passed.truncate(1)
                }
                side.session.return_references();
            }
            _ => {
                let garbage: Vec<u8> = (0..next() % 32).map(|_| next()).collect();
                sides[at].read(&garbage, now);
            }
        }
        sides.iter_mut().for_each(Side::poll);
    }
    for side in &mut sides {
        side.end(&RpcError::new(Code::Unavailable, "the script is over"));
        side.poll();
        while let Some(last) = side.calls.len().checked_sub(1) {
            assert!(side.read_results(last) || side.calls.len() == last, "every call ends");
        }
        assert!(side.calls.is_empty() && side.waiting.is_empty(), "every call ends");
        assert_eq!(side.session.in_flight(), 0);
    }
}
