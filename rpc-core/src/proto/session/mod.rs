//! One connection's protocol: composes the hello, the calls of both directions, output, timers and budgets.
//! Both sides run the same machine; client and server are roles above it. Never runs user code.

mod blocks;
mod calling;
mod input;
mod lifetime;
mod serving;
mod streams;
mod withdrawing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use self::withdrawing::Withdrawals;
use crate::body::Body;
use crate::error::{Code, RpcError};
use crate::options::Options;
use crate::priority::Priority;
use crate::proto::CallId;
use crate::proto::admission::Admission;
pub use crate::proto::admission::Ticket;
use crate::proto::budget::Budget;
pub use crate::proto::calls::CallKey;
use crate::proto::calls::Calls;
use crate::proto::frame::{Header, Kind, put_varint};
use crate::proto::hello::Hello;
use crate::proto::outgoing::Outgoing;
use crate::proto::output::{FIRST_PART, Output, Taken, What};
use crate::proto::portion;
use crate::proto::references::Objects;
use crate::proto::served::ServedCalls;
pub use crate::proto::served::{Incoming, ServedKey};
use crate::proto::stream::StreamOut;
use crate::proto::timer::{Timer, Timers};
use crate::proto::turns::{Each, Turns};
use crate::reference::{Home, References};
pub use streams::{Arrived, Batch, CallerKey, StreamEnd};

/// References given back in one frame: the smallest `max_frame` holds them.
const MAX_RETURNED: usize = 100;

/// Bytes of low priority that are acknowledged together (P-46).
const ACKNOWLEDGED: usize = 16 << 10;

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
    /// Its metadata, encoded and not empty.
    pub metadata: Option<Arc<[u8]>>,
    /// What its maker waits for.
    pub awaits: Awaits,
    /// How urgent it is.
    pub priority: Priority,
    /// The object it is for, rather than for what the peer serves.
    pub object: Option<u64>,
    /// Whether an argument stream belongs to it.
    pub streams_arguments: bool,
    /// Whether a result stream belongs to it.
    pub streams_results: bool,
}

impl NewCall {
    /// A call with arguments and nothing else, whose reply is awaited.
    pub fn new(method: u32, body: Body) -> Self {
        Self {
            method,
            body,
            deadline: None,
            metadata: None,
            awaits: Awaits::Reply,
            priority: Priority::Normal,
            object: None,
            streams_arguments: false,
            streams_results: false,
        }
    }

    /// Bytes of its metadata.
    fn metadata_len(&self) -> usize {
        self.metadata.as_ref().map_or(0, |metadata| metadata.len())
    }
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    options: Options,
    peer: Option<Hello>,
    /// Largest body that goes to the peer in one frame, where no metadata goes with it.
    whole: usize,
    /// A part of a large body whose frame is still arriving, and the bytes left of it.
    arriving: Option<(Header, u32)>,
    /// A guess: the frame that comes next is part of a large body.
    block_follows: bool,
    calls: Calls,
    /// Calls with streams made so far.
    streaming: u64,
    /// Calls started since output was taken.
    started: usize,
    /// Calls completed by the last input.
    replied: usize,
    admission: Admission,
    served: ServedCalls,
    /// Calls to be run, and whose turn it is.
    events: Each<VecDeque<Incoming>>,
    turns: Turns,
    /// Handlers to be stopped.
    stopped: VecDeque<(CallId, Code)>,
    output: Output,
    timers: Timers,
    budget: Budget,
    withdrawals: Withdrawals,
    /// Bytes of low priority that have come since the peer was told.
    low_in: usize,
    wakers: Vec<Waker>,
    /// Those of them that have a reply.
    answered: Vec<Waker>,
    /// Who waits for the hello or for the end.
    watchers: Vec<Waker>,
    /// Streams that wait for others' output to be taken.
    crowded: Vec<Waker>,
    /// Streams that wait for room in the peer's `max_inflight`.
    overdrawn: Vec<Waker>,
    objects: Objects,
    /// What the next message of the peer carries.
    given: References,
    heard: Instant,
    pinged: Option<Instant>,
    /// This side takes no more calls, and why.
    draining: Option<String>,
    /// The peer takes no more calls, and why.
    peer_leaves: Option<String>,
    /// The connection is over, and why.
    ended: Option<RpcError>,
}

impl Session {
    /// A session that has `hello` to say, as [`Hello::encode`] gives it.
    pub fn new(hello: &[u8], options: Options, now: Instant) -> Self {
        let mut output = Output::new(options.low_window);
        output.raw(hello);
        let mut timers = Timers::default();
        if let Some(at) = now.checked_add(options.handshake_timeout) {
            timers.insert(at, Timer::Handshake);
        }
        Self {
            options,
            peer: None,
            whole: 0,
            arriving: None,
            block_follows: false,
            calls: Calls::default(),
            streaming: 0,
            started: 0,
            replied: 0,
            admission: Admission::default(),
            served: ServedCalls::new(),
            events: Each::default(),
            turns: Turns::default(),
            stopped: VecDeque::new(),
            output,
            timers,
            budget: Budget::new(now),
            withdrawals: Withdrawals::new(now),
            low_in: 0,
            wakers: Vec::new(),
            answered: Vec::new(),
            watchers: Vec::new(),
            crowded: Vec::new(),
            overdrawn: Vec::new(),
            objects: Objects::default(),
            given: None,
            heard: now,
            pinged: None,
            draining: None,
            peer_leaves: None,
            ended: None,
        }
    }

