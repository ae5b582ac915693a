//! How long to wait between attempts to reach a peer: longer each time, and never the same for two who lost it at
//! the same moment. Never sleeps itself.

use std::time::Duration;

use crate::random;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(50);
/// At most; with `FACTOR` reached after some ten failures.
const LONGEST: Duration = Duration::from_secs(5);
const FACTOR: f64 = 1.6;
/// How far a wait may be from its length, either way.
const JITTER: f64 = 0.2;

#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.mul_f64(FACTOR).min(LONGEST);
        wait.mul_f64(1.0 + JITTER * (2.0 * random() - 1.0))
    }
}

/// From 0 to 1.
fn random() -> f64 {
    random::bits() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_differ() {
        let mut backoff = Backoff::new();
        let waits: Vec<Duration> = std::iter::repeat_with(|| backoff.next()).take(30).collect();
        assert!(waits[0] >= FIRST.mul_f64(0.8) && waits[0] <= FIRST.mul_f64(1.2));
        assert!(waits[10..].iter().all(|wait| (4.0..=6.0).contains(&wait.as_secs_f64())), "{waits:?}");
        assert!(waits[10..].windows(2).any(|two| two[0] != two[1]));
    }
}
