//! What the benchmarks between processes share: the workloads, and Traitwire as a contestant in them.

pub(crate) mod contestant;
pub(crate) mod cpu;
pub(crate) mod measurement;
pub(crate) mod workload;

/// Runs a future as a task of a multi-thread runtime, on a worker: the thread that blocks on a runtime is not
/// one, and each wake-up of what it runs would cost a hop between threads.
pub(crate) fn on_worker<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
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
