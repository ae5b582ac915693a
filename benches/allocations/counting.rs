//! An allocator that counts, for each side of a connection: a side is a thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Whose allocations a thread's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Nobody,
    Client,
    Server,
}

thread_local! {
    static SIDE: Cell<Side> = const { Cell::new(Side::Nobody) };
}

static CLIENT: AtomicU64 = AtomicU64::new(0);
static SERVER: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting what is allocated and what grows.
pub(crate) struct Counting;

/// Counts this thread's allocations for a side from now on.
pub(crate) fn count_for(side: Side) {
    SIDE.set(side);
}

/// Allocations so far, of the client's side and of the server's.
pub(crate) fn counted() -> [u64; 2] {
    [CLIENT.load(Relaxed), SERVER.load(Relaxed)]
}

fn count() {
    // A thread that is ending has no side any more.
    match SIDE.try_with(Cell::get) {
        Ok(Side::Client) => CLIENT.fetch_add(1, Relaxed),
        Ok(Side::Server) => SERVER.fetch_add(1, Relaxed),
        Ok(Side::Nobody) | Err(_) => 0,
    };
}

// SAFETY: every call is handed to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is the one that is needed.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
