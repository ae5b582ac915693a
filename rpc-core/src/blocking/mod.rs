//! Calls made by threads that wait: the futures of the async client, polled in the calling thread, and one hidden
//! runtime for whatever goes on between and beside calls. Never makes a call itself, and never waits in a thread that
//! tasks need.

mod feed;
mod parker;
mod permission;
mod streaming;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::thread::LocalKey;

use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::task::coop;

pub use self::feed::{Feed, feed};
use self::parker::Parker;
pub(crate) use self::permission::held;
pub use self::streaming::BlockingStreaming;
use crate::channel::{Channel, ChannelBuilder};
use crate::error::{Code, Executed, RpcError};
use crate::transport::Dial;

thread_local! {
    /// In a call that waits for its result.
    static CALLS: Cell<bool> = const { Cell::new(false) };
}

/// Waits in this thread for the result of a call.
///
/// # Errors
/// The call's own; `InvalidArgument` in a task of tokio's, whose thread has others to look after. A task that is
/// `unconstrained`, or another runtime's, is not recognized: there it is up to the caller.
pub fn call<T, E: From<RpcError>>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    permission::check()?;
    let _restore = Restore { flag: &CALLS, before: CALLS.replace(true) };
    poll(call)
}

/// The hidden runtime, for what goes on within a blocking call. Most calls need none: they ask for it when they do.
pub(crate) fn context() -> Option<EnterGuard<'static>> {
    // A call is not made before there is a runtime, other than with a client that was made elsewhere.
    if CALLS.get() { runtime().ok().map(Runtime::enter) } else { None }
}

/// Waits in this thread for what is to come of something.
///
/// # Errors
/// Its own; `InvalidArgument` in a task of an async runtime, whose thread has others to look after.
pub fn wait<T, E: From<RpcError>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    wait_for(future)?
}

fn wait_for<F: Future>(future: F) -> Result<F::Output, RpcError> {
    permission::check()?;
    // Tasks, timers and sockets that the future makes are the hidden runtime's.
    let _context = runtime()?.enter();
    Ok(poll(future))
}

/// Polls a future in this thread, which sleeps in between.
fn poll<F: Future>(future: F) -> F::Output {
    // Within a task that may wait nobody would give back the budget that the future uses up.
    let mut future = pin!(coop::unconstrained(future));
    Parker::lend(|parker, waker| {
        let mut cx = Context::from_waker(waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            parker.park();
        }
    })
}

/// Sets a thread's flag back when it is dropped.
struct Restore {
    flag: &'static LocalKey<Cell<bool>>,
    before: bool,
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.flag.set(self.before);
    }
}

/// The runtime of all blocking clients. What costs time is done by those who call; a second thread takes over where a
/// handler of theirs holds the first.
fn runtime() -> Result<&'static Runtime, RpcError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let built = Builder::new_multi_thread().worker_threads(2).thread_name("traitwire").enable_all().build();
    let built = built.map_err(|error| {
        let message = format!("the threads behind blocking clients could not be started: {error}");
        RpcError::new(Code::ResourceExhausted, message).with_source(&error).with_executed(Executed::No)
    })?;
    if let Err(second) = RUNTIME.set(built) {
        // Two threads were the first at once.
        second.shutdown_background();
    }
    Ok(RUNTIME.get().expect("it was set, here or by the other one"))
}

impl Channel {
    /// [`connect`](Self::connect) for a thread that waits. The connection is looked after by threads that all
    /// blocking clients share.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and `InvalidArgument` in a task of an async runtime.
    pub fn blocking_connect<Via>(address: impl Dial<Via>) -> Result<Self, RpcError> {
        wait(Self::connect(address))
    }

    /// [`close`](Self::close) for a thread that waits.
    ///
    /// # Errors
    /// `InvalidArgument` in a task of an async runtime.
    pub fn blocking_close(&self) -> Result<(), RpcError> {
        wait_for(self.close())
    }
}

impl ChannelBuilder {
    /// [`connect`](Self::connect) for a thread that waits. What the channel serves runs on two threads that all
    /// blocking clients share: handlers that compute for long are better `#[ipc(spawn)]`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and `InvalidArgument` in a task of an async runtime.
    pub fn blocking_connect<Via>(self, address: impl Dial<Via>) -> Result<Channel, RpcError> {
        wait(self.connect(address))
    }
}
