//! What waits to be sent: whole frames in order, and bodies that go out part by part between them, so that a small
//! frame never waits for more than the parts already taken. The most urgent bodies go first; of those of low
//! priority the peer has to take some before it gets more. Never writes to anything.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::body::Body;
use crate::error::RpcError;
use crate::priority::Priority;
use crate::proto::frame::{HEADER, Header, Kind, flags, put_varint};
use crate::proto::outgoing::Outgoing;
use crate::proto::turns::{Each, Turns};
use crate::proto::{CallId, violation};
use crate::reference::References;

/// Largest body that goes out in one frame, and largest first part of one that does not (P-30).
pub(super) const FIRST_PART: usize = 64 << 10;

/// Bytes of large bodies taken at once, and largest further part (P-30). What is taken cannot be overtaken any
/// more; less of it would cost more writes.
const FILL: usize = 256 << 10;

/// Largest part at low priority: what is urgent waits for no more than the one that is being written.
const LOW_PART: usize = 16 << 10;

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

/// A body that waits its turn, part by part or, at low priority, also whole.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) what: What,
    pub(super) priority: Priority,
    pub(super) id: CallId,
    pub(super) flags: u8,
    /// The payload of the `GIVE` that goes out right before it, if it carries references.
    pub(super) give: Option<Vec<u8>>,
    /// What stands before the body in its first frame.
    pub(super) head: Vec<u8>,
    pub(super) body: Body,
    /// Whether it goes out in one frame.
    pub(super) whole: bool,
}

#[derive(Debug)]
struct Large {
    what: What,
    id: CallId,
    flags: u8,
    give: Option<Vec<u8>>,
    head: Vec<u8>,
    body: Arc<Body>,
    sent: usize,
    whole: bool,
}

/// A body whose last part has been taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) what: What,
    pub(super) id: CallId,
    /// Where in the stream of all output it ends.
    pub(super) end: u64,
    /// What went out in one frame.
    pub(super) whole: Option<Body>,
}

#[derive(Debug)]
pub(super) struct Output {
    frames: Vec<u8>,
    large: Each<VecDeque<Large>>,
    /// How many there are of all priorities: most calls need none.
    waiting: usize,
    large_bytes: Each<usize>,
    turns: Turns,
    taken: u64,
    /// Bytes of low priority that may be on their way, and those that are: taken here, and not yet by the peer.
    low_window: usize,
    low_out: usize,
}

const LOW: usize = Priority::Low.rank();

impl Output {
    /// Nothing yet. So many bytes of low priority may be on their way at once.
    pub(super) fn new(low_window: u32) -> Self {
        Self {
            frames: Vec::new(),
            large: Each::default(),
            waiting: 0,
            large_bytes: [0; Priority::COUNT],
            turns: Turns::default(),
            taken: 0,
            low_window: low_window as usize,
            low_out: 0,
        }
    }

    /// Bytes waiting.
    pub(super) fn len(&self) -> usize {
        self.ahead_of(Priority::Low)
    }

    /// Bytes waiting that go out before, or in turn with, what has this priority.
    pub(super) fn ahead_of(&self, priority: Priority) -> usize {
        let large = if self.waiting == 0 { 0 } else { self.large_bytes[..=priority.rank()].iter().sum() };
        self.frames.len() + large
    }

    /// Bytes waiting in frames: those that go out before any part of a large body.
    pub(super) fn frame_bytes(&self) -> usize {
        self.frames.len()
    }

    /// Whether something may go out now.
    pub(super) fn is_ready(&self) -> bool {
        !self.frames.is_empty() || self.has_parts() != [false; Priority::COUNT]
    }

    fn has_parts(&self) -> Each<bool> {
        if self.waiting == 0 {
            return [false; Priority::COUNT];
        }
        let mut has = self.large.each_ref().map(|queue| !queue.is_empty());
        has[LOW] &= self.low_out < self.low_window;
        has
    }

    /// The peer has taken so many bytes of low priority (P-46).
    pub(super) fn handle_taken(&mut self, bytes: u64) -> Result<(), RpcError> {
        match usize::try_from(bytes) {
            Ok(bytes) if (1..=self.low_out).contains(&bytes) => {
                self.low_out -= bytes;
                Ok(())
            }
            _ => {
                let out = self.low_out;
                Err(violation("P-46", format_args!("{bytes} bytes were taken, of {out} on their way")))
            }
        }
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
        if !then.is_empty() {
            self.frames.extend_from_slice(then);
        }
        let length = (self.frames.len() - start - HEADER) as u32;
        let header = Header { length, kind, flags, id: id.0 };
        self.frames[start..start + HEADER].copy_from_slice(&header.encode());
        self.taken + self.frames.len() as u64
    }

    /// Appends a frame that has a payload only.
    pub(super) fn control(&mut self, kind: Kind, id: CallId, payload: &[u8]) {
        self.frame(kind, 0, id, |out| out.extend_from_slice(payload), &Body::default());
    }

