//! The locks and atomics that a connection's users and its driver meet at. They are the standard library's; with
//! `--cfg traitwire_loom` they are such as let `driver/races.rs` try every order in which threads can use them. Never
//! used where threads do not meet.

#[cfg(not(traitwire_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

#[cfg(traitwire_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};
