//! CPU time, user and system, of the processes that take part.

use std::fs;

/// The CPU clocks of this process and of the server, where it is another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    server: Option<u32>,
}

impl Clocks {
    /// With the server that `PEER_SERVER_PID` names, else with `server`.
    pub(crate) fn new(server: Option<u32>) -> Self {
        let named = std::env::var("PEER_SERVER_PID").ok().and_then(|pid| pid.parse().ok());
        Self { server: named.or(server).filter(|pid| *pid != std::process::id()) }
    }

    /// Nanoseconds used so far. 0 where the system does not tell.
    pub(crate) fn now(self) -> u64 {
        used_by(std::process::id()) + self.server.map_or(0, used_by)
    }
}

/// By all threads of a process that live still. The scheduler brings the figure of a running thread up to date
/// at its ticks, so it may lack some milliseconds.
pub(crate) fn used_by(process: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return 0 };
    let used = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    used.sum()
}
