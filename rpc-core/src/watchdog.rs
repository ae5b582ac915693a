//! Keeps a runtime's other workers at work while a handler holds one of them. Never ends a handler, and does nothing
//! for a runtime of one thread.
//!
//! A worker that has taken events from the operating system runs the tasks they concern, and while there is only one
//! it wakes no other worker: nobody listens to the operating system meanwhile. A handler that holds its thread, as
//! none should, would hold up every connection of the runtime. So each worker notes when it begins with handlers and
//! when it has done; a thread looks now and then, and where a worker has not come back it wakes another one.
//!
//! Beginning costs one store and two loads, of no clock: time is counted in the thread's own looks. The thread
//! starts with the first handler, and sleeps while no handlers run.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Between two looks. A worker that is held is noticed at the second one after it began.
const LOOK: Duration = Duration::from_millis(10);

/// A worker that has nothing to do with handlers now.
const FREE: u32 = 0;

/// One worker thread.
struct Worker {
    /// The look before which it began with handlers.
    since: AtomicU32,
    runtime: Handle,
}

struct Watchdog {
    workers: Mutex<Vec<Weak<Worker>>>,
    /// How often the thread has looked; never `FREE`.
    looks: AtomicU32,
    /// Handlers have run since the last look.
    active: AtomicBool,
    asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

static WATCHDOG: Watchdog = Watchdog {
    workers: Mutex::new(Vec::new()),
    looks: AtomicU32::new(1),
    active: AtomicBool::new(false),
    asleep: AtomicBool::new(false),
    thread: OnceLock::new(),
};

thread_local! {
    static WORKER: OnceCell<Option<Arc<Worker>>> = const { OnceCell::new() };
}

/// Runs handlers.
pub(crate) fn watched<R>(run: impl FnOnce() -> R) -> R {
    struct Free;
    impl Drop for Free {
        fn drop(&mut self) {
            note(FREE);
        }
    }
    note(WATCHDOG.looks.load(Ordering::Relaxed));
    let _free = Free;
    WATCHDOG.wake();
    run()
}

/// What this thread's worker is at.
fn note(since: u32) {
    // A thread that is ending has no worker any more.
    let _ = WORKER.try_with(|worker| {
        if let Some(worker) = worker.get_or_init(Worker::register) {
            worker.since.store(since, Ordering::Relaxed);
        }
    });
}

impl Worker {
    /// The worker that this thread is, if its runtime has others.
    fn register() -> Option<Arc<Self>> {
        let runtime = Handle::try_current().ok()?;
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return None;
        }
        let worker = Arc::new(Self { since: AtomicU32::new(FREE), runtime });
        let mut workers = WATCHDOG.workers.lock();
        workers.retain(|worker| worker.strong_count() > 0);
        workers.push(Arc::downgrade(&worker));
        drop(workers);
        WATCHDOG.thread.get_or_init(|| {
            let watching = thread::Builder::new().name("traitwire-watchdog".to_owned());
            match watching.spawn(|| WATCHDOG.watch()) {
                Ok(watching) => watching.thread().clone(),
                // Without it handlers run as they would without this module.
                Err(_) => thread::current(),
            }
        });
        Some(worker)
    }
}

impl Watchdog {
    /// Handlers run: somebody has to look.
    fn wake(&self) {
        if !self.active.load(Ordering::Relaxed) {
            self.active.store(true, Ordering::SeqCst);
            if self.asleep.load(Ordering::SeqCst) {
                self.thread.get().inspect(|thread| thread.unpark());
            }
        }
    }

    fn watch(&self) {
        loop {
            thread::park_timeout(LOOK);
            let look = self.looks.load(Ordering::Relaxed).wrapping_add(1).max(1);
            self.looks.store(look, Ordering::Relaxed);
            let busy = self.look(look);
            if !self.active.swap(false, Ordering::SeqCst) && !busy {
                // A whole look has passed in which nothing began: whoever begins now finds `active` unset.
                self.asleep.store(true, Ordering::SeqCst);
                while !self.active.load(Ordering::SeqCst) {
                    thread::park();
                }
                self.asleep.store(false, Ordering::SeqCst);
            }
        }
    }

    /// Wakes a worker for each runtime that has one that is held. Whether any is at work.
    fn look(&self, now: u32) -> bool {
        let workers = self.workers.lock();
        let mut busy = false;
        for worker in workers.iter().filter_map(Weak::upgrade) {
            let since = worker.since.load(Ordering::Relaxed);
            busy |= since != FREE;
            if since != FREE && now.wrapping_sub(since) >= 2 {
                // The worker that comes to run it listens to the operating system afterwards.
                worker.runtime.spawn(async {});
            }
        }
        busy
    }
}
