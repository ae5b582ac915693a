//! Whether a call that failed is made again. Never makes it, and never sleeps itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::backoff::Backoff;
use crate::error::{Code, Executed, RpcError};

/// How often a call is made at most, the first time included.
const MOST_ATTEMPTS: u32 = 5;

/// What keeps retries from adding to the load of a peer that is in trouble: failures of idempotent calls take a token
/// each, successes give a tenth back, and while half or less are left nothing is repeated that may have been executed.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    /// In tenths of a token.
    tenths: AtomicU32,
}

const FULL: u32 = 100;
const FAILURE: u32 = 10;

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tenths: AtomicU32::new(FULL) }
    }
}

impl RetryBudget {
    /// Notes that a call came to its end.
    pub(crate) fn succeeded(&self) {
        // Other threads' calls may be lost between the two: it is a measure, not a count.
        let tenths = self.tenths.load(Ordering::Relaxed);
        if tenths < FULL {
            self.tenths.store(tenths + 1, Ordering::Relaxed);
        }
    }

    /// Notes a failure. Whether enough is left.
    fn failed(&self) -> bool {
        let less = |tenths: u32| Some(tenths.saturating_sub(FAILURE));
        let before = self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or(0);
        before.saturating_sub(FAILURE) > FULL / 2
    }
}

/// The attempts of one call.
pub(crate) struct Attempts<'a> {
    budget: &'a RetryBudget,
    idempotent: bool,
    made: u32,
    backoff: Backoff,
    /// The worst that any attempt knows of itself.
    executed: Executed,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(budget: &'a RetryBudget, idempotent: bool) -> Self {
        Self { budget, idempotent, made: 0, backoff: Backoff::new(), executed: Executed::No }
    }

    /// After what time the call is made again, if it is. `moves`: the connection it failed on takes no more calls.
    pub(crate) fn failed(&mut self, error: &RpcError, moves: bool) -> Option<Duration> {
        self.made += 1;
        self.executed = self.executed.max(error.executed());
        if error.code() != Code::Unavailable {
            return None;
        }
        let within_budget = !self.idempotent || self.budget.failed();
        match () {
            () if self.made >= MOST_ATTEMPTS => None,
            () if error.executed() == Executed::No && moves => Some(Duration::ZERO),
            () if self.idempotent && within_budget => Some(self.backoff.next()),
            () => None,
        }
    }

    /// The last failure, as the whole call's.
    pub(crate) fn settle(&self, error: RpcError) -> RpcError {
        let error = error.with_executed(self.executed);
        if self.made > 1 { error.with_note(format_args!("tried {} times", self.made)) } else { error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(executed: Executed) -> RpcError {
        RpcError::new(Code::Unavailable, "gone").with_executed(executed)
    }

    #[test]
    fn what_may_have_run_is_repeated_only_where_that_is_harmless() {
        let budget = RetryBudget::default();
        let mut plain = Attempts::new(&budget, false);
        assert_eq!(plain.failed(&failure(Executed::Maybe), true), None);
        let mut plain = Attempts::new(&budget, false);
        assert_eq!(plain.failed(&failure(Executed::No), false), None, "refused by a peer that stays");
        assert_eq!(plain.failed(&failure(Executed::No), true), Some(Duration::ZERO));
        let mut idempotent = Attempts::new(&budget, true);
        assert!(idempotent.failed(&failure(Executed::Maybe), true).is_some_and(|wait| !wait.is_zero()));
        assert_eq!(idempotent.failed(&RpcError::new(Code::DeadlineExceeded, "late"), true), None);
    }

    #[test]
    fn one_doubt_stays_with_the_call() {
        let budget = RetryBudget::default();
        let mut attempts = Attempts::new(&budget, true);
        attempts.failed(&failure(Executed::Maybe), true);
        attempts.failed(&failure(Executed::No), true);
        let error = attempts.settle(failure(Executed::No));
        assert_eq!((error.executed(), error.message()), (Executed::Maybe, "gone; tried 2 times"));
    }

    #[test]
    fn failures_use_the_budget_up_and_successes_restore_it() {
        let budget = RetryBudget::default();
        let tries =
            |_: &usize| Attempts::new(&budget, true).failed(&failure(Executed::Maybe), false).is_some();
        assert_eq!((0..20).filter(tries).count(), 4);
        for _ in 0..FULL {
            budget.succeeded();
        }
        assert!(tries(&0));
    }
}
