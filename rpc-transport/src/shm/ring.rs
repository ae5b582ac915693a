//! A byte ring between two sides that do not trust each other: one producer, one consumer, and for each side the word
//! by which it says that it sleeps. Never waits, and never believes an index: whatever the other side writes, what is
//! copied lies within the ring, and an index that cannot be ends the connection ([`Broken`]).
//!
//! Each side writes to an area of its own and only reads the other's. A side's area holds the bytes it sends, how far
//! it has sent, and how far it has taken of what the other sends.
//!
//! **No wake-up is lost.** Whoever is about to sleep says so, then looks once more; whoever has made progress, looks
//! afterwards whether the other sleeps. Between saying and looking stands a fence on both sides, so that one of the two
//! sees the other. The word is a number that is odd while its owner sleeps: the other side can only read it, and rings
//! once for each sleep by remembering which one it has ended.

use std::mem::MaybeUninit;

use crate::sync::{AtomicU64, Ordering, fence};

/// The words of one side, written by it alone. Those that are read together share a cache line.
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

/// One side's area: its words and the bytes it sends.
pub(crate) trait Area {
    fn words(&self) -> &Words;

    /// Bytes that the ring holds, a power of two.
    fn capacity(&self) -> usize;

    /// Copies into the ring of this side, at an offset below the capacity; the bytes fit.
    fn put(&self, offset: usize, bytes: &[u8]);

    /// Copies out of the ring of the other side. What is there may change meanwhile, if that side breaks the rules: any
    /// bytes may come.
    fn get(&self, offset: usize, into: &mut [MaybeUninit<u8>]);
}

/// The other side has written an index that no honest one writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// A way to find out whether the other side's sleep is to be ended.
#[derive(Debug, Default)]
struct Rung(u64);

impl Rung {
    /// Whether the other side sleeps and has not been rung for this sleep. To be asked after the progress that it
    /// sleeps for.
    fn is_due(&mut self, word: &AtomicU64) -> bool {
        fence(Ordering::SeqCst);
        let sleep = word.load(Ordering::Relaxed);
        let due = sleep % 2 == 1 && sleep != self.0;
        if due {
            self.0 = sleep;
        }
        due
    }
}

/// Reads a word of the other side's, and sees what that side did before it wrote the word. In two steps: memory that is
/// mapped to be read only may be loaded from with `Relaxed` alone.
fn look(word: &AtomicU64) -> u64 {
    let found = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    found
}

/// Says on `word` that its owner, this side, sleeps or not.
fn say(word: &AtomicU64, sleeps: bool) {
    let sleep = word.load(Ordering::Relaxed);
    if (sleep % 2 == 1) != sleeps {
        word.store(sleep.wrapping_add(1), Ordering::Relaxed);
    }
    if sleeps {
        fence(Ordering::SeqCst);
    }
}

/// The sending end.
#[derive(Debug)]
pub(crate) struct Producer {
    head: u64,
    /// What the consumer was last seen to have taken.
    tail: u64,
    rung: Rung,
}

impl Producer {
    pub(crate) fn new() -> Self {
        Self { head: 0, tail: 0, rung: Rung::default() }
    }

    /// Bytes that there is room for.
    fn room(&mut self, own: &impl Area, other: &impl Area) -> Result<usize, Broken> {
        let tail = look(&other.words().taking.tail);
        if tail < self.tail || tail > self.head {
            return Err(Broken);
        }
        self.tail = tail;
        Ok(self.known_room(own))
    }

    fn known_room(&self, own: &impl Area) -> usize {
        // Both indices are this side's, and their difference is at most the capacity.
        own.capacity() - (self.head - self.tail) as usize
    }

    /// Sends as much as there is room for; how much.
    pub(crate) fn send(&mut self, own: &impl Area, other: &impl Area, bytes: &[u8]) -> Result<usize, Broken> {
        let mut room = self.known_room(own);
        if room < bytes.len() {
            room = self.room(own, other)?;
        }
        let bytes = &bytes[..bytes.len().min(room)];
        let offset = self.head as usize & (own.capacity() - 1);
        let (first, rest) = bytes.split_at(bytes.len().min(own.capacity() - offset));
        own.put(offset, first);
        own.put(0, rest);
        self.head += bytes.len() as u64;
        own.words().sending.head.store(self.head, Ordering::Release);
        Ok(bytes.len())
    }

    /// Whether the consumer is to be rung for what was sent.
    pub(crate) fn must_ring(&mut self, other: &impl Area) -> bool {
        self.rung.is_due(&other.words().sending.wants_bytes)
    }

