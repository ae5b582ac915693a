//! The byte-level suite over every transport here. Never asks more of one than of another.
#![cfg(unix)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use support::{bind, block_on, directory, exec, role};
use traitwire_transport::conformance::{Subject, serve_echo};

fn unique() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("traitwire-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A server whose files are in a directory of its own.
fn in_directory(scheme: &str) -> Subject {
    let directory = directory();
    let address = format!("{scheme}:{}/calc", directory.path().display());
    Subject::bound(address).with_directory(directory.path().to_owned(), directory)
}

traitwire_transport::conformance! {
    mem: Subject::bound(format!("mem:{}", unique()));
    tcp: Subject::bound("tcp://127.0.0.1:0");
    tcp6: Subject::bound("tcp://[::1]:0");
    unix: in_directory("unix");
    shm: in_directory("shm");
    local: Subject::bound(format!("local:{}", unique()));
    fifo: in_directory("fifo");
    dialled exec: Subject::served(exec("echo").to_string());
}

/// Serves at `stdio:` where it has been started for that.
#[test]
fn child() {
    if role().is_some() {
        block_on(async { serve_echo(bind("stdio:").await.unwrap()).await });
    }
}
