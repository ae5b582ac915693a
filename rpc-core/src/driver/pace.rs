//! What the driver does before it sleeps: lets others run, then looks whether something more comes at once. Never looks
//! while handlers run or callers have just been woken, which may need the thread.

use std::task::{Context, Poll};
use std::time::Duration;

use super::looks::Looks;
use super::reading::is_read_alone;
use super::{Driver, Turn};
use crate::patience::Patience;

/// Looks between two questions to the session, whether somebody has queued something.
const LOOKS_AT_LOCK: u32 = 16;

/// How far it is with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Something was read or answered: more may follow soon.
    Brisk,
    /// Whoever was woken by it, or serves, runs first. Where a look costs a system call that takes its place.
    Polite,
    /// It has looked.
    Resting,
}

/// What came of a look.
pub(super) enum Seen {
    Nothing,
    /// There is something to do.
    Something,
    /// Something was read.
    Read,
    Ended(Turn),
}

impl Driver {
    /// Looks whether something more comes at once, where that can be done and is likely to pay.
    pub(super) fn look(&mut self, cx: &mut Context<'_>) -> Seen {
        if self.pace == Pace::Resting || matches!(self.looks, Looks::Never) {
            return Seen::Nothing;
        }
        // A look holds the thread, which those may need.
        if self.pace == Pace::Brisk && (self.serving > 0 || self.connection.took_wakers()) {
            self.pace = match self.looks {
                Looks::AtMemory(_) => Pace::Polite,
                Looks::ByReading(_) | Looks::Never => Pace::Resting,
            };
            return Seen::Nothing;
        }
        if self.pace == Pace::Polite {
            self.blocked = self.connection.flush();
        }
        self.pace = Pace::Resting;
        match &self.looks {
            Looks::Never => Seen::Nothing,
            Looks::AtMemory(_) => self.look_at_memory(),
            Looks::ByReading(_) => self.look_by_reading(cx),
        }
    }

    fn look_at_memory(&mut self) -> Seen {
        let Self { connection, handlers, looks: Looks::AtMemory(busy_poll), .. } = self else {
            return Seen::Nothing;
        };
        let mut looks = 0_u32;
        let found = self.patience.look(|| {
            looks += 1;
            busy_poll.has_bytes()
                || handlers.has_woken()
                || (looks.is_multiple_of(LOOKS_AT_LOCK)
                    && connection.with_session(|shared| shared.session.has_output()))
        });
        if found { Seen::Something } else { Seen::Nothing }
    }

    pub(super) fn look_by_reading(&mut self, cx: &mut Context<'_>) -> Seen {
        if !is_read_alone(&self.connection) || !self.patience.is_worth_while() {
            return Seen::Nothing;
        }
        let mut patience = std::mem::replace(&mut self.patience, Patience::of_kernel(Duration::ZERO));
        let mut read = Poll::Pending;
        let found = patience.look(|| {
            if let Looks::ByReading(direct_read) = &self.looks {
                direct_read.ask();
            }
            read = self.poll_armed(cx);
            read.is_ready()
                || self.handlers.has_woken()
                || self.connection.with_session(|shared| shared.session.has_output())
        });
        self.patience = patience;
        match read {
            Poll::Ready(Ok(())) => Seen::Read,
            Poll::Ready(Err(turn)) => Seen::Ended(turn),
            Poll::Pending if found => Seen::Something,
            Poll::Pending => Seen::Nothing,
        }
    }
}
