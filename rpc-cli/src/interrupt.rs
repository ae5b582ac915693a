//! What an interrupt (Ctrl-C) does: a command that has something to give up or to report hears of it and ends, any other
//! ends at once. Never waits long for a peer or for whoever reads the output, and no second time at all.

use std::time::Duration;

use tokio::runtime::Runtime;

/// What the process says of itself that was interrupted.
pub(crate) const EXIT_CODE: u8 = 130;

/// Waits for an interrupt.
pub(crate) async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody can tell of one.
        std::future::pending().await
    }
}

/// Ends the process where a command has not ended so long after an interrupt, or at the second one. What blocks the
/// command's thread, such as an output that nobody reads, does not block this.
pub(crate) fn watch(runtime: &Runtime, grace: Duration) {
    runtime.spawn(async move {
        interrupt().await;
        tokio::select! {
            () = interrupt() => {}
            () = tokio::time::sleep(grace) => {}
        }
        std::process::exit(EXIT_CODE.into());
    });
}
