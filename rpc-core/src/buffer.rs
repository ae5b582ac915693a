//! Byte buffers that are reused, so that a small call allocates nothing once a thread is warm. Never shared:
//! a buffer has one owner at a time, who may carry it to another thread.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A `Vec<u8>` that goes back to its thread's pool when dropped.
#[derive(Default)]
pub(crate) struct Buffer(Vec<u8>);

/// Larger buffers are freed: a pool of them would pin the memory of a thread's largest calls.
const MAX_KEPT_BYTES: usize = 16 << 10;
/// Buffers kept by one thread; with `MAX_KEPT_BYTES` this bounds a thread's pool to 4 MiB.
const MAX_KEPT: usize = 256;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl Buffer {
    /// An empty buffer, with the capacity of an earlier use where the pool has one.
    pub(crate) fn new() -> Self {
        Self(POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten().unwrap_or_default())
    }
}

/// Takes the bytes as they are, without a copy.
impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let capacity = self.0.capacity();
        if capacity == 0 || capacity > MAX_KEPT_BYTES {
            return;
        }
        let mut bytes = std::mem::take(&mut self.0);
        // A thread that is ending has no pool any more: then the buffer is simply freed.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < MAX_KEPT {
                bytes.clear();
                pool.push(bytes);
            }
        });
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.0.len())
    }
}
