//! Bytes on their way out: frames in one buffer, and parts of large bodies that are written from where they
//! stand instead of being copied. Never knows what the bytes mean.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use crate::body::Body;

/// What was taken from a session and is still to be written.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    /// How much of `bytes` has been written.
    written: usize,
    /// Parts of bodies, each with the position in `bytes` before which it goes out.
    parts: VecDeque<Part>,
    remaining: usize,
    /// Whether the transport takes several slices at once. Where not, parts are copied after all: a write
    /// for each header would cost more.
    vectored: bool,
}

#[derive(Debug)]
struct Part {
    before: usize,
    body: Arc<Body>,
    range: Range<usize>,
}

/// Slices given to the transport at once.
pub const SLICES: usize = 16;

/// Capacity kept while nothing is written.
const KEPT: usize = 64 << 10;

impl Outgoing {
    /// Nothing to write yet, for a transport that does or does not write several slices at once.
    pub fn new(vectored: bool) -> Self {
        Self { vectored, ..Self::default() }
    }

    /// Bytes still to be written.
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// Appends frames; where nothing is left over they are taken as they are, without a copy.
    pub(super) fn append(&mut self, frames: &mut Vec<u8>) {
        self.remaining += frames.len();
        if self.bytes.is_empty() {
            std::mem::swap(&mut self.bytes, frames);
        } else {
            self.bytes.append(frames);
        }
    }

    /// Appends what stands before a part of a body.
    pub(super) fn head(&mut self, head: &[u8]) {
        self.remaining += head.len();
        self.bytes.extend_from_slice(head);
    }

    /// Appends a part of a body.
    pub(super) fn part(&mut self, body: &Arc<Body>, range: Range<usize>) {
        self.remaining += range.len();
        if !self.vectored {
            return self.bytes.extend_from_slice(body.bytes(range));
        }
        self.parts.push_back(Part { before: self.bytes.len(), body: Arc::clone(body), range });
    }

    /// All that goes out, where it is in one piece.
    pub fn only_slice(&self) -> Option<&[u8]> {
        self.parts.is_empty().then(|| &self.bytes[self.written..])
    }

    /// What goes out next, in order.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let mut count = 0;
        let mut at = self.written;
        let mut put = |slice: &'a [u8]| {
            if !slice.is_empty() && count < SLICES {
                slices[count] = IoSlice::new(slice);
                count += 1;
            }
        };
        for part in self.parts.iter().take(SLICES) {
            put(&self.bytes[at..part.before]);
            at = part.before;
            put(part.body.bytes(part.range.clone()));
        }
        put(&self.bytes[at..]);
        count
    }

    /// So many bytes have been written.
    pub fn advance(&mut self, mut count: usize) {
        self.remaining -= count;
        while count > 0 {
            let end = self.parts.front().map_or(self.bytes.len(), |part| part.before);
            let here = count.min(end - self.written);
            self.written += here;
            count -= here;
            let Some(part) = self.parts.front_mut() else { break };
            let here = count.min(part.range.len());
            part.range.start += here;
            count -= here;
            if part.range.is_empty() {
                self.parts.pop_front();
            }
        }
        if self.remaining == 0 {
            self.bytes.clear();
            self.written = 0;
            // A burst came through: do not keep its memory for an idle connection.
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;

    fn drained(outgoing: &mut Outgoing, step: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while outgoing.remaining() > 0 {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = outgoing.slices(&mut slices);
            let next: Vec<u8> =
                slices[..count].iter().flat_map(|slice| slice.iter().copied()).take(step).collect();
            outgoing.advance(next.len());
            bytes.extend(next);
        }
        bytes
    }

    #[test]
    fn bytes_come_out_in_the_order_they_went_in_whatever_the_transport_takes() {
        let mut head = Buffer::new();
        head.extend_from_slice(b"abcd");
        let body = Arc::new(Body::with_tail(head, b"efgh".to_vec()));
        for step in 1..60 {
            let mut outgoing = Outgoing::new(step % 2 == 0);
            outgoing.append(&mut b"12".to_vec());
            outgoing.part(&body, 0..3);
            outgoing.part(&body, 3..4);
            outgoing.head(b"3");
            outgoing.part(&body, 4..8);
            outgoing.append(&mut b"45".to_vec());
            assert_eq!(drained(&mut outgoing, step), b"12abcd3efgh45");
            outgoing.append(&mut b"6".to_vec());
            assert_eq!(drained(&mut outgoing, step), b"6");
        }
    }
}
