//! The handlers that run for one connection, each in its slot. Never touches bytes on the wire or the
//! session: calls come in, outcomes go out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::context::{CallScope, poll_handler};
use crate::error::{Code, Executed, RpcError};
use crate::metadata::Metadata;
use crate::proto::{CallId, Incoming, Outcome, StreamEnd};
use crate::reflection;
use crate::request::{Request, Streams};
use crate::service::{MethodDescription, Reply, Slot};
use crate::services::Services;

pub(crate) struct Handlers {
    services: Arc<Services>,
    connection: Arc<Connection>,
    max_depth: u32,
    /// Slots at rest, by method.
    idle: Vec<Vec<Box<dyn Slot>>>,
    /// By call id.
    running: Vec<Option<Running>>,
    wakers: Vec<(Arc<HandlerWaker>, Waker)>,
    woken: Arc<Woken>,
    /// Emptied and filled again, so that collecting who was woken allocates nothing.
    ids: Vec<CallId>,
}

enum Running {
    /// Polled by the driver.
    InPlace { method: u32, slot: Box<dyn Slot>, deadline: Option<Instant> },
    /// On a thread of its own.
    Spawned { give_up: CancellationToken, code: Option<Code> },
}

/// Slots of one method kept for later calls.
const KEPT_SLOTS: usize = 64;

impl Handlers {
    pub(crate) fn new(services: Arc<Services>, connection: Arc<Connection>, max_depth: u32) -> Self {
        let idle = services.methods().iter().map(|_| Vec::new()).collect();
        Self {
            services,
            connection,
            max_depth,
            idle,
            running: Vec::new(),
            wakers: Vec::new(),
            woken: Arc::default(),
            ids: Vec::new(),
        }
    }

    /// Makes `waker` the one that is woken when a handler can go on.
    pub(crate) fn set_driver(&self, waker: &Waker) {
        self.woken.lock().driver = Some(waker.clone());
    }

    /// Starts a handler and polls it once. `Some` if it has ended already.
    pub(crate) fn start(&mut self, incoming: Incoming) -> Option<Outcome> {
        let Incoming { id, key, method, deadline, metadata, mut body } = incoming;
        if method == reflection::DESCRIBE {
            return Some(reflection::describe(&self.services, &body));
        }
        let Some(description) = self.services.method(method) else {
            let message = format!("no method has the number {method}");
            return Some(Outcome::Failure(RpcError::new(Code::Unimplemented, message)));
        };
        if let Err(error) = description.check_arguments(&mut body, self.max_depth) {
            return Some(Outcome::Failure(error.with_method(&description.path)));
        }
        let kept = self.idle.get_mut(method as usize).and_then(Vec::pop);
        let Some(mut slot) = kept.or_else(|| self.services.slot(method)) else {
            let message = "the service has no such method";
            return Some(Outcome::Failure(
                RpcError::new(Code::Unimplemented, message).with_method(&description.path),
            ));
        };
        let mut scope = CallScope::new(&description.path, Arc::clone(&self.connection.peer), deadline);
        if !metadata.is_empty() {
            scope = match Metadata::decode(&metadata) {
                Ok(metadata) => scope.with_metadata(metadata),
                Err(error) => return Some(Outcome::Failure(error.with_method(&description.path))),
            };
        }
        let streams = (description.takes_stream || description.gives_stream).then(|| Streams {
            connection: Arc::clone(&self.connection),
            end: StreamEnd::Callee(key),
            method: description,
            max_depth: self.max_depth,
        });
        let request = Request::new(body, scope, streams);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| slot.start(request))) {
            return Some(Outcome::Failure(panicked(panic).with_method(&description.path)));
        }
        let index = id.0 as usize;
        if index >= self.running.len() {
            self.running.resize_with(index + 1, || None);
        }
        if description.attributes.spawn {
            let give_up = spawn(id, slot, deadline, description, Arc::clone(&self.woken));
            self.running[index] = Some(Running::Spawned { give_up, code: None });
            return None;
        }
        self.running[index] = Some(Running::InPlace { method, slot, deadline });
        self.poll_one(id)
    }

    fn poll_one(&mut self, id: CallId) -> Option<Outcome> {
        let index = id.0 as usize;
        while self.wakers.len() <= index {
            let id = CallId(self.wakers.len() as u32);
            let waker =
                Arc::new(HandlerWaker { id, listed: AtomicBool::new(false), woken: Arc::clone(&self.woken) });
            self.wakers.push((Arc::clone(&waker), waker.into()));
        }
        let (handler, waker) = &self.wakers[index];
        // Before polling: what wakes it from now on has to be heard.
        handler.listed.store(false, Ordering::Release);
        let Some(Some(Running::InPlace { method, slot, deadline })) = self.running.get_mut(index) else {
            return None;
        };
        let description = self.services.method(*method)?;
        let outcome = poll_slot(slot, *deadline, &mut Context::from_waker(waker), description)?;
        if let Some(Running::InPlace { method, mut slot, .. }) = self.running[index].take()
            && catch_unwind(AssertUnwindSafe(|| slot.clear())).is_ok()
            && let Some(idle) = self.idle.get_mut(method as usize)
            && idle.len() < KEPT_SLOTS
            && !is_panic(&outcome)
        {
            idle.push(slot);
        }
        Some(outcome)
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
            for (id, outcome) in woken.finished.drain(..) {
                let running = self.running.get_mut(id.0 as usize).and_then(Option::take);
                let outcome = match running {
                    Some(Running::Spawned { code: Some(code), .. }) => Outcome::Failure(given_up(code)),
                    _ => outcome,
                };
                ended.push((id, outcome));
            }
        }
        for id in ids.drain(..) {
            ended.extend(self.poll_one(id).map(|outcome| (id, outcome)));
        }
        self.ids = ids;
    }

    /// Drops a handler, or asks its task to end. `Some` if it has ended.
    pub(crate) fn cancel(&mut self, id: CallId, code: Code) -> Option<Outcome> {
        match self.running.get_mut(id.0 as usize)?.take()? {
            Running::InPlace { method, mut slot, .. } => {
                let cleared = catch_unwind(AssertUnwindSafe(|| slot.clear()));
                if let Some(idle) = self.idle.get_mut(method as usize)
                    && cleared.is_ok()
                    && idle.len() < KEPT_SLOTS
                {
                    idle.push(slot);
                }
                let path = self.services.method(method).map(|method| method.path.as_str());
                Some(Outcome::Failure(given_up(code).with_method(path.unwrap_or_default())))
            }
            Running::Spawned { give_up, .. } => {
                give_up.cancel();
                self.running[id.0 as usize] = Some(Running::Spawned { give_up, code: Some(code) });
                None
            }
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for running in self.running.drain(..).flatten() {
            match running {
                Running::Spawned { give_up, .. } => give_up.cancel(),
                Running::InPlace { mut slot, .. } => {
                    let _ = catch_unwind(AssertUnwindSafe(|| slot.clear()));
                }
            }
        }
    }
}

