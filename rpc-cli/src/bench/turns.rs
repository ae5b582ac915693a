//! When calls are made. Never makes one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, TryAcquireError};

/// How long calls are made.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Time(Duration),
    Count(u64),
}

/// Who may call when, for any number of tasks.
pub(super) enum Turns {
    /// Whoever is free.
    Closed {
        until: Option<Instant>,
        /// Calls that are yet to be made, where they are counted.
        left: Option<AtomicU64>,
    },
    /// At set times.
    Open(Arc<Schedule>),
}

/// One call that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// From when it is measured: where it comes late, since when it was due.
    pub(super) from: Instant,
    /// When it is made. How long it is waited for counts from here.
    pub(super) made: Instant,
}

/// Calls that are due one after another at even distances. A thread lets one more be made at each time.
pub(super) struct Schedule {
    start: Instant,
    rate: f64,
    end: End,
    turns: Semaphore,
    /// Turns that were given out, and those that were taken.
    given: AtomicU64,
    taken: AtomicU64,
}

/// Missed calls that are looked at one by one; of more, one stands for several.
const MOST_MISSED: u64 = 100_000;

impl Turns {
    pub(super) fn closed(end: End) -> Self {
        match end {
            End::Time(time) => Self::Closed { until: Some(Instant::now() + time), left: None },
            End::Count(count) => Self::Closed { until: None, left: Some(AtomicU64::new(count)) },
        }
    }

    pub(super) fn open(rate: f64, end: End) -> Self {
        let schedule = Arc::new(Schedule::new(Instant::now(), rate, end));
        let pacer = Arc::clone(&schedule);
        // A thread of its own: a runtime's clock counts milliseconds.
        thread::spawn(move || pacer.pace());
        Self::Open(schedule)
    }

    /// Waits for a turn; `None` at the end. The time is `now`.
    pub(super) async fn next(&self, now: Instant) -> Option<Turn> {
        match self {
            Self::Closed { until, left } => {
                let less = |left: u64| left.checked_sub(1);
                let take =
                    |left: &AtomicU64| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
                let has_turn = until.is_none_or(|until| now < until) && left.as_ref().is_none_or(take);
                has_turn.then_some(Turn { from: now, made: now })
            }
            Self::Open(schedule) => schedule.next().await,
        }
    }

    /// How long the calls have waited that were due and never had their turn, each with how many it stands for. The
    /// time is `now`, and nobody takes turns any longer.
    pub(super) fn missed(&self, now: Instant) -> Vec<(Duration, u64)> {
        match self {
            Self::Closed { .. } => Vec::new(),
            Self::Open(schedule) => schedule.missed(now),
        }
    }
}

impl Schedule {
    fn new(start: Instant, rate: f64, end: End) -> Self {
        let (given, taken) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { start, rate, end, turns: Semaphore::new(0), given, taken }
    }