    /// Queues a body that waits its turn.
    pub(super) fn queue(&mut self, queued: Queued) {
        let Queued { what, priority, id, mut flags, give, head, body, whole } = queued;
        let rank = priority.rank();
        self.large_bytes[rank] += body.len();
        if !whole {
            flags |= flags::PARTIAL;
        }
        // A call says its priority in its head.
        if rank == LOW && what != What::Arguments {
            flags |= flags::LOW;
        }
        let body = Arc::new(body);
        self.waiting += 1;
        self.large[rank].push_back(Large { what, id, flags, give, head, body, sent: 0, whole });
    }

    /// Forgets a queued body. `Some` if it was still queued: the bytes of it that have gone out, and the references
    /// that have not.
    #[inline]
    pub(super) fn forget(&mut self, what: What, id: CallId) -> Option<(usize, References)> {
        if self.waiting == 0 { None } else { self.find_and_forget(what, id) }
    }

    fn find_and_forget(&mut self, what: What, id: CallId) -> Option<(usize, References)> {
        for (queue, bytes) in self.large.iter_mut().zip(&mut self.large_bytes) {
            let Some(at) = queue.iter().position(|large| large.what == what && large.id == id) else {
                continue;
            };
            let large = queue.remove(at)?;
            self.waiting -= 1;
            *bytes -= large.body.len() - large.sent;
            let references = if large.sent == 0 { large.body.references().clone() } else { None };
            return Some((large.sent, references));
        }
        None
    }

    /// The arguments of calls of which nothing has gone out, and which would have gone out whole.
    pub(super) fn take_unsent(&mut self) -> impl Iterator<Item = (CallId, Body)> {
        let unsent = std::mem::take(&mut self.large[LOW]).into_iter();
        self.waiting -= unsent.len();
        self.large_bytes[LOW] = 0;
        unsent
            .filter(|large| large.whole && large.what == What::Arguments)
            .filter_map(|large| Some((large.id, Arc::into_inner(large.body)?)))
    }

    /// Moves what goes next to the end of `into`: all frames, then parts. Calls `ended` for each body whose last
    /// part is among them.
    pub(super) fn take(&mut self, into: &mut Outgoing, max_frame: usize, mut ended: impl FnMut(Taken)) {
        self.taken += self.frames.len() as u64;
        into.append(&mut self.frames);
        // One part in any case: frames alone could go on for ever.
        let mut some = false;
        while !some || into.remaining() < FILL {
            some = true;
            let has = self.has_parts();
            let Some(priority) = self.turns.next(has) else { break };
            self.turns.took(priority, has);
            let rank = priority.rank();
            let Some(mut large) = self.large[rank].pop_front() else { break };
            let before = large.sent;
            self.take_part(&mut large, rank == LOW, into, max_frame);
            self.large_bytes[rank] -= large.sent - before;
            if large.sent < large.body.len() {
                self.large[rank].push_back(large);
            } else {
                self.waiting -= 1;
                let Large { what, id, body, whole, .. } = large;
                // Of what went out in parts some may still be being written.
                let whole = if whole { Arc::into_inner(body) } else { None };
                ended(Taken { what, id, end: self.taken, whole });
            }
        }
    }

    /// Moves the next part of a body, or all of it.
    fn take_part(&mut self, large: &mut Large, low: bool, into: &mut Outgoing, max_frame: usize) {
        let start = into.remaining();
        if let Some(give) = large.give.take() {
            into.head(&Header { length: give.len() as u32, kind: Kind::Give, flags: 0, id: 0 }.encode());
            into.head(&give);
        }
        let (begun, body) = (into.remaining(), &large.body);
        let mut head = std::mem::take(&mut large.head);
        let header = |kind, flags, length: usize| {
            Header { length: length as u32, kind, flags, id: large.id.0 }.encode()
        };
        if large.whole {
            into.head(&header(large.what.first(), large.flags, head.len() + body.len()));
            into.head(&head);
            let (first, then) = body.parts();
            into.head(first);
            into.head(then);
            large.sent = body.len();
        } else {
            let (kind, flags, most) = if large.sent == 0 {
                put_varint(&mut head, body.len() as u64);
                (large.what.first(), large.flags, FIRST_PART)
            } else {
                (large.what.further(), if low { flags::LOW } else { 0 }, FILL)
            };
            let most = if low { LOW_PART } else { most };
            let room = most.min(max_frame.saturating_sub(head.len()).max(1));
            // What comes in parts has at least two (P-31), also where one frame would just have held it.
            let room = room.min(body.len() - 1);
            let part = body.part(large.sent, room);
            let announces_block = large.sent == 0 && body.tail_at() == Some(part.end);
            let flags = if announces_block { flags | flags::BLOCK } else { flags };
            into.head(&header(kind, flags, head.len() + part.len()));
            into.head(&head);
            into.part(body, part.clone());
            large.sent = part.end;
        }
        self.taken += (into.remaining() - start) as u64;
        if low {
            self.low_out += into.remaining() - begun;
        }
    }

    /// Bytes taken since the beginning.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }
}