    /// The limits and times of this side.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// What the peer said of itself, once it has.
    pub fn peer(&self) -> Option<&Hello> {
        self.peer.as_ref()
    }

    /// Where references to the peer's objects are given back.
    pub(crate) fn home(&self) -> &Arc<Home> {
        self.objects.home()
    }

    /// Tells the peer which references to its objects were dropped since.
    pub fn return_references(&mut self) {
        let dropped = self.objects.home().take_returned();
        for ids in dropped.chunks(MAX_RETURNED) {
            let ids = |out: &mut Vec<u8>| ids.iter().for_each(|id| put_varint(out, *id));
            self.output.frame(Kind::Return, 0, CallId(0), ids, &Body::default());
        }
    }

    /// Whether the peer was ever given an object of this side's: only then one may come to its end in here.
    pub(crate) fn has_given(&self) -> bool {
        self.objects.has_given()
    }

    /// The references of a body are the peer's from now on: what says so before the body's own frame.
    fn give(&mut self, body: &Body) -> Option<Vec<u8>> {
        body.references().as_ref().map(|references| self.objects.give(references))
    }

    /// Says so at once.
    #[inline]
    fn send_give(&mut self, body: &Body) {
        if body.references().is_some()
            && let Some(payload) = self.give(body)
        {
            self.output.control(Kind::Give, CallId(0), &payload);
        }
    }

    /// Why the references of a body cannot be given to the peer, if they cannot.
    fn reference_refusal(&self, body: &Body) -> Option<RpcError> {
        self.objects.refusal(body.references(), self.options.limits.max_references)
    }

    /// Forgets a body that waits to be sent. `Some` if it was still waiting: how much of it has gone out.
    fn forget(&mut self, what: What, id: CallId) -> Option<usize> {
        let (sent, references) = self.output.forget(what, id)?;
        self.objects.take_back(&references);
        Some(sent)
    }

    /// Bytes that wait to be taken.
    pub fn queued(&self) -> usize {
        self.output.len()
    }

    /// Whether something may be taken now: what is queued at low priority may wait for the peer.
    pub fn has_output(&self) -> bool {
        self.output.is_ready()
    }

    /// Bytes queued so far, those taken included.
    pub fn position(&self) -> u64 {
        self.output.taken() + self.output.len() as u64
    }

    /// Bytes taken so far.
    pub fn taken(&self) -> u64 {
        self.output.taken()
    }

    /// Whether a call that has just started is to be written at once: nothing else is on its way, or enough has
    /// come together.
    pub fn is_worth_writing(&self) -> bool {
        // What is of low priority gives way; it does not count.
        let in_flight = self.calls.in_flight() - self.calls.low_in_flight();
        let queued = self.output.ahead_of(Priority::Normal);
        // Whoever got a reply together with others is likely to call again together with them.
        let alone = in_flight <= 1 && self.started == 1 && self.replied <= 1;
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
        let Self { output, calls, served, wakers, crowded, .. } = self;
        output.take(into, max_frame, |Taken { what, id, end, whole }| match what {
            What::Arguments => wakers.extend(calls.set_taken(id, end, whole)),
            What::Result => served.replied(id),
            What::ArgumentItem => wakers.extend(calls.arguments(id).and_then(StreamOut::parts_taken)),
            What::ResultItem => wakers.extend(served.begun_results(id).and_then(StreamOut::parts_taken)),
        });
        wakers.append(crowded);
        if !self.admission.is_empty() {
            self.wake_first();
        }
        self.acknowledge();
    }

    /// Wakes whoever may be next to call.
    fn wake_first(&mut self) {
        let reads = self.reads();
        for (first, reads) in self.admission.first().into_iter().zip(reads) {
            self.wakers.extend(first.filter(|_| reads).cloned());
        }
    }

    /// Whether the peer reads what there is of each priority, so that there may be more.
    #[inline]
    fn reads(&self) -> Each<bool> {
        let max = self.options.limits.max_queued as usize;
        if self.output.len() <= max {
            return [true; Priority::COUNT];
        }
        Priority::ALL.map(|priority| self.output.ahead_of(priority) <= max)
    }

    /// Tells the peer how much of low priority was taken, once it is worth a frame and the peer reads.
    fn acknowledge(&mut self) {
        if self.low_in >= ACKNOWLEDGED && self.output.frame_bytes() <= self.options.limits.max_queued as usize
        {
            let taken = std::mem::take(&mut self.low_in) as u64;
            self.output.frame(Kind::Taken, 0, CallId(0), |out| put_varint(out, taken), &Body::default());
        }
    }

    /// Whether somebody has something to do now.
    pub fn has_woken(&self) -> bool {
        !self.wakers.is_empty() || !self.answered.is_empty()
    }

    /// Whoever has a reply now, and was not woken yet. Whoever takes some of them wakes them.
    pub fn answered(&mut self) -> &mut Vec<Waker> {
        &mut self.answered
    }

    /// Moves whoever has something to do now to the end of `into`. What `into` has room for is lent in return.
    pub fn take_wakers(&mut self, into: &mut Vec<Waker>) {
        if into.is_empty() {
            std::mem::swap(&mut self.answered, into);
        } else {
            into.append(&mut self.answered);
        }
        into.append(&mut self.wakers);
    }
}
