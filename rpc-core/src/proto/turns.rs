//! Whose turn it is among the priorities: the most urgent, but for a share that the others always have. Never
//! holds what waits.

use crate::priority::Priority;

/// One flag for each priority, most urgent first.
pub(crate) type Each<T> = [T; Priority::COUNT];

/// How often one that has something may be passed over in a row: its share is one turn in so many and one.
const PASSED: u8 = 15;

const NOTHING: Each<bool> = [false; Priority::COUNT];
/// Of normal priority alone.
pub(crate) const ONLY_NORMAL: Each<bool> = {
    let mut has = NOTHING;
    has[Priority::Normal.rank()] = true;
    has
};

#[derive(Debug, Default)]
pub(crate) struct Turns {
    passed: Each<u8>,
}

impl Turns {
    /// Whose turn it is among those that have something.
    #[inline]
    pub(crate) fn next(&self, has: Each<bool>) -> Option<Priority> {
        // Nearly always all that waits is of one priority.
        match has {
            ONLY_NORMAL => Some(Priority::Normal),
            NOTHING => None,
            _ => self.next_of(has),
        }
    }

    fn next_of(&self, has: Each<bool>) -> Option<Priority> {
        let waits = |priority: &Priority| has[priority.rank()];
        let due = |priority: &Priority| waits(priority) && self.passed[priority.rank()] >= PASSED;
        let overdue = Priority::ALL.into_iter().rev().find(due);
        overdue.or_else(|| Priority::ALL.into_iter().find(waits))
    }

    /// One had its turn, while those had something.
    #[inline]
    pub(crate) fn took(&mut self, priority: Priority, has: Each<bool>) {
        match has {
            ONLY_NORMAL => self.passed[Priority::Normal.rank()..].fill(0),
            _ => self.took_of(priority, has),
        }
    }

    fn took_of(&mut self, priority: Priority, has: Each<bool>) {
        let rank = priority.rank();
        self.passed[rank] = 0;
        for (passed, has) in self.passed.iter_mut().zip(has).skip(rank + 1) {
            *passed = if has { passed.saturating_add(1) } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_go_first_and_nobody_starves() {
        let (mut turns, mut had) = (Turns::default(), [0; 3]);
        for _ in 0..1600 {
            let next = turns.next([true; 3]).expect("all have something");
            turns.took(next, [true; 3]);
            had[next.rank()] += 1;
        }
        assert!(had[0] >= 1300, "{had:?}");
        assert!(had[1] >= 90 && had[2] >= 90, "{had:?}");
        assert_eq!(turns.next([false; 3]), None);
    }
}
