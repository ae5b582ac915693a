//! Random bits, good enough to keep numbers of different makers apart. Never for secrets.

use std::hash::{BuildHasher, RandomState};

/// 64 of them.
pub(crate) fn bits() -> u64 {
    // Each state has keys of its own.
    RandomState::new().hash_one(0u8)
}
