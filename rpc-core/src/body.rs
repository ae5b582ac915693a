//! The bytes of arguments or a result. A large block of bytes at their end stands apart, so that it is moved
//! from the value to the wire, and from the wire to the value, without being copied. Never knows types.

use std::sync::Arc;

use crate::buffer::Buffer;
use crate::evolved::Evolved;
use crate::reference::References;

/// An encoded body: a head, then a tail. Most have neither tail nor references, and every call moves its bodies about:
/// what is rare stands elsewhere.
#[derive(Debug, Default)]
pub struct Body {
    head: Buffer,
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Default)]
struct Rest {
    /// The content of a block of bytes whose length ends the head; empty where there is none.
    tail: Vec<u8>,
    /// What the values name by place.
    references: References,
}

/// A block from this size on stands apart: below it a copy costs less than another slice to write.
pub(crate) const LARGE_BLOCK: usize = 32 << 10;

impl Body {
    /// A body that is one piece.
    pub(crate) fn new(head: Buffer) -> Self {
        Self { head, rest: None }
    }

    /// A body that ends in a large block, unless that is empty.
    pub(crate) fn with_tail(head: Buffer, tail: Vec<u8>) -> Self {
        let rest = (!tail.is_empty()).then(|| Box::new(Rest { tail, references: None }));
        Self { head, rest }
    }

    /// The same body, whose values name these by place.
    #[inline]
    pub(crate) fn with_references(mut self, references: References) -> Self {
        if references.is_some() {
            self.rest.get_or_insert_default().references = references;
        }
        self
    }

    /// The same body, whose values are in part behind gaps.
    pub(crate) fn with_gaps(mut self, references: &References, evolved: Evolved) -> Self {
        let mut carried = references.as_deref().cloned().unwrap_or_default();
        carried.evolved = Some(Arc::new(evolved));
        self.rest.get_or_insert_default().references = Some(Arc::new(carried));
        self
    }

    pub(crate) fn has_gaps(&self) -> bool {
        self.references().as_ref().is_some_and(|carried| carried.evolved.is_some())
    }

    #[inline]
    pub(crate) fn references(&self) -> &References {
        self.rest.as_ref().map_or(&None, |rest| &rest.references)
    }

    #[inline]
    fn tail(&self) -> &[u8] {
        self.rest.as_ref().map_or(&[], |rest| &rest.tail)
    }

    /// The same once more.
    pub(crate) fn duplicate(&self) -> Self {
        let mut head = Buffer::new();
        head.extend_from_slice(&self.head);
        Self::with_tail(head, self.tail().to_vec()).with_references(self.references().clone())
    }

    /// Bytes of it.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail().len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// More bytes at the end of a body that is one piece.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        debug_assert!(self.tail().is_empty(), "a block is the last of its body");
        self.head.extend_from_slice(bytes);
    }

    /// The same body with these bytes in front.
    pub(crate) fn prefixed(mut self, bytes: &[u8]) -> Self {
        self.head.splice(0..0, bytes.iter().copied());
        self
    }

    /// Both parts.
    #[inline]
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.head, self.tail())
    }

    /// The head, the tail to be taken away if there is one, and the references.
    pub(crate) fn parts_mut(&mut self) -> (&[u8], Option<&mut Vec<u8>>, &References) {
        match &mut self.rest {
            None => (&self.head, None, &None),
            Some(rest) => (&self.head, Some(&mut rest.tail), &rest.references),
        }
    }

    /// The bytes in one piece; copies the tail if there is one.
    pub fn as_contiguous(&mut self) -> &[u8] {
        if let Some(rest) = &mut self.rest {
            self.head.append(&mut rest.tail);
        }
        &self.head
    }

    /// Where the large block at its end begins, if it ends in one.
    pub(crate) fn tail_at(&self) -> Option<usize> {
        (!self.tail().is_empty()).then_some(self.head.len())
    }

    /// The next part to send from `start` on, at most `room` bytes: never across head and tail.
    pub(crate) fn part(&self, start: usize, room: usize) -> std::ops::Range<usize> {
        let end = if start < self.head.len() { self.head.len() } else { self.len() };
        start..end.min(start + room)
    }

    /// The bytes of a [`part`](Self::part).
    pub(crate) fn bytes(&self, part: std::ops::Range<usize>) -> &[u8] {
        match part.start.checked_sub(self.head.len()) {
            Some(start) => &self.tail()[start..part.end - self.head.len()],
            None => &self.head[part],
        }
    }

    /// The head's buffer, for use again.
    pub(crate) fn into_buffer(self) -> Buffer {
        self.head
    }
}
