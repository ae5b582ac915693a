//! A thread that sleeps until it is woken. Never loses a wake-up, and makes no system call for one that comes before
//! the sleep.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};

thread_local! {
    /// Used again and again, so that a call allocates nothing.
    static PARKER: Cell<Option<(Arc<Parker>, Waker)>> = const { Cell::new(None) };
}

pub(super) struct Parker {
    thread: Thread,
    /// Apart from the thread's own token, which others may use up.
    is_woken: AtomicBool,
}

impl Parker {
    /// Lends this thread's parker, and its waker. Whoever waits within a wait gets one of its own.
    pub(super) fn lend<R>(wait: impl FnOnce(&Parker, &Waker) -> R) -> R {
        // A thread that is ending keeps nothing any more.
        let kept = PARKER.try_with(Cell::take).ok().flatten();
        let (parker, waker) = kept.unwrap_or_else(|| {
            let parker = Arc::new(Parker { thread: thread::current(), is_woken: AtomicBool::new(false) });
            (Arc::clone(&parker), Waker::from(parker))
        });
        let result = wait(&parker, &waker);
        let _ = PARKER.try_with(|kept| kept.set(Some((parker, waker))));
        result
    }

    /// Sleeps until it is woken; not at all if that has happened since the last time.
    pub(super) fn park(&self) {
        while !self.is_woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}
