//! How long to look for something before sleeping: for as long as looking has paid of late. Never looks where the other
//! side could not run meanwhile.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Longest look. A sleep and its end cost several microseconds on either side; whoever does not answer within a few
/// times as much is not about to.
const LONGEST: Duration = Duration::from_micros(50);

/// Shortest look: an answer that is almost there is seen, and one that is not costs little.
const SHORTEST: Duration = Duration::from_micros(1);

/// Of looks in vain, one in so many is long all the same: the other side may have become quick again.
const PROBE: u32 = 32;

/// Looks between two questions to the clock.
const LOOKS: usize = 32;

/// Remembers whether looking pays.
#[derive(Debug)]
pub(crate) struct Patience {
    now: Duration,
    in_vain: u32,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        Self { now: LONGEST, in_vain: 0 }
    }

    /// Looks again and again. `false` if nothing came of it.
    pub(crate) fn look(&mut self, mut is_there: impl FnMut() -> bool) -> bool {
        if is_there() {
            return true;
        }
        // To loom it does not matter how long something takes.
        if cfg!(traitwire_loom) || is_alone() {
            return false;
        }
        let begin = Instant::now();
        let found = loop {
            if (0..LOOKS).any(|_| {
                std::hint::spin_loop();
                is_there()
            }) {
                break true;
            }
            if begin.elapsed() >= self.now {
                break false;
            }
        };
        if found {
            *self = Self::new();
        } else {
            self.in_vain += 1;
            self.now =
                if self.in_vain.is_multiple_of(PROBE) { LONGEST } else { (self.now / 2).max(SHORTEST) };
        }
        found
    }
}

/// Whether this process has one core only, which the other side may need to get on.
fn is_alone() -> bool {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)) == 1
}
