//! Both sides do whatever they may, in an order that a seed decides, and the connection is lost after each step there
//! is: every call and every stream comes to its one end, and nobody says of a call that ran that it did not.

use std::collections::HashSet;
use std::task::Poll;
use std::time::Duration;

use traitwire_core::codec::{Decoder, Encoder};
use traitwire_core::proto::{Arrived, Batch, CallId, CallKey, Event, NewCall, Outcome, StreamEnd, Ticket};
use traitwire_core::{Body, Code, Executed, Priority, RpcError};

use crate::pair::{NOBODY, Pair, options, text};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<T>(&mut self, from: &[T]) -> Option<usize> {
        (!from.is_empty()).then(|| self.roll(from.len() as u64) as usize)
    }
}

/// A call that was made, and what its maker has of it.
struct Made {
    number: u64,
    key: CallKey,
    end: StreamEnd,
    gives_stream: bool,
    has_arguments: bool,
}

/// A call that is served.
struct Served {
    id: CallId,
    end: StreamEnd,
    gives_stream: bool,
}

#[derive(Default)]
struct Side {
    made: Vec<Made>,
    waiting: Vec<(u64, Option<Ticket>, Option<NewCall>)>,
    serving: Vec<Served>,
    /// Numbers of calls whose handler has begun here.
    ran: HashSet<u64>,
}

struct Story {
    pair: Pair,
    sides: [Side; 2],
    dice: Dice,
    calls: u64,
    /// Numbers of calls that ended, to see that none does twice.
    ended: HashSet<u64>,
}

fn numbered(number: u64, length: usize) -> Body {
    let mut encoder = Encoder::new();
    encoder.value(&number).byte_buf(vec![7; length]);
    encoder.finish().expect("encoded")
}

