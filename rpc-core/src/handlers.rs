//! The handlers that run for one connection, each in its slot. Never touches bytes on the wire or the
//! session: calls come in, outcomes go out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::connection::Connection;
use crate::context::{CallScope, HandlerScope};
use crate::error::{Code, Executed, RpcError};
use crate::metadata::Metadata;
use crate::options::Limits;
use crate::proto::{CallId, Incoming, Outcome, StreamEnd};
use crate::request::{Request, Streams};
use crate::service::{MethodDescription, Reply, Slot};
use crate::services::Services;
use crate::spawned::{Spawned, SpawnedHandler};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::target::LocalService;
use crate::trace::Traced;
use crate::versions::Versions;

pub(crate) struct Handlers {
    services: Arc<Services>,
    connection: Arc<Connection>,
    limits: Limits,
    versions: Versions,
    /// Slots at rest, by method.
    idle: Vec<Vec<Box<dyn Slot>>>,
    /// By call id.
    running: Vec<Option<Running>>,
    wakers: Vec<(Arc<HandlerWaker>, Waker)>,
    woken: Arc<Woken>,
    spawned: Spawned,
    /// Emptied and filled again, so that collecting who was woken allocates nothing.
    ids: Vec<CallId>,
}

enum Running {
    /// Polled by the driver.
    InPlace {
        method: &'static MethodDescription,
        kept: Option<u32>,
        slot: Box<dyn Slot>,
        scope: HandlerScope,
    },
    /// On another thread, or waiting for one.
    Spawned { code: Option<Code> },
}

/// Slots of one method kept for later calls.
const KEPT_SLOTS: usize = 64;

impl Handlers {
    pub(crate) fn new(services: Arc<Services>, connection: Arc<Connection>, limits: &Limits) -> Self {
        let idle = services.methods().iter().map(|_| Vec::new()).collect();
        Self {
            services,
            connection,
            limits: limits.clone(),
            versions: Versions::default(),
            idle,
            running: Vec::new(),
            wakers: Vec::new(),
            woken: Arc::default(),
            spawned: Spawned::new(limits.max_spawned),
            ids: Vec::new(),
        }
    }

    /// Makes `waker` the one that is woken when a handler can go on.
    pub(crate) fn set_driver(&self, waker: &Waker) {
        self.woken.lock().driver = Some(waker.clone());
    }

