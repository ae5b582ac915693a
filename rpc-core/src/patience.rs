//! How long to look for something before sleeping: for as long as looking has paid of late. Never looks where the other
//! side could not run meanwhile.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Shortest look at memory: an answer that is almost there is seen, and one that is not costs little.
const SHORTEST: Duration = Duration::from_micros(1);

/// Of looks at memory in vain, one in so many is long all the same: the other side may have become quick again.
const PROBE: u32 = 32;

/// Looks at memory between two questions to the clock.
const LOOKS: usize = 32;

/// Where the kernel is not asked, at one wait in so many it is all the same. So it is not for a connection that lives for
/// a few calls.
const RETRY: u32 = 8;

/// Least time between two questions to the kernel, and before the first: each costs several hundred nanoseconds.
const LEAST_PAUSE: Duration = Duration::from_micros(1);

/// After looks in vain the kernel is asked for less and less time; below this part of the longest not at all.
const WORTH_ASKING: u32 = 16;

/// Remembers whether looking pays.
#[derive(Debug)]
pub(crate) struct Patience {
    /// Zero for who never looks twice.
    longest: Duration,
    now: Duration,
    in_vain: u32,
    /// Where a look is a question to the kernel: when the first one is asked. About half of the waits are over by then,
    /// so that most take one question or two.
    first: Option<Duration>,
}

impl Patience {
    /// For looks at memory, for so long at most.
    pub(crate) const fn of_memory(longest: Duration) -> Self {
        Self { longest, now: longest, in_vain: 0, first: None }
    }

    /// For looks that are questions to the kernel, for so long at most.
    pub(crate) const fn of_kernel(longest: Duration) -> Self {
        Self { longest, now: Duration::ZERO, in_vain: 0, first: Some(LEAST_PAUSE) }
    }

    /// Whether it is worth while to look this time. Asked once before each wait.
    pub(crate) fn is_worth_while(&mut self) -> bool {
        if self.first.is_none() || cfg!(traitwire_loom) {
            return true;
        }
        if self.now.is_zero() {
            self.in_vain = self.in_vain.wrapping_add(1);
            if self.in_vain.is_multiple_of(RETRY) {
                self.now = self.longest;
            }
        }
        !self.now.is_zero() && !is_alone()
    }

    /// Looks again and again. `false` if nothing came of it.
    pub(crate) fn look(&mut self, is_there: impl FnMut() -> bool) -> bool {
        if self.first.is_none() {
            return self.look_at_memory(is_there);
        }
        let begin = Instant::now();
        self.ask_and_learn(|| begin.elapsed(), is_there)
    }

    /// The same for what is on its way already.
    pub(crate) fn look_soon(&mut self, is_there: impl FnMut() -> bool) -> bool {
        if self.first.is_none() {
            return self.look_at_memory(is_there);
        }
        let begin = Instant::now();
        self.ask(LEAST_PAUSE, || begin.elapsed(), is_there).is_some()
    }

    fn look_at_memory(&mut self, mut is_there: impl FnMut() -> bool) -> bool {
        if is_there() {
            return true;
        }
        // To loom it does not matter how long something takes.
        if cfg!(traitwire_loom) || self.longest.is_zero() || is_alone() {
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
            *self = Self::of_memory(self.longest);
        } else {
            self.in_vain = self.in_vain.wrapping_add(1);
            self.now = match self.in_vain.is_multiple_of(PROBE) {
                true => self.longest,
                false => (self.now / 2).max(SHORTEST),
            };
        }
        found
    }

    /// Asks the kernel, and learns from it when to ask first. `elapsed` says how long this has taken.
    fn ask_and_learn(&mut self, elapsed: impl FnMut() -> Duration, is_there: impl FnMut() -> bool) -> bool {
        let first = self.first.unwrap_or(LEAST_PAUSE);
        let questions = self.ask(first, elapsed, is_there);
        if let Some(questions) = questions {
            let step = first / 8;
            let later = if questions == 1 { first - step } else { first + step };
            self.first = Some(later.min(self.longest / 2).max(LEAST_PAUSE));
        }
        questions.is_some()
    }

