//! Telling the peer that nobody wants a call's outcome any more, no faster than the peer's budget allows (P-40): however
//! short the deadlines and however many calls are dropped, no connection is lost over it. Never forgets one: what waits
//! is told later, unless the peer has answered meanwhile.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Session;
use crate::proto::CallId;
use crate::proto::budget::Pace;
use crate::proto::frame::Kind;
use crate::proto::timer::Timer;

/// After how long those that wait are looked at again.
const PAUSE: Duration = Duration::from_millis(10);

/// The calls that the peer is still to be told of.
#[derive(Debug)]
pub(super) struct Withdrawals {
    pace: Pace,
    /// The time as last heard: whoever drops a call brings none.
    now: Instant,
    /// Each id once, in the order in which calls were given up. Some may be free by now, or stand for other calls.
    line: VecDeque<CallId>,
}

impl Withdrawals {
    pub(super) fn new(now: Instant) -> Self {
        Self { pace: Pace::new(now), now, line: VecDeque::new() }
    }

    /// It is at least so late.
    pub(super) fn note(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}

impl Session {
    /// Entries in the line of calls that the peer is still to be told of.
    pub fn untold(&self) -> usize {
        self.withdrawals.line.len()
    }

    /// Tells the peer as soon as one more may go out.
    pub(super) fn cancel_in_time(&mut self, id: CallId) {
        self.calls.id_mut(id).withdraw();
        let Withdrawals { pace, now, line } = &mut self.withdrawals;
        if line.is_empty() && pace.allows(*now) {
            return self.send_cancel(id);
        }
        if line.is_empty() {
            self.timers.insert(*now + PAUSE, Timer::Cancels);
        }
        if !std::mem::replace(&mut self.calls.id_mut(id).in_line, true) {
            line.push_back(id);
        }
    }

    /// Tells the peer of those that wait, as far as that may go out.
    pub(super) fn send_cancels(&mut self) {
        while let Some(&id) = self.withdrawals.line.front() {
            if self.calls.id_mut(id).is_withdrawn() {
                let Withdrawals { pace, now, .. } = &mut self.withdrawals;
                if !pace.allows(*now) {
                    return self.timers.insert(*now + PAUSE, Timer::Cancels);
                }
                self.send_cancel(id);
            }
            self.calls.id_mut(id).in_line = false;
            self.withdrawals.line.pop_front();
        }
    }

    fn send_cancel(&mut self, id: CallId) {
        self.calls.id_mut(id).tell();
        self.output.control(Kind::Cancel, id, &[]);
    }
}
