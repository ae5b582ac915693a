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

use super::words::{PeerWords, Says, Words};
use crate::sync::{Ordering, fence};

/// The ring that this side sends through. Whoever has it is the only one to write there.
pub(crate) trait Put {
    /// Bytes that the ring holds, a power of two.
    fn capacity(&self) -> usize;

    /// Copies into the ring, at an offset below the capacity; the bytes fit.
    fn put(&mut self, offset: usize, bytes: &[u8]);
}

/// The area of the other side, to look at.
pub(crate) trait Get {
    fn words(&self) -> PeerWords<'_>;

    /// Bytes that its ring holds, a power of two.
    fn capacity(&self) -> usize;

    /// Copies out of its ring. What is there may change meanwhile, if that side breaks the rules: any bytes may come.
    fn get(&self, offset: usize, into: &mut [MaybeUninit<u8>]);
}

/// The other side has written an index that no honest one writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// A way to find out whether the other side's sleep is to be ended.
#[derive(Debug, Default)]
struct Rung(u64);

impl Rung {
    /// Whether the other side sleeps and has not been rung for this sleep, which `look` tells. To be asked after the
    /// progress that it sleeps for.
    fn is_due(&mut self, look: impl FnOnce() -> u64) -> bool {
        fence(Ordering::SeqCst);
        let sleep = look();
        let due = sleep % 2 == 1 && sleep != self.0;
        if due {
            self.0 = sleep;
        }
        due
    }
}

/// The sending end.
#[derive(Debug)]
pub(crate) struct Producer<R> {
    ring: R,
    head: u64,
    /// What the consumer was last seen to have taken.
    tail: u64,
    rung: Rung,
}

impl<R: Put> Producer<R> {
    pub(crate) fn new(ring: R) -> Self {
        Self { ring, head: 0, tail: 0, rung: Rung::default() }
    }

    /// Bytes that there is room for.
    fn room(&mut self, other: &impl Get) -> Result<usize, Broken> {
        let tail = other.words().tail();
        if tail < self.tail || tail > self.head {
            return Err(Broken);
        }
        self.tail = tail;
        Ok(self.known_room())
    }

    fn known_room(&self) -> usize {
        // Both indices are this side's, and their difference is at most the capacity.
        self.ring.capacity() - (self.head - self.tail) as usize
    }

    /// Sends as much as there is room for; how much.
    pub(crate) fn send(&mut self, own: &Words, other: &impl Get, bytes: &[u8]) -> Result<usize, Broken> {
        let mut room = self.known_room();
        if room < bytes.len() {
            room = self.room(other)?;
        }
        let bytes = &bytes[..bytes.len().min(room)];
        let offset = self.head as usize & (self.ring.capacity() - 1);
        let (first, rest) = bytes.split_at(bytes.len().min(self.ring.capacity() - offset));
        self.ring.put(offset, first);
        self.ring.put(0, rest);
        self.head += bytes.len() as u64;
        own.set_head(self.head);
        Ok(bytes.len())
    }

    /// Whether the consumer is to be rung for what was sent.
    pub(crate) fn must_ring(&mut self, other: &impl Get) -> bool {
        self.rung.is_due(|| other.words().wants_bytes())
    }

    /// Says that nothing follows. The consumer is to be rung if it sleeps.
    pub(crate) fn close(&mut self, own: &Words) {
        own.close();
    }

    /// Says that this end sleeps until there is room. `false` if there is some already.
    pub(crate) fn sleep(&mut self, own: &Words, other: &impl Get) -> Result<bool, Broken> {
        own.want_room(Says::Asleep);
        let sleeps = self.room(other)? == 0;
        if !sleeps {
            self.wake(own);
        }
        Ok(sleeps)
    }

    /// Says that this end is awake.
    pub(crate) fn wake(&mut self, own: &Words) {
        own.want_room(Says::Awake);
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
    fn available(&mut self, other: &impl Get) -> Result<usize, Broken> {
        let head = other.words().head();
        if head < self.head || head - self.tail > other.capacity() as u64 {
            return Err(Broken);
        }
        self.head = head;
        Ok((head - self.tail) as usize)
    }

    /// Takes what there is, as far as it fits; how much.
    pub(crate) fn take(
        &mut self,
        own: &Words,
        other: &impl Get,
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
        own.set_tail(self.tail);
        Ok(bytes)
    }

    /// Whether the producer is to be rung for the room that was made. One sleeps for room only when it has filled the
    /// ring, which can be seen from its head: that is at hand, the line with its word would have to be fetched each time.
    pub(crate) fn must_ring(&mut self, other: &impl Get) -> bool {
        let before = std::mem::replace(&mut self.looked_at, self.tail);
        fence(Ordering::SeqCst);
        let head = other.words().head_alone();
        let was_full = head.wrapping_sub(before) >= other.capacity() as u64;
        was_full && self.rung.is_due(|| other.words().wants_room())
    }

    /// Whether nothing will follow what there is now.
    pub(crate) fn is_closed(&mut self, other: &impl Get) -> Result<bool, Broken> {
        let closed = other.words().is_closed();
        Ok(closed && self.available(other)? == 0)
    }
}

/// Bytes in the ring of `own`, of so many bytes, that the other side says it has not taken.
pub(crate) fn untaken(own: &Words, capacity: usize, other: &impl Get) -> usize {
    let untaken = own.head().saturating_sub(other.words().tail());
    usize::try_from(untaken).map_or(capacity, |untaken| untaken.min(capacity))
}

/// Whether there is something for the consumer of `own`, or the end.
///
/// Like the two that follow it knows all from the words, and can be asked by somebody who has not got the consumer.
pub(crate) fn has_bytes(own: &Words, other: &impl Get) -> bool {
    other.words().head() != own.tail() || other.words().is_closed()
}

/// Says that the consumer of `own` sleeps until something comes. `false` if something is there already, or the end.
pub(crate) fn sleep_for_bytes(own: &Words, other: &impl Get) -> bool {
    own.want_bytes(Says::Asleep);
    let sleeps = !has_bytes(own, other);
    if !sleeps {
        wake_for_bytes(own);
    }
    sleeps
}

/// Says that the consumer of `own` is awake.
pub(crate) fn wake_for_bytes(own: &Words) {
    own.want_bytes(Says::Awake);
}
