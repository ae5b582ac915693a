//! A body that arrives in parts. Never holds more memory than has arrived, but for a first reservation.

use crate::body::Body;
use crate::buffer::Buffer;
use crate::error::RpcError;
use crate::proto::violation;
use crate::reference::References;

/// Memory set aside for a body before its bytes arrive (P-32).
const FIRST_RESERVATION: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Arrival {
    head: Buffer,
    /// The one large block that the rest of the body is (P-33).
    block: Option<Vec<u8>>,
    received: usize,
    total: usize,
    /// Nobody wants it: what comes is counted and dropped.
    discarded: bool,
    references: References,
}

impl Arrival {
    /// A body of `total` bytes of which `first` is here; `head` is the buffer to use. With `is_block` what
    /// follows is the content of one block.
    pub(super) fn new(
        mut head: Buffer,
        first: &[u8],
        total: usize,
        is_block: bool,
        references: References,
    ) -> Self {
        let left = total - first.len();
        head.clear();
        let block = is_block.then(|| Vec::with_capacity(left.min(FIRST_RESERVATION)));
        if block.is_none() {
            head.reserve(total.min(FIRST_RESERVATION));
        }
        head.extend_from_slice(first);
        Self { head, block, received: first.len(), total, discarded: false, references }
    }

    /// More of it.
    ///
    /// # Errors
    /// A violation: the part is empty or goes beyond the end (P-31).
    pub(super) fn append(&mut self, part: &[u8]) -> Result<(), RpcError> {
        self.count(part.len())?;
        match &mut self.block {
            _ if self.discarded => {}
            Some(block) => block.extend_from_slice(part),
            None => self.head.extend_from_slice(part),
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), RpcError> {
        if !(1..=self.left()).contains(&bytes) {
            return Err(violation("P-31", "a part that is empty or beyond the announced end"));
        }
        self.received += bytes;
        Ok(())
    }

    /// Bytes still to come.
    pub(super) fn left(&self) -> usize {
        self.total - self.received
    }

    /// Bytes in all.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Frees what is here. What still comes is counted.
    pub(super) fn discard(&mut self) {
        self.discarded = true;
        self.head = Buffer::default();
        self.block = None;
        self.references = None;
    }

    /// Lends the block, to be read into.
    pub(super) fn lend(&mut self) -> Option<Vec<u8>> {
        self.block.as_mut().map(std::mem::take)
    }

    /// Takes the block back with `bytes` more bytes at its end.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub(super) fn give_back(&mut self, block: Vec<u8>, bytes: usize) -> Result<(), RpcError> {
        if !self.discarded {
            self.block = Some(block);
        }
        if bytes == 0 { Ok(()) } else { self.count(bytes) }
    }

    /// The body, once nothing is left to come.
    pub(super) fn take(&mut self) -> Option<Body> {
        if self.left() > 0 {
            return None;
        }
        let head = std::mem::take(&mut self.head);
        let body = match self.block.take() {
            Some(block) => Body::with_tail(head, block),
            None => Body::new(head),
        };
        Some(body.with_references(self.references.take()))
    }
}
