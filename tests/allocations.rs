//! The bound on what a small call allocates, alone in its binary: the counting allocator is all of its own.
#![cfg(unix)]

#[path = "../benches/allocations/calls.rs"]
mod calls;
#[path = "../benches/allocations/counting.rs"]
mod counting;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// Allocations of a small call once its connection is warm, both sides together.
const BOUND: f64 = 4.0;

#[test]
fn a_small_call_allocates_little() {
    let calls = calls::Calls::new();
    let add: f64 = calls.add().iter().sum();
    assert!(add <= BOUND, "add: {add} allocations a call");
    // What the values themselves need comes on top: the string made by the handler, and the one decoded by
    // the client; the block decoded by each side.
    let greet: f64 = calls.greet().iter().sum();
    assert!(greet <= BOUND + 2.0, "greet: {greet} allocations a call");
    let echo: f64 = calls.echo().iter().sum();
    assert!(echo <= BOUND + 2.0, "echo: {echo} allocations a call");
}