    /// Starts a handler and polls it once. `Some` if it has ended already.
    pub(crate) fn start(&mut self, incoming: Incoming) -> Option<Outcome> {
        let Incoming { id, key, method, object, priority, deadline, metadata, mut body } = incoming;
        let local = object.as_ref().and_then(|object| object.target::<LocalService>());
        let services = local.map_or(&self.services, |local| &local.services);
        let (method, description, evolved) = match services.method(method) {
            Some(description) => {
                if let Err(error) = description.check_arguments(&mut body, self.limits.max_depth) {
                    return Some(Outcome::Failure(error.with_method(&description.path)));
                }
                (method, description, None)
            }
            None => {
                let versions = &mut self.versions;
                match versions.unusual(services, method, object.is_some(), &mut body, &self.limits) {
                    Ok((method, description, evolved)) => (method, description, Some(evolved)),
                    Err(outcome) => return Some(outcome),
                }
            }
        };
        // Slots of objects are made for one call: the next one may be for another object.
        let kept = object.is_none().then_some(method);
        let idle = kept.and_then(|method| self.idle.get_mut(method as usize)?.pop());
        let Some(mut slot) = idle.or_else(|| services.slot(method)) else {
            let message = "the service has no such method";
            return Some(Outcome::Failure(
                RpcError::new(Code::Unimplemented, message).with_method(&description.path),
            ));
        };
        let mut scope = CallScope::new(&description.path, Arc::clone(&self.connection).into(), deadline);
        if !metadata.is_empty() {
            match Metadata::decode(&metadata) {
                Ok(metadata) => scope.set_metadata(metadata),
                Err(error) => return Some(Outcome::Failure(error.with_method(&description.path))),
            }
        }
        let streams = (description.takes_stream || description.gives_stream).then(|| Streams {
            connection: Arc::clone(&self.connection),
            end: StreamEnd::Callee(key),
            method: description,
            max_depth: self.limits.max_depth,
            evolved,
        });
        let traced = Traced::served(scope.metadata(), &description.path, &self.connection.peer.endpoint);
        let request = Request::new(body, scope, streams);
        let scope = HandlerScope { deadline, traced };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| slot.start(request))) {
            return Some(Outcome::Failure(panicked(panic).with_method(&description.path)));
        }
        let index = id.0 as usize;
        if index >= self.running.len() {
            self.running.resize_with(index + 1, || None);
        }
        if description.attributes.spawn {
            self.running[index] = Some(Running::Spawned { code: None });
            let handler = SpawnedHandler::new(id, slot, scope, description, &self.woken);
            self.spawned.start(handler, priority);
            return None;
        }
        // Most handlers end at their first poll: only the others are kept.
        let outcome =
            poll_slot(&mut *slot, &scope, &mut Context::from_waker(self.listening(index)), description);
        match outcome {
            Some(outcome) => {
                self.retire(kept.filter(|_| !is_panic(&outcome)), slot);
                Some(outcome)
            }
            None => {
                self.running[index] = Some(Running::InPlace { method: description, kept, slot, scope });
                None
            }
        }
    }

    /// The waker of a handler that is about to be polled.
    fn listening(&mut self, index: usize) -> &Waker {
        while self.wakers.len() <= index {
            let id = CallId(self.wakers.len() as u32);
            let waker =
                Arc::new(HandlerWaker { id, listed: AtomicBool::new(false), woken: Arc::clone(&self.woken) });
            self.wakers.push((Arc::clone(&waker), waker.into()));
        }
        let (handler, waker) = &self.wakers[index];
        // What wakes it from now on has to be heard, and what the last one to wake it did before, seen. A plain store
        // might come after the handler's own reads.
        handler.listed.swap(false, Ordering::AcqRel);
        waker
    }

    fn poll_one(&mut self, id: CallId) -> Option<Outcome> {
        let index = id.0 as usize;
        self.listening(index);
        let waker = &self.wakers[index].1;
        let Some(Some(Running::InPlace { method, slot, scope, .. })) = self.running.get_mut(index) else {
            return None;
        };
        let outcome = poll_slot(&mut **slot, scope, &mut Context::from_waker(waker), method)?;
        if let Some(Running::InPlace { kept, slot, .. }) = self.running[index].take() {
            self.retire(kept.filter(|_| !is_panic(&outcome)), slot);
        }
        Some(outcome)
    }

    /// A handler has come to its end, or is brought to it. Its slot may serve again, for the method it is `kept` for.
    fn retire(&mut self, kept: Option<u32>, mut slot: Box<dyn Slot>) {
        if clear(&mut *slot)
            && let Some(method) = kept
            && let Some(idle) = self.idle.get_mut(method as usize)
            && idle.len() < KEPT_SLOTS
        {
            idle.push(slot);
        }
    }

    /// Whether a handler can go on or has ended.
    pub(crate) fn has_woken(&self) -> bool {
        self.woken.some.load(Ordering::Acquire)
    }

    /// Polls the handlers that were woken and collects those that have ended.
    pub(crate) fn poll_woken(&mut self, ended: &mut Vec<(CallId, Outcome)>) {
        // Before the lock: whoever is added after this sets it again, and wakes the driver.
        if !self.woken.some.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut ids = std::mem::take(&mut self.ids);
        {
            let mut woken = self.woken.lock();
            std::mem::swap(&mut ids, &mut woken.ids);
            for Finished { id, outcome, ran } in woken.finished.drain(..) {
                let running = self.running.get_mut(id.0 as usize).and_then(Option::take);
                let outcome = match running {
                    Some(Running::Spawned { code: Some(code) }) => Outcome::Failure(given_up(code, ran)),
                    _ => outcome,
                };
                ended.push((id, outcome));
                self.spawned.ended(id);
            }
        }
        self.spawned.start_waiting();
        for id in ids.drain(..) {
            ended.extend(self.poll_one(id).map(|outcome| (id, outcome)));
        }
        self.ids = ids;
    }

    /// Drops a handler, or asks its task to end. `Some` if it has ended.
    pub(crate) fn cancel(&mut self, id: CallId, code: Code) -> Option<Outcome> {
        match self.running.get_mut(id.0 as usize)?.take()? {
            Running::InPlace { method, kept, slot, .. } => {
                self.retire(kept, slot);
                Some(Outcome::Failure(given_up(code, true).with_method(&method.path)))
            }
            // Also one that waits for a thread says itself that it has ended.
            Running::Spawned { .. } => {
                self.running[id.0 as usize] = Some(Running::Spawned { code: Some(code) });
                self.spawned.give_up(id);
                None
            }
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for running in self.running.drain(..).flatten() {
            if let Running::InPlace { mut slot, .. } = running {
                clear(&mut *slot);
            }
        }
    }
}