    /// Says that nothing follows. The consumer is to be rung if it sleeps.
    pub(crate) fn close(&mut self, own: &impl Area) {
        own.words().sending.closed.store(1, Ordering::Release);
    }

    /// Says that this end sleeps until there is room. `false` if there is some already.
    pub(crate) fn sleep(&mut self, own: &impl Area, other: &impl Area) -> Result<bool, Broken> {
        say(&own.words().taking.wants_room, true);
        let sleeps = self.room(own, other)? == 0;
        if !sleeps {
            self.wake(own);
        }
        Ok(sleeps)
    }

    /// Says that this end is awake.
    pub(crate) fn wake(&mut self, own: &impl Area) {
        say(&own.words().taking.wants_room, false);
    }
}

/// The receiving end.
#[derive(Debug)]
pub(crate) struct Consumer {
    tail: u64,
    /// What the producer was last seen to have sent.
    head: u64,
    /// What it had taken when it last looked whether the producer sleeps.
    looked_at: u64,
    rung: Rung,
}

impl Consumer {
    pub(crate) fn new() -> Self {
        Self { tail: 0, head: 0, looked_at: 0, rung: Rung::default() }
    }

    /// Bytes that can be taken.
    fn available(&mut self, other: &impl Area) -> Result<usize, Broken> {
        let head = look(&other.words().sending.head);
        if head < self.head || head - self.tail > other.capacity() as u64 {
            return Err(Broken);
        }
        self.head = head;
        Ok((head - self.tail) as usize)
    }

    /// Takes what there is, as far as it fits; how much.
    pub(crate) fn take(
        &mut self,
        own: &impl Area,
        other: &impl Area,
        into: &mut [MaybeUninit<u8>],
    ) -> Result<usize, Broken> {
        let bytes = self.available(other)?.min(into.len());
        if bytes == 0 {
            return Ok(0);
        }
        let offset = self.tail as usize & (other.capacity() - 1);
        let (first, rest) = into[..bytes].split_at_mut(bytes.min(other.capacity() - offset));
        other.get(offset, first);
        other.get(0, rest);
        self.tail += bytes as u64;
        own.words().taking.tail.store(self.tail, Ordering::Release);
        Ok(bytes)
    }

    /// Whether the producer is to be rung for the room that was made. One sleeps for room only when it has filled the
    /// ring, which can be seen from its head: that is at hand, the line with its word would have to be fetched each time.
    pub(crate) fn must_ring(&mut self, other: &impl Area) -> bool {
        let before = std::mem::replace(&mut self.looked_at, self.tail);
        fence(Ordering::SeqCst);
        let head = other.words().sending.head.load(Ordering::Relaxed);
        let was_full = head.wrapping_sub(before) >= other.capacity() as u64;
        was_full && self.rung.is_due(&other.words().taking.wants_room)
    }

    /// Whether nothing will follow what there is now.
    pub(crate) fn is_closed(&mut self, other: &impl Area) -> Result<bool, Broken> {
        let closed = look(&other.words().sending.closed) != 0;
        Ok(closed && self.available(other)? == 0)
    }
}

/// Bytes of `own` that the other side says it has not taken.
pub(crate) fn untaken(own: &impl Area, other: &impl Area) -> usize {
    let head = own.words().sending.head.load(Ordering::Relaxed);
    let untaken = head.saturating_sub(look(&other.words().taking.tail));
    usize::try_from(untaken).map_or(own.capacity(), |untaken| untaken.min(own.capacity()))
}

/// Whether there is something for the consumer of `own`, or the end.
///
/// Like the two that follow it knows all from the words, and can be asked by somebody who has not got the consumer.
pub(crate) fn has_bytes(own: &impl Area, other: &impl Area) -> bool {
    let sending = &other.words().sending;
    look(&sending.head) != own.words().taking.tail.load(Ordering::Relaxed) || look(&sending.closed) != 0
}

/// Says that the consumer of `own` sleeps until something comes. `false` if something is there already, or the end.
pub(crate) fn sleep_for_bytes(own: &impl Area, other: &impl Area) -> bool {
    say(&own.words().sending.wants_bytes, true);
    let sleeps = !has_bytes(own, other);
    if !sleeps {
        wake_for_bytes(own);
    }
    sleeps
}

/// Says that the consumer of `own` is awake.
pub(crate) fn wake_for_bytes(own: &impl Area) {
    say(&own.words().sending.wants_bytes, false);
}
