//! A budget for frames that cost this side work and the peer nothing: pings, cancels, skipped extensions.
//! Never counts what carries a call's or a reply's bytes; those have limits of their own.

use std::time::Instant;

use crate::error::RpcError;
use crate::proto::violation;

/// A bucket that holds 20,000 such frames and refills by 2,000 a second: an honest burst of 5,000 cancels
/// passes, a flood ends the connection within a fraction of a second (P-40).
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    refilled: Instant,
}

const CAPACITY: u32 = 20_000;
const PER_SECOND: u32 = 2_000;

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: CAPACITY, refilled: now }
    }

    pub(super) fn spend(&mut self, now: Instant, what: &str) -> Result<(), RpcError> {
        if self.left == 0 {
            let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
            self.left = (passed * f64::from(PER_SECOND)).min(f64::from(CAPACITY)) as u32;
            self.refilled = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(violation("P-40", format_args!("a flood of {what} frames"))),
        }
    }
}