fn given_up(code: Code, ran: bool) -> RpcError {
    let message = match (code, ran) {
        (Code::DeadlineExceeded, true) => "its time ran out while its handler ran",
        (Code::DeadlineExceeded, false) => "its time ran out while its handler waited for a thread",
        _ => "cancelled by its caller",
    };
    RpcError::new(code, message).with_executed(if ran { Executed::Yes } else { Executed::No })
}

/// Drops what a slot holds; `false` if that panicked.
pub(crate) fn clear(slot: &mut dyn Slot) -> bool {
    catch_unwind(AssertUnwindSafe(|| slot.clear())).map_err(defuse).is_ok()
}

/// Drops what a panic carried: the value is the handler's own and may panic once more where it is dropped.
fn defuse(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
}

pub(crate) fn poll_slot(
    slot: &mut dyn Slot,
    scope: &HandlerScope,
    cx: &mut Context<'_>,
    method: &MethodDescription,
) -> Option<Outcome> {
    match catch_unwind(AssertUnwindSafe(|| scope.poll(|| slot.poll(cx)))) {
        Ok(Poll::Pending) => None,
        Ok(Poll::Ready(Ok(Reply::Output(body)))) => Some(Outcome::Output(body)),
        Ok(Poll::Ready(Ok(Reply::Error(body)))) => Some(Outcome::Error(body)),
        Ok(Poll::Ready(Err(error))) => Some(Outcome::Failure(error.with_method(&method.path))),
        Err(panic) => Some(Outcome::Failure(panicked(panic).with_method(&method.path))),
    }
}

fn is_panic(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failure(error) if error.code() == Code::Panicked)
}

fn panicked(panic: Box<dyn Any + Send>) -> RpcError {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("the handler panicked: {}", text.unwrap_or("with a value that is not text"));
    defuse(panic);
    RpcError::new(Code::Panicked, message).with_executed(Executed::Yes)
}

/// Who can go on. Shared with the wakers that handlers hold.
#[derive(Default)]
pub(crate) struct Woken {
    state: Mutex<WokenState>,
    /// Whether there may be something in it; set after it was put there.
    some: AtomicBool,
}

#[derive(Default)]
struct WokenState {
    ids: Vec<CallId>,
    finished: Vec<Finished>,
    driver: Option<Waker>,
}

/// A handler that ended on another thread.
pub(crate) struct Finished {
    pub(crate) id: CallId,
    pub(crate) outcome: Outcome,
    /// Whether it was ever begun.
    pub(crate) ran: bool,
}

impl Woken {
    /// A handler has ended on another thread.
    pub(crate) fn finish(&self, finished: Finished) {
        self.add(|woken| woken.finished.push(finished));
    }

    fn add(&self, add: impl FnOnce(&mut WokenState)) {
        let driver = {
            let mut woken = self.lock();
            add(&mut woken);
            // In one order with the driver's own exchanges: none of them can be taken to come after this one.
            self.some.swap(true, Ordering::AcqRel);
            woken.driver.clone()
        };
        driver.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, WokenState> {
        self.state.lock()
    }
}

struct HandlerWaker {
    id: CallId,
    /// Whether it stands among the woken already.
    listed: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for HandlerWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.listed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.woken.add(|woken| woken.ids.push(self.id));
    }
}
