//! The bytes of arguments or a result. A large block of bytes at their end stands apart, so that it is moved
//! from the value to the wire, and from the wire to the value, without being copied. Never knows types.

use crate::buffer::Buffer;
use crate::proto::frame::put_varint;

/// An encoded body: `head`, then `tail`.
#[derive(Debug, Default)]
pub struct Body {
    head: Buffer,
    /// The content of a block of bytes whose length ends the head; empty where there is none.
    tail: Vec<u8>,
    /// Whether what still arrives belongs to the tail.
    tailed: bool,
}

/// A block from this size on stands apart: below it a copy costs less than another slice to write.
pub(crate) const LARGE_BLOCK: usize = 32 << 10;

/// Longest first part of a chunked body that may announce a tail (P-33).
const MAX_HEAD: usize = 64;

/// Memory set aside for a body before its bytes arrive (P-32).
const FIRST_RESERVATION: usize = 1 << 20;

impl Body {
    /// A body that is one piece.
    pub(crate) fn new(head: Buffer) -> Self {
        Self { head, tail: Vec::new(), tailed: false }
    }

    /// A body that ends in a large block.
    pub(crate) fn with_tail(head: Buffer, tail: Vec<u8>) -> Self {
        Self { head, tail, tailed: true }
    }

    /// A body of `total` bytes of which `first` has arrived; `head` is the buffer to use.
    pub(crate) fn receive(mut head: Buffer, first: &[u8], total: usize) -> Self {
        let left = total - first.len();
        let tailed = left >= LARGE_BLOCK && first.len() <= MAX_HEAD && {
            let mut length = Vec::with_capacity(10);
            put_varint(&mut length, left as u64);
            first.ends_with(&length)
        };
        head.clear();
        if !tailed {
            head.reserve(total.min(FIRST_RESERVATION));
        }
        head.extend_from_slice(first);
        let tail = if tailed { Vec::with_capacity(left.min(FIRST_RESERVATION)) } else { Vec::new() };
        Self { head, tail, tailed }
    }

    /// More of it has arrived.
    pub(crate) fn append(&mut self, part: &[u8]) {
        if self.tailed { self.tail.extend_from_slice(part) } else { self.head.extend_from_slice(part) }
    }

    /// Bytes of it.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Both parts.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.head, &self.tail)
    }

    /// The head, and the tail to be taken away.
    pub(crate) fn parts_mut(&mut self) -> (&[u8], &mut Vec<u8>) {
        (&self.head, &mut self.tail)
    }

    /// The bytes in one piece; copies the tail if there is one.
    pub fn as_contiguous(&mut self) -> &[u8] {
        self.head.append(&mut self.tail);
        self.tailed = false;
        &self.head
    }

    /// The next part to send from `start` on, at most `room` bytes: never across head and tail.
    pub(crate) fn part(&self, start: usize, room: usize) -> std::ops::Range<usize> {
        let end = if start < self.head.len() { self.head.len() } else { self.len() };
        start..end.min(start + room)
    }

    /// The bytes of a [`part`](Self::part).
    pub(crate) fn bytes(&self, part: std::ops::Range<usize>) -> &[u8] {
        match part.start.checked_sub(self.head.len()) {
            Some(start) => &self.tail[start..part.end - self.head.len()],
            None => &self.head[part],
        }
    }

    /// The head's buffer, for use again.
    pub(crate) fn into_buffer(self) -> Buffer {
        self.head
    }
}
