//! Children for the tests: the test binary itself, started again to run the one test `child`.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::env;
use std::future::Future;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use traitwire_core::Endpoint;
use traitwire_core::transport::{Bind, Dial, Listener, Wire};

/// Tells the test `child` what to do; without it, that test does nothing.
pub(crate) const ROLE: &str = "TRAITWIRE_TEST_CHILD";

/// The role this process has been started in.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

fn arguments() -> [&'static str; 4] {
    ["child", "--exact", "--nocapture", "--test-threads=1"]
}

/// This binary as a child in a role.
pub(crate) fn command(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments()).env(ROLE, role);
    command
}

/// The address of this binary as a child in a role. What the test harness prints first is part of the test.
pub(crate) fn exec(role: &str) -> Endpoint {
    let binary = env::current_exe().unwrap().into_os_string().into_string().unwrap();
    let words = ["/usr/bin/env".to_owned(), format!("{ROLE}={role}"), binary];
    Endpoint::from_words(words.into_iter().chain(arguments().map(str::to_owned))).unwrap()
}

/// A directory of one's own.
pub(crate) fn directory() -> TempDir {
    TempDir::new().unwrap()
}

pub(crate) async fn bind(address: &str) -> Result<Box<dyn Listener>, traitwire_core::RpcError> {
    address.bind().await
}

pub(crate) async fn connect(address: &Endpoint) -> Result<Wire, traitwire_core::RpcError> {
    address.dial()?.connect().await
}

/// Runs a future as a test would.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Polls for something that another process does, within a bound.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
