//! Two sessions that have said hello, and the bytes between them.

use std::io::IoSlice;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use traitwire_core::codec::Encoder;
use traitwire_core::proto::hello::{Hello, ServedMethod, ServedService};
use traitwire_core::proto::{CallId, CallKey, Event, NewCall, Outcome, Outgoing, SLICES, Session};
use traitwire_core::{Body, Code, Executed, Options, RpcError};
use traitwire_idl::Fingerprint;

pub(crate) const NOBODY: &Waker = Waker::noop();

/// One end, with what it has written and the peer has not read.
pub(crate) struct End {
    pub(crate) session: Session,
    pub(crate) outgoing: Outgoing,
    pub(crate) wire: Vec<u8>,
    input: Vec<u8>,
    pub(crate) events: Vec<Event>,
}

impl End {
    pub(crate) fn new(options: Options, now: Instant) -> Self {
        let mut hello = Hello::new(&options.limits, 1);
        let method = ServedMethod { name: "m".into(), fingerprint: Fingerprint::from_bits(1) };
        hello.services.push(ServedService { name: "S".into(), methods: vec![method] });
        let session = Session::new(&hello.encode().expect("encodable"), options, now);
        Self { session, outgoing: Outgoing::new(true), wire: vec![], input: vec![], events: vec![] }
    }

    /// Writes all there is.
    pub(crate) fn write(&mut self) {
        loop {
            self.session.take_output(&mut self.outgoing);
            if self.outgoing.remaining() == 0 {
                return;
            }
            self.write_taken();
        }
    }

    /// Writes what was taken from the session.
    pub(crate) fn write_taken(&mut self) {
        while self.outgoing.remaining() > 0 {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.outgoing.slices(&mut slices);
            let before = self.wire.len();
            slices[..count].iter().for_each(|slice| self.wire.extend_from_slice(slice));
            self.outgoing.advance(self.wire.len() - before);
        }
    }

    pub(crate) fn read(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), RpcError> {
        while !bytes.is_empty() {
            match self.session.lend_block() {
                Some((mut block, most)) => {
                    let (part, rest) = bytes.split_at(bytes.len().min(most));
                    block.extend_from_slice(part);
                    bytes = rest;
                    self.session.return_block(block, part.len(), now)?;
                }
                None => {
                    self.input.extend_from_slice(bytes);
                    bytes = &[];
                    let used = self.session.handle_input(&self.input, now)?;
                    self.input.drain(..used);
                }
            }
        }
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
        Ok(())
    }

    pub(crate) fn start(&mut self, body: Body, left: Option<(Instant, Duration)>) -> CallKey {
        let mut request = Some(NewCall { deadline: left, ..NewCall::new(0, body) });
        match self.session.poll_start(&mut None, &mut request, NOBODY) {
            Poll::Ready(started) => started.expect("admitted"),
            Poll::Pending => panic!("not admitted"),
        }
    }

    pub(crate) fn outcome(&mut self, key: CallKey) -> Option<Outcome> {
        match self.session.poll_reply(key, NOBODY) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }
}

/// Two ends that have said hello.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) ends: [End; 2],
}

pub(crate) const CALLER: usize = 0;
pub(crate) const CALLEE: usize = 1;

impl Pair {
    pub(crate) fn new(options: Options) -> Self {
        Self::of(options.clone(), options)
    }

    pub(crate) fn of(caller: Options, callee: Options) -> Self {
        let now = Instant::now();
        let mut pair = Self { now, ends: [End::new(caller, now), End::new(callee, now)] };
        pair.exchange(usize::MAX);
        pair
    }

    /// Delivers everything both ways in pieces of `piece` bytes.
    pub(crate) fn exchange(&mut self, piece: usize) {
        for _ in 0..4 {
            for from in [CALLER, CALLEE] {
                self.ends[from].write();
                let wire = std::mem::take(&mut self.ends[from].wire);
                for part in wire.chunks(piece) {
                    self.ends[1 - from].read(part, self.now).expect("no rule broken");
                }
            }
        }
    }

    pub(crate) fn calls(&mut self) -> Vec<(CallId, Body)> {
        let events = std::mem::take(&mut self.ends[CALLEE].events);
        events
            .into_iter()
            .map(|event| match event {
                Event::Call(incoming) => (incoming.id, incoming.body),
                Event::Cancel(..) => panic!("a cancel"),
            })
            .collect()
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        for end in &mut self.ends {
            end.session.handle_timeout(self.now).expect("in time");
            end.events.extend(std::iter::from_fn(|| end.session.poll_event()));
        }
    }

    /// Nothing is in flight on either side, and everything charged was given back: as many calls as ever fit.
    pub(crate) fn assert_clean(&mut self) {
        assert_eq!(
            self.ends.each_ref().map(|end| (end.session.in_flight(), end.session.serving())),
            [(0, 0); 2]
        );
        for _ in 0..3 {
            let key = self.ends[CALLER].start(block(700_000), None);
            self.exchange(usize::MAX);
            let (id, _) = self.calls().pop().expect("arrived");
            self.ends[CALLEE].session.reply(id, Outcome::Output(text("fine")));
            self.exchange(usize::MAX);
            assert!(matches!(self.ends[CALLER].outcome(key), Some(Outcome::Output(_))));
        }
    }
}

pub(crate) fn text(text: &str) -> Body {
    let mut encoder = Encoder::new();
    encoder.value(text);
    encoder.finish().expect("encoded")
}

/// A block that goes out in parts and arrives in its own place.
pub(crate) fn block(length: usize) -> Body {
    let mut encoder = Encoder::new();
    encoder.byte_buf((0..length).map(|at| at as u8).collect());
    encoder.finish().expect("encoded")
}

pub(crate) fn options() -> Options {
    let mut options = Options::default();
    options.limits.max_calls = 3;
    options.limits.max_message = 1 << 20;
    options.limits.max_inflight = 1 << 20;
    options
}

pub(crate) fn failure(outcome: Option<Outcome>) -> (Code, Executed) {
    match outcome {
        Some(Outcome::Failure(error)) => (error.code(), error.executed()),
        other => panic!("{other:?}"),
    }
}
