//! Handlers that hold their thread (`#[ipc(spawn)]`): each runs on a thread of the runtime's pool for blocking work,
//! so many at once for one connection; the others wait their turn. On a worker they would hold up whatever else
//! that worker has to do, reading from connections included. Never answers a call: it says how a handler ended.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "blocking")]
use crate::blocking::held;
use crate::context::HandlerScope;
use crate::error::{Code, RpcError};
use crate::handlers::{Finished, Woken, clear, poll_slot};
use crate::priority::Priority;
use crate::proto::{CallId, Each, Outcome, Turns};
use crate::service::{MethodDescription, Slot};

/// The handlers of one connection that have a thread, and those that wait for one.
pub(crate) struct Spawned {
    most: usize,
    running: HashMap<CallId, CancellationToken>,
    waiting: Each<VecDeque<SpawnedHandler>>,
    turns: Turns,
}

impl Spawned {
    pub(crate) fn new(most: u32) -> Self {
        let (waiting, turns) = (Each::default(), Turns::default());
        Self { most: most as usize, running: HashMap::new(), waiting, turns }
    }

    /// Runs a handler as soon as there is a thread for it. However it ends, it says so.
    pub(crate) fn start(&mut self, handler: SpawnedHandler, priority: Priority) {
        self.waiting[priority.rank()].push_back(handler);
        self.start_waiting();
    }

    /// Whose turn it is: the most urgent first.
    fn next(&mut self) -> Option<SpawnedHandler> {
        let has = self.waiting.each_ref().map(|queue| !queue.is_empty());
        let priority = self.turns.next(has)?;
        self.turns.took(priority, has);
        self.waiting[priority.rank()].pop_front()
    }

    /// Gives threads that are free to those that wait.
    pub(crate) fn start_waiting(&mut self) {
        while self.running.len() < self.most
            && let Some(handler) = self.next()
        {
            let (runtime, given_up) = (Handle::current(), CancellationToken::new());
            self.running.insert(handler.id, given_up.clone());
            tokio::task::spawn_blocking(move || {
                // The pool may have let it wait until nobody wanted it any more.
                if !given_up.is_cancelled() {
                    held(|| runtime.block_on(given_up.run_until_cancelled_owned(handler.run())));
                }
            });
        }
    }

    /// A handler has said that it has ended.
    pub(crate) fn ended(&mut self, id: CallId) {
        self.running.remove(&id);
    }

    /// Asks a handler to end.
    pub(crate) fn give_up(&mut self, id: CallId) {
        match self.running.get(&id) {
            Some(running) => running.cancel(),
            None => self.waiting.iter_mut().for_each(|queue| queue.retain(|handler| handler.id != id)),
        }
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.running.values().for_each(CancellationToken::cancel);
    }
}

/// Nobody asks whether a thread may be held where there are no blocking clients.
#[cfg(not(feature = "blocking"))]
fn held<R>(run: impl FnOnce() -> R) -> R {
    run()
}

/// One handler on its way through the pool.
pub(crate) struct SpawnedHandler {
    id: CallId,
    slot: Box<dyn Slot>,
    scope: HandlerScope,
    method: &'static MethodDescription,
    woken: Arc<Woken>,
    outcome: Option<Outcome>,
    ran: bool,
}

impl SpawnedHandler {
    pub(crate) fn new(
        id: CallId,
        slot: Box<dyn Slot>,
        scope: HandlerScope,
        method: &'static MethodDescription,
        woken: &Arc<Woken>,
    ) -> Self {
        Self { id, slot, scope, method, woken: Arc::clone(woken), outcome: None, ran: false }
    }

    async fn run(mut self) {
        self.ran = true;
        let outcome = poll_fn(|cx| match poll_slot(&mut *self.slot, &self.scope, cx, self.method) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        });
        self.outcome = Some(outcome.await);
    }
}

impl Drop for SpawnedHandler {
    fn drop(&mut self) {
        clear(&mut *self.slot);
        let cancelled = || Outcome::Failure(RpcError::new(Code::Cancelled, "its handler was given up"));
        let outcome = self.outcome.take().unwrap_or_else(cancelled);
        self.woken.finish(Finished { id: self.id, outcome, ran: self.ran });
    }
}