    /// When the call with this number is due.
    fn due(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.rate)
    }

    /// How far a time is from the beginning, in distances between calls.
    fn steps(&self, time: Instant) -> f64 {
        time.saturating_duration_since(self.start).as_secs_f64() * self.rate
    }

    fn pace(&self) {
        let most = match self.end {
            End::Time(_) => u64::MAX,
            End::Count(count) => count,
        };
        let until = match self.end {
            End::Time(time) => Some(self.start + time),
            End::Count(_) => None,
        };
        let mut given = 0;
        while given < most {
            let next = self.due(given);
            let wakes = until.map_or(next, |until| next.min(until));
            thread::sleep(wakes.saturating_duration_since(Instant::now()));
            let now = Instant::now();
            if let Some(until) = until.filter(|until| now >= *until) {
                // It may wake late: what became due meanwhile is missed, and counts.
                let due = self.steps(until).ceil() as u64;
                self.given.fetch_max(due, Ordering::Release);
                break;
            }
            let due = (self.steps(now) as u64 + 1).min(most);
            if due > given {
                // Those that take them count on it.
                self.given.store(due, Ordering::Release);
                self.turns.add_permits((due - given) as usize);
                given = due;
            }
        }
        if until.is_some() {
            self.turns.close();
        }
    }

    async fn next(&self) -> Option<Turn> {
        let waited = match self.turns.try_acquire() {
            Ok(turn) => {
                turn.forget();
                false
            }
            Err(TryAcquireError::Closed) => return None,
            Err(TryAcquireError::NoPermits) => {
                self.turns.acquire().await.ok()?.forget();
                true
            }
        };
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if matches!(self.end, End::Count(count) if number + 1 >= count) {
            // Nobody else is to wait any longer.
            self.turns.close();
        }
        let now = Instant::now();
        // Whoever waited was there in time; how late it was woken is no fault of the peer's.
        let from = if waited { now } else { self.due(number).min(now) };
        Some(Turn { from, made: now })
    }

    fn missed(&self, now: Instant) -> Vec<(Duration, u64)> {
        let (taken, given) = (self.taken.load(Ordering::Relaxed), self.given.load(Ordering::Acquire));
        let until = match self.end {
            End::Time(time) => now.min(self.start + time),
            End::Count(_) => now,
        };
        let stride = given.saturating_sub(taken) / MOST_MISSED + 1;
        let waited = |number: u64| until.saturating_duration_since(self.due(number));
        let some = (taken..given).step_by(stride as usize);
        some.map(|number| (waited(number), stride.min(given - number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_loop_ends_with_its_count_or_its_time() {
        let turns = Turns::closed(End::Count(2));
        assert!(
            turns.next(Instant::now()).await.is_some()
                && turns.next(Instant::now()).await.is_some()
                && turns.next(Instant::now()).await.is_none()
        );
        assert!(Turns::closed(End::Time(Duration::ZERO)).next(Instant::now()).await.is_none());
    }

    #[tokio::test]
    async fn whoever_comes_late_measures_from_when_the_call_was_due() {
        let turns = Turns::open(1000.0, End::Count(3));
        let Turns::Open(schedule) = &turns else { unreachable!("it was opened") };
        // The first turn is taken when all three are there: a peer has held up who should have taken the others.
        while schedule.given.load(Ordering::Acquire) < 3 || schedule.turns.available_permits() < 3 {
            tokio::task::yield_now().await;
        }
        for number in 0..3 {
            let turn = turns.next(Instant::now()).await.expect("there are three");
            assert_eq!(turn.from, schedule.due(number));
            assert!(turn.made >= schedule.due(2), "it is made now");
        }
        assert_eq!(turns.next(Instant::now()).await, None);
    }

    #[tokio::test]
    async fn whoever_waits_measures_from_when_it_was_woken() {
        let turns = Turns::open(50.0, End::Count(2));
        let Turns::Open(schedule) = &turns else { unreachable!("it was opened") };
        turns.next(Instant::now()).await;
        let second = turns.next(Instant::now()).await.expect("there are two");
        assert!(second.from >= schedule.due(1) && second.made == second.from);
    }

    #[tokio::test]
    async fn calls_that_never_had_their_turn_have_waited_until_the_end() {
        let time = Duration::from_millis(20);
        let in_time = Turns::open(1000.0, End::Time(time));
        let Turns::Open(schedule) = &in_time else { unreachable!("it was opened") };
        while !schedule.turns.is_closed() {
            tokio::task::yield_now().await;
        }
        // Its thread wakes for the first time when all is over.
        let start = Instant::now().checked_sub(Duration::from_secs(1)).expect("it runs for longer");
        let late = Arc::new(Schedule::new(start, 1000.0, End::Time(time)));
        late.pace();
        for turns in [in_time, Turns::Open(late)] {
            assert_eq!(turns.next(Instant::now()).await, None);
            let missed = turns.missed(Instant::now());
            assert_eq!((missed[0], missed.len()), ((time, 1), 20));
            assert_eq!(missed[19], (Duration::from_millis(1), 1));
            assert!(missed.is_sorted_by(|a, b| a.0 >= b.0));
        }
    }
}
