//! Whether a thread may be held. Never asks whether it is of some runtime: threads for blocking work are too, and may.

use std::cell::Cell;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tokio::task::coop;

use super::Restore;
use crate::error::{Code, Executed, RpcError};

thread_local! {
    /// In a handler that has its thread to itself.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// More than tokio gives a task at once.
const MOST_BUDGET: usize = 256;

/// Runs what may hold this thread, although it is polled.
pub(crate) fn held<R>(run: impl FnOnce() -> R) -> R {
    let _restore = Restore { flag: &HELD, before: HELD.replace(true) };
    run()
}

/// # Errors
/// `InvalidArgument` in a task of tokio's, which shares its thread with others. One that is `unconstrained` is not told
/// from a thread of its own, and neither are tasks of other runtimes.
pub(super) fn check() -> Result<(), RpcError> {
    if Handle::try_current().is_err() || HELD.get() || !is_polled() {
        return Ok(());
    }
    let message = "a blocking call in a task of an async runtime would hold up its thread: use the async client, or \
                   make the call in `spawn_blocking`";
    Err(RpcError::new(Code::InvalidArgument, message).with_executed(Executed::No))
}

/// Whether a task is being polled in this thread. Tokio gives whatever it polls a budget, and all else none: what cannot
/// be used up is none. What is used of it here is given back.
fn is_polled() -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    // Gives back what was left before it, and so all that the others use.
    let _first = match coop::poll_proceed(&mut cx) {
        Poll::Ready(first) => first,
        Poll::Pending => return true,
    };
    for _ in 1..MOST_BUDGET {
        match coop::poll_proceed(&mut cx) {
            Poll::Ready(one) => one.made_progress(),
            Poll::Pending => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_wait() -> bool {
        let before = coop::has_budget_remaining();
        let may = check().is_ok();
        assert_eq!(coop::has_budget_remaining(), before, "the budget is as it was");
        may
    }

    #[test]
    fn a_thread_may_wait_where_no_task_is_polled() {
        assert!(may_wait());
        for mut builder in
            [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
        {
            let runtime = builder.build().unwrap();
            {
                let _entered = runtime.enter();
                assert!(may_wait());
            }
            runtime.block_on(async {
                assert!(!may_wait());
                assert!(held(may_wait));
                assert!(!may_wait());
                assert!(tokio::task::spawn_blocking(may_wait).await.unwrap());
                assert!(!tokio::spawn(async { may_wait() }).await.unwrap());
                let mut cx = Context::from_waker(Waker::noop());
                while let Poll::Ready(one) = coop::poll_proceed(&mut cx) {
                    one.made_progress();
                    assert!(!may_wait());
                }
                assert!(tokio::task::unconstrained(async { may_wait() }).await, "as it is documented");
            });
        }
    }
}
