//! The atomics that two sides of a ring meet at. They are the standard library's; with `--cfg traitwire_loom` they are
//! such as let `shm/races.rs` try the orders in which both sides can use them. Never used where sides do not meet.

#[cfg(not(traitwire_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(traitwire_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
