//! Who has the reading half: the driver, or for a moment a caller that reads its reply itself. Never lets two read.

use std::task::{Context, Poll, Waker};

use super::reading::Reading;
use crate::sync::{Mutex, MutexGuard};

/// Where a connection keeps its reading half while nobody reads.
pub(crate) struct ReadingSlot(Mutex<State>);

enum State {
    Here(Box<Reading>),
    /// Somebody reads; the driver waits for it to come back.
    Away(Option<Waker>),
    /// The connection is over.
    Gone,
}

impl ReadingSlot {
    pub(crate) fn new(reading: Reading) -> Self {
        Self(Mutex::new(State::Here(Box::new(reading))))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// Takes it, if nobody has it and it is `wanted`. Whoever takes it puts it back.
    pub(crate) fn take_if(&self, wanted: impl FnOnce(&mut Reading) -> bool) -> Option<Box<Reading>> {
        let mut state = self.lock();
        let is_wanted = if let State::Here(reading) = &mut *state { wanted(reading) } else { false };
        if !is_wanted {
            return None;
        }
        match std::mem::replace(&mut *state, State::Away(None)) {
            State::Here(reading) => Some(reading),
            State::Away(_) | State::Gone => None,
        }
    }

    /// Takes it as soon as it is back; for the driver alone. `None` when the connection is over.
    pub(crate) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Box<Reading>>> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Gone) {
            State::Here(reading) => {
                *state = State::Away(None);
                Poll::Ready(Some(reading))
            }
            State::Away(_) => {
                *state = State::Away(Some(cx.waker().clone()));
                Poll::Pending
            }
            State::Gone => Poll::Ready(None),
        }
    }

    /// Puts it back, and wakes the driver if that wants it.
    pub(crate) fn put_back(&self, reading: Box<Reading>) {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Gone) {
            State::Away(driver) => {
                *state = State::Here(reading);
                drop(state);
                driver.into_iter().for_each(Waker::wake);
            }
            gone => {
                *state = gone;
                drop(state);
                // Outside the lock: a transport of somebody's own may do anything when it is dropped.
                drop(reading);
            }
        }
    }

    /// Drops it, now or when it is put back.
    pub(crate) fn close(&self) {
        let last = std::mem::replace(&mut *self.lock(), State::Gone);
        drop(last);
    }
}
