//! A budget for frames that cost the receiver work and the sender nothing: pings, cancels, skipped extensions. The
//! receiver ends a connection that exceeds it, the sender of cancels keeps to half of it. Never counts what carries a
//! call's or a reply's bytes; those have limits of their own.

use std::time::{Duration, Instant};

use crate::error::RpcError;
use crate::proto::violation;

/// What a peer may send: 20,000 at once, and 5,000 in each second. A flood ends the connection within a fraction of a
/// second (P-40).
const ALLOWED: (u32, u32) = (20_000, 5_000);

/// What this side sends: half of it, since clocks differ and other frames count too.
const SENT: (u32, u32) = (ALLOWED.0 / 2, ALLOWED.1 / 2);

/// What a peer has left.
#[derive(Debug)]
pub(super) struct Budget(Bucket);

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self(Bucket::new(ALLOWED, now))
    }

    pub(super) fn spend(&mut self, now: Instant, what: &str) -> Result<(), RpcError> {
        match self.0.take(now) {
            true => Ok(()),
            false => Err(violation("P-40", format_args!("a flood of {what} frames"))),
        }
    }
}

/// What this side may send.
#[derive(Debug)]
pub(super) struct Pace(Bucket);

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self(Bucket::new(SENT, now))
    }

    /// Whether one more may go out.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        self.0.take(now)
    }
}

/// Holds so many, and so many more come each second.
#[derive(Debug)]
struct Bucket {
    size: u32,
    per_second: u32,
    left: u32,
    filled: Instant,
}

impl Bucket {
    fn new((size, per_second): (u32, u32), now: Instant) -> Self {
        Self { size, per_second, left: size, filled: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let each = Duration::from_secs(1) / self.per_second;
        let come = now.saturating_duration_since(self.filled).as_nanos() / each.as_nanos();
        if come >= u128::from(self.size - self.left) {
            (self.left, self.filled) = (self.size, self.filled.max(now));
        } else {
            // Less than is missing. What is left over of the time counts next time.
            self.left += come as u32;
            self.filled += each * come as u32;
        }
        let has_some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        has_some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_so_many_however_long_nobody_takes() {
        let start = Instant::now();
        let mut bucket = Bucket::new((10, 1000), start);
        let all = |bucket: &mut Bucket, now| (0..).take_while(|_| bucket.take(now)).count();
        assert_eq!(all(&mut bucket, start), 10);
        // Parts of what one takes are not lost.
        assert_eq!(all(&mut bucket, start + Duration::from_micros(2_600)), 2);
        assert_eq!(all(&mut bucket, start + Duration::from_micros(3_000)), 1);
        assert_eq!(all(&mut bucket, start + Duration::from_secs(100)), 10);
        // One that was never emptied gets no more than it holds.
        assert!(bucket.take(start + Duration::from_secs(200)));
        assert_eq!(all(&mut bucket, start + Duration::from_secs(300)), 10);
        // The clock of another thread may be behind.
        assert_eq!(all(&mut bucket, start), 0);
    }
}
