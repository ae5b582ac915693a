//! What the processes of a benchmark have in common: a runtime to run on, and lines for who started them. Never
//! names a contestant.

use tokio::runtime::Runtime;

/// Runs a future as a task of a multi-thread runtime, on a worker: the thread that blocks on a runtime is not
/// one, and each wake-up of what it runs would cost a hop between threads.
pub(crate) fn on_worker<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    as_task(Runtime::new().expect("a runtime can be built"), future)
}

/// Runs a future as a task of this runtime. What else runs on it ends with the future.
pub(crate) fn as_task<F>(runtime: Runtime, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let output =
        runtime.block_on(async { tokio::spawn(future).await.expect("the benchmark does not panic") });
    runtime.shutdown_background();
    output
}

/// Prints a line at once, even into a pipe.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    println!("{line}");
    std::io::stdout().flush().expect("somebody reads it");
}
