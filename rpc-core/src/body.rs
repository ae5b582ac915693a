//! The bytes of arguments or a result. A large block of bytes at their end stands apart, so that it is moved
//! from the value to the wire, and from the wire to the value, without being copied. Never knows types.

use std::sync::Arc;

use crate::buffer::Buffer;
use crate::evolved::Evolved;
use crate::reference::References;

/// An encoded body: `head`, then `tail`.
#[derive(Debug, Default)]
pub struct Body {
    head: Buffer,
    /// The content of a block of bytes whose length ends the head; empty where there is none.
    tail: Vec<u8>,
    /// What its values name by place.
    references: References,
}

/// A block from this size on stands apart: below it a copy costs less than another slice to write.
pub(crate) const LARGE_BLOCK: usize = 32 << 10;

impl Body {
    /// A body that is one piece.
    pub(crate) fn new(head: Buffer) -> Self {
        Self { head, tail: Vec::new(), references: None }
    }

    /// A body that ends in a large block.
    pub(crate) fn with_tail(head: Buffer, tail: Vec<u8>) -> Self {
        Self { head, tail, references: None }
    }

    /// The same body, whose values name these by place.
    pub(crate) fn with_references(self, references: References) -> Self {
        Self { references, ..self }
    }

    /// The same body, whose values are in part behind gaps.
    pub(crate) fn with_gaps(self, references: &References, evolved: Evolved) -> Self {
        let mut carried = references.as_deref().cloned().unwrap_or_default();
        carried.evolved = Some(Arc::new(evolved));
        Self { references: Some(Arc::new(carried)), ..self }
    }

    pub(crate) fn has_gaps(&self) -> bool {
        self.references.as_ref().is_some_and(|carried| carried.evolved.is_some())
    }

    pub(crate) fn references(&self) -> &References {
        &self.references
    }

    /// The same once more.
    pub(crate) fn duplicate(&self) -> Self {
        let mut head = Buffer::new();
        head.extend_from_slice(&self.head);
        Self { head, tail: self.tail.clone(), references: self.references.clone() }
    }

    /// Bytes of it.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// More bytes at the end of a body that is one piece.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        debug_assert!(self.tail.is_empty(), "a block is the last of its body");
        self.head.extend_from_slice(bytes);
    }

    /// The same body with these bytes in front.
    pub(crate) fn prefixed(mut self, bytes: &[u8]) -> Self {
        self.head.splice(0..0, bytes.iter().copied());
        self
    }

    /// Both parts.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.head, &self.tail)
    }

    /// The head, the tail to be taken away, and the references.
    pub(crate) fn parts_mut(&mut self) -> (&[u8], &mut Vec<u8>, &References) {
        (&self.head, &mut self.tail, &self.references)
    }

    /// The bytes in one piece; copies the tail if there is one.
    pub fn as_contiguous(&mut self) -> &[u8] {
        self.head.append(&mut self.tail);
        &self.head
    }

    /// Where the large block at its end begins, if it ends in one.
    pub(crate) fn tail_at(&self) -> Option<usize> {
        (!self.tail.is_empty()).then_some(self.head.len())
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
