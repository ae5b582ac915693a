//! The locks and atomics that a connection's users and its driver meet at. With `--cfg traitwire_loom` they are such as
//! let `driver/races/` try the orders in which threads can use them. Never used where threads do not meet.
//!
//! Locks are held for a few hundred instructions by threads that are all at work: whoever waits looks again a few times,
//! and lets others run, before it sleeps. The standard library's lock sleeps sooner, and a sleep costs more than what is
//! waited for: with 64 callers on two threads that is a third of all calls.

#[cfg(not(traitwire_loom))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(traitwire_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(traitwire_loom)]
pub(crate) use self::tried::{Mutex, MutexGuard};
#[cfg(traitwire_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};

/// Loom's lock, as far as the other one is used.
#[cfg(traitwire_loom)]
mod tried {
    use std::sync::PoisonError;

    pub(crate) use loom::sync::MutexGuard;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }
}
