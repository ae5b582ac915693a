//! What waits to be sent: whole frames in order, and large bodies that go out part by part between them, so
//! that a small frame never waits for more than the parts already taken. Never writes to anything.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::body::Body;
use crate::proto::CallId;
use crate::proto::frame::{HEADER, Header, Kind, flags, put_varint};
use crate::proto::outgoing::Outgoing;
use crate::reference::References;

/// Largest body that goes out in one frame, and largest first part of one that does not (P-30).
pub(super) const FIRST_PART: usize = 64 << 10;

/// Bytes of large bodies taken at once, and largest further part (P-30). What is taken cannot be overtaken any
/// more; less of it would cost more writes.
const FILL: usize = 256 << 10;

/// What a large body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Arguments,
    Result,
    /// An item of the argument stream.
    ArgumentItem,
    /// An item of the result stream.
    ResultItem,
}

impl What {
    const fn first(self) -> Kind {
        match self {
            What::Arguments => Kind::Call,
            What::Result => Kind::Reply,
            What::ArgumentItem => Kind::CallItems,
            What::ResultItem => Kind::ReplyItems,
        }
    }

    const fn further(self) -> Kind {
        match self {
            What::Arguments | What::ArgumentItem => Kind::CallData,
            What::Result | What::ResultItem => Kind::ReplyData,
        }
    }
}

#[derive(Debug)]
struct Large {
    what: What,
    id: CallId,
    flags: u8,
    /// A whole frame that goes out right before the first part.
    before: Vec<u8>,
    head: Vec<u8>,
    body: Arc<Body>,
    sent: usize,
}

#[derive(Debug, Default)]
pub(super) struct Output {
    frames: Vec<u8>,
    large: VecDeque<Large>,
    large_bytes: usize,
    taken: u64,
}

impl Output {
    /// Bytes waiting.
    pub(super) fn len(&self) -> usize {
        self.frames.len() + self.large_bytes
    }

    /// Bytes waiting in frames: those that go out before any part of a large body.
    pub(super) fn frame_bytes(&self) -> usize {
        self.frames.len()
    }

    /// Appends bytes that are not a frame: the hello.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.frames.extend_from_slice(bytes);
    }

    /// Appends a frame: `head` writes what stands before the body in its payload. Says at which position in
    /// the stream of all output it ends.
    pub(super) fn frame(
        &mut self,
        kind: Kind,
        flags: u8,
        id: CallId,
        head: impl FnOnce(&mut Vec<u8>),
        body: &Body,
    ) -> u64 {
        let start = self.frames.len();
        self.frames.extend_from_slice(&[0; HEADER]);
        head(&mut self.frames);
        let (first, then) = body.parts();
        self.frames.extend_from_slice(first);
        self.frames.extend_from_slice(then);
        let length = (self.frames.len() - start - HEADER) as u32;
        let header = Header { length, kind, flags, id: id.0 };
        self.frames[start..start + HEADER].copy_from_slice(&header.encode());
        self.taken + self.frames.len() as u64
    }

    /// Appends a frame that has a payload only.
    pub(super) fn control(&mut self, kind: Kind, id: CallId, payload: &[u8]) {
        self.frame(kind, 0, id, |out| out.extend_from_slice(payload), &Body::default());
    }

    /// Queues a body that goes out in parts. `give` is the payload of the `GIVE` before it, if it carries references;
    /// `head` is what stands before it in its first frame.
    pub(super) fn large(
        &mut self,
        what: What,
        flags: u8,
        id: CallId,
        give: Option<Vec<u8>>,
        head: Vec<u8>,
        body: Body,
    ) {
        self.large_bytes += body.len();
        let before = give.map_or_else(Vec::new, |give| {
            let header = Header { length: give.len() as u32, kind: Kind::Give, flags: 0, id: 0 };
            [&header.encode(), give.as_slice()].concat()
        });
        let (flags, body) = (flags | flags::PARTIAL, Arc::new(body));
        self.large.push_back(Large { what, id, flags, before, head, body, sent: 0 });
    }

    /// Forgets a queued body. `Some` if it was still queued: the bytes of it that have gone out, and the references
    /// that have not.
    pub(super) fn forget(&mut self, what: What, id: CallId) -> Option<(usize, References)> {
        let at = self.large.iter().position(|large| large.what == what && large.id == id)?;
        let large = self.large.remove(at)?;
        self.large_bytes -= large.body.len() - large.sent;
        let references = if large.sent == 0 { large.body.references().clone() } else { None };
        Some((large.sent, references))
    }

    /// Moves what goes next to the end of `into`: all frames, then parts. Calls `ended` for each large body
    /// whose last part is among them, with the position at which it ends.
    pub(super) fn take(
        &mut self,
        into: &mut Outgoing,
        max_frame: usize,
        mut ended: impl FnMut(What, CallId, u64),
    ) {
        self.taken += self.frames.len() as u64;
        into.append(&mut self.frames);
        while into.remaining() < FILL {
            let Some(mut large) = self.large.pop_front() else { break };
            let mut head = std::mem::take(&mut large.head);
            let (kind, flags, most) = if large.sent == 0 {
                put_varint(&mut head, large.body.len() as u64);
                (large.what.first(), large.flags, FIRST_PART)
            } else {
                (large.what.further(), 0, FILL)
            };
            let room = most.min(max_frame.saturating_sub(head.len()).max(1));
            // What comes in parts has at least two (P-31), also where one frame would just have held it.
            let room = room.min(large.body.len() - 1);
            let part = large.body.part(large.sent, room);
            let announces_block = large.sent == 0 && large.body.tail_at() == Some(part.end);
            let flags = if announces_block { flags | flags::BLOCK } else { flags };
            let header = Header { length: (head.len() + part.len()) as u32, kind, flags, id: large.id.0 };
            let before = std::mem::take(&mut large.before);
            into.head(&before);
            into.head(&header.encode());
            into.head(&head);
            into.part(&large.body, part.clone());
            self.taken += (before.len() + HEADER + head.len() + part.len()) as u64;
            self.large_bytes -= part.len();
            large.sent = part.end;
            if large.sent < large.body.len() {
                self.large.push_back(large);
            } else {
                ended(large.what, large.id, self.taken);
            }
        }
    }

    /// Bytes taken since the beginning.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }
}
