//! What a peer, a handler or the machine may do to a server or a client, and what they must do about it. Each
//! test is named after its row of the list of faults: group, number, and what happens.
#![cfg(target_os = "linux")]

mod support;

#[path = "reliability/a_handshake.rs"]
mod a_handshake;

/// Not a test: what this program does when a test starts it as another process.
#[test]
fn another_role() {
    support::process::play_role();
}
