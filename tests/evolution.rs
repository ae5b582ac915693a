//! Two versions of a service, each in a process of its own: an old client with a new server, and a new client with
//! an old server. Both ways everything works that the rules let work, and the rest is refused where it stands.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unreachable_pub, reason = "a service of a test needs neither")]

#[path = "evolution/errors.rs"]
mod errors;
#[path = "evolution/limits.rs"]
mod limits;
#[path = "evolution/methods.rs"]
mod methods;
#[path = "evolution/new.rs"]
mod new;
#[path = "evolution/old.rs"]
mod old;
#[path = "evolution/processes.rs"]
mod processes;
#[path = "evolution/silent.rs"]
mod silent;
#[path = "evolution/typed.rs"]
mod typed;

/// Not a test: what this program does when a test starts it as another process.
#[test]
fn another_role() {
    processes::play_role();
}