fn given_up(code: Code) -> RpcError {
    let message = match code {
        Code::DeadlineExceeded => "its time ran out while its handler ran",
        _ => "cancelled by its caller",
    };
    RpcError::new(code, message).with_executed(Executed::Yes)
}

fn poll_slot(
    slot: &mut Box<dyn Slot>,
    deadline: Option<Instant>,
    cx: &mut Context<'_>,
    method: &MethodDescription,
) -> Option<Outcome> {
    match catch_unwind(AssertUnwindSafe(|| poll_handler(deadline, || slot.poll(cx)))) {
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
    // The value is the handler's own and may panic once more where it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    RpcError::new(Code::Panicked, message).with_executed(Executed::Yes)
}

/// Runs a handler on a thread of the runtime's blocking pool, where it may hold the thread: on a worker it
/// would hold up whatever else that worker has to do, reading from connections included. However it ends, the
/// call is answered.
fn spawn(
    id: CallId,
    slot: Box<dyn Slot>,
    deadline: Option<Instant>,
    method: &'static MethodDescription,
    woken: Arc<Woken>,
) -> CancellationToken {
    let give_up = CancellationToken::new();
    let handler = SpawnedHandler { id, slot, deadline, woken, outcome: None };
    let (runtime, given_up) = (Handle::current(), give_up.clone());
    tokio::task::spawn_blocking(move || {
        runtime.block_on(given_up.run_until_cancelled_owned(handler.run(method)));
    });
    give_up
}

struct SpawnedHandler {
    id: CallId,
    slot: Box<dyn Slot>,
    deadline: Option<Instant>,
    woken: Arc<Woken>,
    outcome: Option<Outcome>,
}

impl SpawnedHandler {
    async fn run(mut self, method: &'static MethodDescription) {
        let outcome = std::future::poll_fn(|cx| match poll_slot(&mut self.slot, self.deadline, cx, method) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        })
        .await;
        self.outcome = Some(outcome);
    }
}

impl Drop for SpawnedHandler {
    fn drop(&mut self) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.slot.clear()));
        let outcome = self.outcome.take().unwrap_or_else(|| Outcome::Failure(given_up(Code::Cancelled)));
        let driver = {
            let mut woken = self.woken.lock();
            woken.finished.push((self.id, outcome));
            self.woken.some.store(true, Ordering::Release);
            woken.driver.clone()
        };
        driver.into_iter().for_each(Waker::wake);
    }
}

/// Who can go on. Shared with the wakers that handlers hold.
#[derive(Default)]
struct Woken {
    state: Mutex<WokenState>,
    /// Whether there may be something in it; set after it was put there.
    some: AtomicBool,
}

#[derive(Default)]
struct WokenState {
    ids: Vec<CallId>,
    finished: Vec<(CallId, Outcome)>,
    driver: Option<Waker>,
}

impl Woken {
    fn lock(&self) -> std::sync::MutexGuard<'_, WokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let driver = {
            let mut woken = self.woken.lock();
            woken.ids.push(self.id);
            self.woken.some.store(true, Ordering::Release);
            woken.driver.clone()
        };
        driver.into_iter().for_each(Waker::wake);
    }
}
