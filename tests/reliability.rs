//! What a peer, a handler or the machine may do to a server or a client, and what they must do about it. Each
//! test is named after its row of the list of faults: group, number, and what happens.
#![cfg(target_os = "linux")]
#![allow(unreachable_pub, reason = "what the tests share stands for a library")]

mod support;

#[path = "reliability/a_handshake.rs"]
mod a_handshake;
#[path = "reliability/b_framing.rs"]
mod b_framing;
#[path = "reliability/c_decoding.rs"]
mod c_decoding;
#[path = "reliability/d_streams.rs"]
mod d_streams;
#[path = "reliability/e_limits.rs"]
mod e_limits;
#[path = "reliability/f_cancellation.rs"]
mod f_cancellation;
#[path = "reliability/g_death.rs"]
mod g_death;
#[path = "reliability/h_reconnection.rs"]
mod h_reconnection;
#[path = "reliability/i_slowness.rs"]
mod i_slowness;
#[path = "reliability/idle.rs"]
mod idle;
#[path = "reliability/j_exhaustion.rs"]
mod j_exhaustion;
#[path = "reliability/k_death.rs"]
mod k_death;
#[path = "reliability/k_introduction.rs"]
mod k_introduction;
#[path = "reliability/k_shared_memory.rs"]
mod k_shared_memory;
#[path = "reliability/objects.rs"]
mod objects;
#[path = "reliability/q_handlers.rs"]
mod q_handlers;

/// Not a test: what this program does when a test starts it as another process.
#[test]
fn another_role() {
    support::process::play_role();
}
