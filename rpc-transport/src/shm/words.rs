//! The words by which two sides tell each other how far they are, where P-93 puts them. Each is written by its owner
//! alone: of the other side's there are only looks ([`PeerWords`]).

use crate::sync::{AtomicU64, Ordering, fence};

/// The words of this side. Those that are read together share a cache line.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Words {
    sending: Sending,
    taking: Taking,
}

#[repr(C, align(128))]
#[derive(Debug, Default)]
struct Sending {
    /// Bytes sent since the beginning.
    head: AtomicU64,
    /// Not zero when nothing will follow.
    closed: AtomicU64,
    /// Odd while this side's consumer sleeps. It stands here because the other side, which reads it after each send,
    /// looks at this line anyway: to that end it has it.
    wants_bytes: AtomicU64,
}

#[repr(C, align(128))]
#[derive(Debug, Default)]
struct Taking {
    /// Bytes taken of the other side's since the beginning.
    tail: AtomicU64,
    /// Odd while this side's producer sleeps.
    wants_room: AtomicU64,
}

/// What a side that waits says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Asleep,
    Awake,
}

impl Words {
    /// How far this side has sent.
    #[inline]
    pub(super) fn head(&self) -> u64 {
        self.sending.head.load(Ordering::Relaxed)
    }

    /// How far this side has taken.
    #[inline]
    pub(super) fn tail(&self) -> u64 {
        self.taking.tail.load(Ordering::Relaxed)
    }

    /// Says how far this side has sent. What it did before can be seen by who reads it.
    #[inline]
    pub(super) fn set_head(&self, head: u64) {
        self.sending.head.store(head, Ordering::Release);
    }

    /// Says how far this side has taken, likewise.
    #[inline]
    pub(super) fn set_tail(&self, tail: u64) {
        self.taking.tail.store(tail, Ordering::Release);
    }

    /// Says that nothing follows, likewise.
    #[inline]
    pub(super) fn close(&self) {
        self.sending.closed.store(1, Ordering::Release);
    }

    /// Says whether the consumer sleeps until something comes.
    #[inline]
    pub(super) fn want_bytes(&self, says: Says) {
        say(&self.sending.wants_bytes, says);
    }

    /// Says whether the producer sleeps until there is room.
    #[inline]
    pub(super) fn want_room(&self, says: Says) {
        say(&self.taking.wants_room, says);
    }
}

/// Whoever says that it sleeps looks once more afterwards, and the fence stands between the two.
#[inline]
fn say(word: &AtomicU64, says: Says) {
    let sleep = word.load(Ordering::Relaxed);
    if (sleep % 2 == 1) != (says == Says::Asleep) {
        word.store(sleep.wrapping_add(1), Ordering::Relaxed);
    }
    if says == Says::Asleep {
        fence(Ordering::SeqCst);
    }
}

/// The words of the other side, to look at and no more: they may lie in memory that this process cannot write to, where
/// a store would end it. Such memory may be loaded from with `Relaxed` alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerWords<'a>(&'a Words);

impl<'a> PeerWords<'a> {
    pub(super) fn new(words: &'a Words) -> Self {
        Self(words)
    }

    /// How far the other side has sent, with what it did before it said so.
    #[inline]
    pub(super) fn head(self) -> u64 {
        look(&self.0.sending.head)
    }

    /// The same where nothing of that matters.
    #[inline]
    pub(super) fn head_alone(self) -> u64 {
        self.0.sending.head.load(Ordering::Relaxed)
    }

    /// How far the other side has taken, with what it did before it said so.
    #[inline]
    pub(super) fn tail(self) -> u64 {
        look(&self.0.taking.tail)
    }

    /// Whether nothing follows, likewise.
    #[inline]
    pub(super) fn is_closed(self) -> bool {
        look(&self.0.sending.closed) != 0
    }

    /// The sleep of the other side's consumer: odd while it lasts.
    #[inline]
    pub(super) fn wants_bytes(self) -> u64 {
        self.0.sending.wants_bytes.load(Ordering::Relaxed)
    }

    /// The same of its producer.
    #[inline]
    pub(super) fn wants_room(self) -> u64 {
        self.0.taking.wants_room.load(Ordering::Relaxed)
    }
}

/// Reads a word, and sees what its owner did before it wrote it. In two steps, for the load has to be relaxed.
#[inline]
fn look(word: &AtomicU64) -> u64 {
    let found = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    found
}
