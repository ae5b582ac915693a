//! One client process with one connection: echoes of one size, so many in flight.

use crate::support::contestant::BenchClient;
use crate::support::workload::{Work, run};
use crate::support::{on_worker, say};

/// How long one figure is measured.
pub(crate) fn seconds() -> f64 {
    std::env::var("PEERS_SECS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1.0)
}

pub(crate) fn measure(address: &str, work: &str) {
    let address = address.to_owned();
    let work = Work::parse(work).expect("an echo's name");
    say(&on_worker(async move { run::<BenchClient>(work, &address).await }).to_string());
}