fn batch(dice: &mut Dice) -> Option<Batch> {
    let mut encoder = Encoder::new();
    let size = [1, 200, 3000, 90_000][dice.roll(4) as usize];
    encoder.byte_buf(vec![1; size]);
    Some(Batch { count: 1, items: encoder.finish().expect("encoded") })
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut options = options();
        options.limits.stream_window = 4 << 10;
        let dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (sides, ended) = (Default::default(), HashSet::new());
        Self { pair: Pair::new(options), sides, dice, calls: 0, ended }
    }

    fn step(&mut self) {
        let at = self.dice.roll(2) as usize;
        match self.dice.roll(12) {
            0..=2 => self.make(at),
            3 => self.give_up(at),
            4 | 5 => self.reply(at),
            6 => self.send_items(at),
            7 => self.collect(at),
            8 => self.finish_arguments(at),
            9 => {
                let time = Duration::from_micros(self.dice.roll(3000));
                self.pair.pass(time);
                (0..2).for_each(|at| self.note_events(at));
            }
            _ => self.deliver(at),
        }
    }

    fn make(&mut self, at: usize) {
        self.calls += 1;
        // What a method would tell its callee.
        let gives_stream = self.dice.roll(3) == 0;
        let number = self.calls * 2 + u64::from(gives_stream);
        let length = [0, 500, 70_000, 300_000][self.dice.roll(4) as usize];
        let left = Duration::from_millis(1 + self.dice.roll(20));
        let mut call = NewCall::new(0, numbered(number, length));
        call.deadline = (self.dice.roll(3) == 0).then(|| (self.pair.now + left, left));
        call.priority = [Priority::Low, Priority::Normal, Priority::High][self.dice.roll(3) as usize];
        call.streams_arguments = self.dice.roll(3) == 0;
        call.streams_results = gives_stream;
        self.sides[at].waiting.push((number, None, Some(call)));
        self.admit(at);
    }

    /// Starts what can be started now.
    fn admit(&mut self, at: usize) {
        let session = &mut self.pair.ends[at].session;
        let Side { waiting, made, .. } = &mut self.sides[at];
        let mut ended = Vec::new();
        waiting.retain_mut(|(number, ticket, call)| {
            let (has_arguments, gives_stream) =
                call.as_ref().map_or((false, false), |call| (call.streams_arguments, call.streams_results));
            match session.poll_start(ticket, call, NOBODY) {
                Poll::Pending => true,
                Poll::Ready(Ok(key)) => {
                    let end = session.caller_end(key);
                    made.push(Made { number: *number, key, end, gives_stream, has_arguments });
                    false
                }
                Poll::Ready(Err(error)) => {
                    assert_eq!(error.executed(), Executed::No, "it was never sent: {error}");
                    ended.push(*number);
                    false
                }
            }
        });
        ended.into_iter().for_each(|number| self.note_end(number));
    }

    fn note_end(&mut self, number: u64) {
        assert!(self.ended.insert(number), "call {number} ends twice");
    }

    fn give_up(&mut self, at: usize) {
        let Some(index) = self.dice.pick(&self.sides[at].made) else { return };
        let Made { number, key, end, gives_stream, .. } = self.sides[at].made.swap_remove(index);
        match gives_stream {
            true => self.pair.ends[at].session.stop_reading(end),
            false => self.pair.ends[at].session.cancel_call(key),
        }
        self.note_end(number);
    }

    fn reply(&mut self, at: usize) {
        let Some(index) = self.dice.pick(&self.sides[at].serving) else { return };
        let Served { id, .. } = self.sides[at].serving.swap_remove(index);
        let body = [text("small"), numbered(0, 100_000)].into_iter().nth(self.dice.roll(2) as usize);
        self.pair.ends[at].session.reply(id, Outcome::Output(body.expect("one of two")));
    }

    fn send_items(&mut self, at: usize) {
        let makes = self.dice.roll(2) == 0;
        let ends: Vec<StreamEnd> = match makes {
            true => {
                self.sides[at].made.iter().filter(|made| made.has_arguments).map(|made| made.end).collect()
            }
            false => {
                let serving = self.sides[at].serving.iter().filter(|served| served.gives_stream);
                serving.map(|served| served.end).collect()
            }
        };
        let Some(index) = self.dice.pick(&ends) else { return };
        let mut batch = batch(&mut self.dice);
        let _ = self.pair.ends[at].session.poll_send(ends[index], &mut batch, NOBODY);
    }

    fn finish_arguments(&mut self, at: usize) {
        let Some(index) = self.dice.pick(&self.sides[at].made) else { return };
        let Made { end, has_arguments, .. } = &mut self.sides[at].made[index];
        if *has_arguments && self.pair.ends[at].session.poll_finish(*end, NOBODY).is_ready() {
            *has_arguments = false;
        }
    }

    /// Reads streams, and takes the outcomes that are there.
    fn collect(&mut self, at: usize) {
        for served in &self.sides[at].serving {
            let _ = self.pair.ends[at].session.poll_items(served.end, NOBODY);
        }
        for number in self.outcomes(at) {
            self.note_end(number);
        }
    }

    /// The calls of one side that have come to their end.
    fn outcomes(&mut self, at: usize) -> Vec<u64> {
        let session = &mut self.pair.ends[at].session;
        let ran = &self.sides[1 - at].ran;
        let mut ended = Vec::new();
        let mut left = Vec::new();
        for made in std::mem::take(&mut self.sides[at].made) {
            let outcome = match made.gives_stream {
                false => session.poll_reply(made.key, NOBODY),
                true => loop {
                    match session.poll_items(made.end, NOBODY) {
                        Poll::Ready(Arrived::Items(_)) => {}
                        Poll::Ready(Arrived::Ended(outcome, _)) => break Poll::Ready(outcome),
                        Poll::Pending => break Poll::Pending,
                    }
                },
            };
            match outcome {
                Poll::Pending => left.push(made),
                Poll::Ready(outcome) => {
                    if let Outcome::Failure(error) = outcome {
                        let says_no = error.executed() == Executed::No;
                        assert!(
                            !(says_no && ran.contains(&made.number)),
                            "call {} ran: {error}",
                            made.number
                        );
                    }
                    ended.push(made.number);
                }
            }
        }
        self.sides[at].made = left;
        ended
    }

    /// Some bytes reach the other side.
    fn deliver(&mut self, from: usize) {
        let most = [3, 1000, 100_000, usize::MAX][self.dice.roll(4) as usize];
        let end = &mut self.pair.ends[from];
        end.session.take_output(&mut end.outgoing);
        if self.dice.roll(4) > 0 {
            end.write_taken();
        }
        let wire = &mut end.wire;
        let part: Vec<u8> = wire.drain(..most.min(wire.len())).collect();
        self.pair.ends[1 - from].read(&part, self.pair.now).expect("no rule is broken");
        (0..2).for_each(|at| self.note_events(at));
    }

    fn note_events(&mut self, at: usize) {
        for event in std::mem::take(&mut self.pair.ends[at].events) {
            match event {
                Event::Call(incoming) => {
                    let number: u64 = Decoder::new(&incoming.body).value().expect("a number");
                    assert!(self.sides[at].ran.insert(number), "call {number} runs twice");
                    let (id, end) = (incoming.id, StreamEnd::Callee(incoming.key));
                    self.sides[at].serving.push(Served { id, end, gives_stream: number % 2 == 1 });
                }
                Event::Cancel(id, code) => {
                    self.sides[at].serving.retain(|served| served.id != id);
                    let error = RpcError::new(code, "given up").with_executed(Executed::Yes);
                    self.pair.ends[at].session.reply(id, Outcome::Failure(error));
                }
            }
        }
        self.admit(at);
    }

    /// The connection is lost: whoever waits hears of it, at once.
    fn lose(mut self) {
        let cause = RpcError::new(Code::Unavailable, "lost");
        for at in 0..2 {
            let end = &mut self.pair.ends[at];
            end.session.end(&cause, end.outgoing.remaining());
            for served in &self.sides[at].serving {
                let session = &mut self.pair.ends[at].session;
                let polled = session.poll_items(served.end, NOBODY);
                assert!(polled.is_ready(), "a handler waits for items for ever");
                let sent = session.poll_send(served.end, &mut batch(&mut self.dice), NOBODY);
                assert!(matches!(sent, Poll::Ready(Ok(false))), "{sent:?}");
            }
            for made in self.sides[at].made.iter().filter(|made| made.has_arguments) {
                let session = &mut self.pair.ends[at].session;
                let sent = session.poll_send(made.end, &mut batch(&mut self.dice), NOBODY);
                assert!(matches!(sent, Poll::Ready(Ok(false))), "{sent:?}");
            }
        }
        for at in 0..2 {
            self.admit(at);
            let ended = self.outcomes(at);
            ended.into_iter().for_each(|number| self.note_end(number));
            assert!(
                self.sides[at].made.is_empty() && self.sides[at].waiting.is_empty(),
                "somebody waits for ever"
            );
        }
        assert_eq!(self.ended.len() as u64, self.calls);
    }

    /// Everything goes its way to the end: nothing is left on either side.
    fn conclude(mut self) {
        for _ in 0..200 {
            for at in 0..2 {
                for index in 0..self.sides[at].made.len() {
                    let Made { end, has_arguments, .. } = &mut self.sides[at].made[index];
                    if *has_arguments && self.pair.ends[at].session.poll_finish(*end, NOBODY).is_ready() {
                        *has_arguments = false;
                    }
                }
                self.collect(at);
                while !self.sides[at].serving.is_empty() {
                    self.reply(at);
                }
                let end = &mut self.pair.ends[at];
                end.write();
                let wire = std::mem::take(&mut end.wire);
                self.pair.ends[1 - at].read(&wire, self.pair.now).expect("no rule is broken");
                (0..2).for_each(|at| self.note_events(at));
            }
        }
        assert_eq!(self.ended.len() as u64, self.calls, "calls are left");
        let left = self.pair.ends.each_ref().map(|end| (end.session.in_flight(), end.session.serving()));
        assert_eq!(left, [(0, 0); 2]);
        self.pair.assert_clean();
    }
}

const STEPS: usize = 120;

#[test]
fn a_connection_lost_at_any_step_ends_everything_honestly() {
    for seed in 1..=9 {
        for lost_after in (0..STEPS).step_by(1 + (seed as usize % 3)) {
            let mut story = Story::new(seed);
            (0..lost_after).for_each(|_| story.step());
            story.lose();
        }
    }
}

#[test]
fn whatever_both_sides_do_all_is_given_back() {
    for seed in 1..=120 {
        let mut story = Story::new(seed);
        (0..STEPS).for_each(|_| story.step());
        story.conclude();
    }
}