    /// Asks the kernel again and again, first after a time, then with growing pauses. How many questions it took, if
    /// something came of them.
    fn ask(
        &mut self,
        first: Duration,
        mut elapsed: impl FnMut() -> Duration,
        mut is_there: impl FnMut() -> bool,
    ) -> Option<u32> {
        if cfg!(traitwire_loom) {
            return is_there().then_some(1);
        }
        let (mut next, mut pause) = (first, (first / 4).max(LEAST_PAUSE));
        for questions in 1.. {
            while elapsed() < next {
                std::hint::spin_loop();
            }
            if is_there() {
                (self.now, self.in_vain) = (self.longest, 0);
                return Some(questions);
            }
            let spent = elapsed();
            if spent >= self.now {
                break;
            }
            next = spent + pause;
            pause *= 2;
        }
        let next = self.now / 2;
        self.now = if next * WORTH_ASKING >= self.longest { next } else { Duration::ZERO };
        None
    }
}

/// Whether this process has one core only, which the other side may need to get on.
fn is_alone() -> bool {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_micros(50);

    /// A clock that goes on by 100 ns each time that it is looked at.
    fn clock() -> impl FnMut() -> Duration {
        let mut elapsed = Duration::ZERO;
        move || {
            elapsed += Duration::from_nanos(100);
            elapsed
        }
    }

    /// How many waits are left out before the next that is worth a look.
    fn left_out(patience: &mut Patience) -> usize {
        (0..100).take_while(|_| !patience.is_worth_while()).count()
    }

    #[test]
    fn the_kernel_is_asked_as_long_as_that_pays() {
        if is_alone() {
            return;
        }
        let mut patience = Patience::of_kernel(LONGEST);
        assert_eq!(left_out(&mut patience), RETRY as usize - 1);
        assert!(patience.ask_and_learn(clock(), || true));
        let mut in_vain = 0;
        while patience.is_worth_while() && in_vain < 100 {
            assert!(!patience.ask_and_learn(clock(), || false));
            in_vain += 1;
        }
        assert_eq!(in_vain, 5, "50, 25, 12, 6 and 3 µs");
        // Each time the last one was left out above.
        for _ in 0..3 {
            assert_eq!(left_out(&mut patience), RETRY as usize - 2);
            assert!(!patience.ask_and_learn(clock(), || false));
            patience.now = Duration::ZERO;
            assert!(!patience.is_worth_while());
        }
        assert_eq!(left_out(&mut patience), RETRY as usize - 2);
        assert!(patience.ask_and_learn(clock(), || true));
        assert_eq!(left_out(&mut patience), 0);
    }

    #[test]
    fn the_first_question_comes_when_half_of_the_waits_are_over() {
        let mut patience = Patience { now: LONGEST, ..Patience::of_kernel(LONGEST) };
        // What takes two questions comes later than expected, what takes one earlier.
        let second = || {
            let mut questions = 0;
            move || {
                questions += 1;
                questions == 2
            }
        };
        for _ in 0..100 {
            assert!(patience.ask_and_learn(clock(), second()));
        }
        assert_eq!(patience.first, Some(LONGEST / 2), "no later than this");
        for _ in 0..100 {
            assert!(patience.ask_and_learn(clock(), || true));
        }
        assert!(patience.first <= Some(LEAST_PAUSE * 2), "{:?}", patience.first);
        // What is on its way already says nothing of how long the other side takes.
        let before = patience.first;
        assert!(patience.ask(LEAST_PAUSE, clock(), second()).is_some());
        assert_eq!(patience.first, before);
    }

    #[test]
    fn who_may_not_look_looks_once_at_memory_and_never_asks() {
        let mut never = Patience::of_kernel(Duration::ZERO);
        assert_eq!(left_out(&mut never), 100);
        let (mut never, mut looks) = (Patience::of_memory(Duration::ZERO), 0);
        assert!(!never.look(|| {
            looks += 1;
            false
        }));
        assert_eq!(looks, 1);
    }
}
