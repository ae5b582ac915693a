//! Deadlines in order of time. Never reads a clock.

use std::collections::BTreeSet;
use std::time::Instant;

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The peer's hello.
    Handshake,
    /// Silence of the peer: ping it, or give it up.
    Keepalive,
    /// A call of this side, by its key.
    Call(u32),
    /// A call of this side that waits to be admitted, by its ticket.
    Ticket(u64),
    /// A call of the peer, by its id.
    Served(u32),
    /// Cancels that wait until more may go out.
    Cancels,
}

/// The deadlines that are set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    set: BTreeSet<(Instant, Timer)>,
}

impl Timers {
    pub(super) fn insert(&mut self, at: Instant, timer: Timer) {
        self.set.insert((at, timer));
    }

    pub(super) fn remove(&mut self, at: Option<Instant>, timer: Timer) {
        if let Some(at) = at {
            self.set.remove(&(at, timer));
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.set.first().map(|(at, _)| *at)
    }

    /// Takes one deadline that has passed by `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = *self.set.first()?;
        (at <= now).then(|| {
            self.set.pop_first();
            timer
        })
    }
}
