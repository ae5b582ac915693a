//! Whether callers whose replies came together are woken in a row: the driver wakes the first, and each that takes its
//! reply wakes the next. Never wakes anybody itself.
//!
//! A task that wakes several others at once has tokio wake a second thread to share them. For callers that are quick to
//! call again that is a loss: the thread comes to little, it waits for the socket from then on and is woken by all that
//! arrives, and where the peer is on the same machine it is in the peer's way. Over a Unix socket, with two cores and 64
//! callers, rows make 1.2 to 1.6 times as many calls. Callers that compute for long before they wait again are better
//! shared out, so that after a slow row several batches are woken at once.

use std::time::Duration;

/// What a quick row takes at most, and each caller in it more, with the turns of other tasks in between: less than it
/// costs to wake a thread for them.
const QUICK: Duration = Duration::from_micros(30);
const QUICK_EACH: Duration = Duration::from_micros(4);

/// Batches that are woken at once after a slow row: the least, and the most after several.
const LEAST: u32 = 4;
const MOST: u32 = 1024;

/// How quick rows have been.
#[derive(Debug)]
pub(super) struct Rows {
    /// Batches that are yet to be woken at once.
    at_once: u32,
    /// How many will be after the next slow row.
    penalty: u32,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { at_once: 0, penalty: LEAST }
    }

    /// Whether the next batch may be a row.
    pub(super) fn are_quick(&mut self) -> bool {
        let quick = self.at_once == 0;
        self.at_once = self.at_once.saturating_sub(1);
        quick
    }

    /// Notes how long a row of so many took.
    pub(super) fn note(&mut self, took: Duration, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if took <= QUICK.saturating_add(QUICK_EACH.saturating_mul(count)) {
            self.penalty = LEAST;
        } else {
            self.at_once = self.penalty;
            self.penalty = (self.penalty * 2).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_slow_rows_more_and_more_batches_are_woken_at_once() {
        let mut rows = Rows::new();
        let (quick, slow) = (Duration::from_micros(70), Duration::from_micros(71));
        assert!(rows.are_quick() && rows.are_quick());
        for penalty in [4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024] {
            rows.note(slow, 10);
            assert_eq!((0..).take_while(|_| !rows.are_quick()).count(), penalty);
        }
        rows.note(quick, 10);
        rows.note(slow, 10);
        assert_eq!((0..).take_while(|_| !rows.are_quick()).count(), 4);
    }
}
