//! Bytes that one version wrote into bytes that another version reads, by a [`Plan`]. Walks with a stack of its own,
//! under the limits that a [`Guard`](crate::Guard) has. Never builds a value, and never makes up a default: where the
//! reader's type has one, there is a gap.

use std::fmt;
use std::sync::Arc;

use crate::guard::{DecodeLimits, GuardError, GuardErrorKind};
use crate::resolve::plan::{Choice, NO_STRUCTURE, Node, Op, Plan, Table, Widened};

/// Values of the reader's version.
#[derive(Debug, Clone, Default)]
pub struct Transcoded {
    /// As the reader's own version is encoded, but for the gaps.
    pub bytes: Vec<u8>,
    /// In the order of their positions.
    pub gaps: Vec<Gap>,
    /// The names of fields that gaps refer to.
    pub names: Arc<[Box<str>]>,
}

/// A place where nothing was written: the reader's type knows the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The position in the bytes.
    pub at: u32,
    /// How many structures with a field of this name begin a field at this position before the one that has the gap,
    /// since the gap before.
    pub skip: u32,
    /// What is missing there.
    pub absent: Absent,
}

/// What a caller or a callee of another version does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// A field; this is the number of its name.
    Field(u32),
    /// An argument; this is its place among those that are sent with the call.
    Argument(u32),
}

impl Transcoded {
    /// The name of the field that is missing, if it is not an argument.
    pub fn name(&self, gap: Gap) -> Option<&str> {
        match gap.absent {
            Absent::Field(name) => self.names.get(name as usize).map(|name| &**name),
            Absent::Argument(_) => None,
        }
    }
}

/// Why a value cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TranscodeError {
    /// The bytes are not what their version says, or ask for too much.
    Bytes(GuardError),
    /// It holds a variant, of this name, which the reader does not know.
    UnknownVariant(String),
}

impl fmt::Display for TranscodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TranscodeError::Bytes(error) => error.fmt(f),
            TranscodeError::UnknownVariant(name) => write!(f, "the variant {name} is unknown to its reader"),
        }
    }
}

impl std::error::Error for TranscodeError {}

impl From<GuardError> for TranscodeError {
    fn from(error: GuardError) -> Self {
        TranscodeError::Bytes(error)
    }
}

impl Plan {
    /// Reads one value from the beginning of `bytes`, or all arguments, puts it into `into` in place of what was there,
    /// and tells how many bytes it took. It costs time in proportion to the bytes, at most `max_depth` times, and none of the machine's own
    /// stack.
    ///
    /// # Errors
    /// [`TranscodeError`]. Nothing is in `into` then.
    pub fn transcode(
        &self,
        bytes: &[u8],
        limits: DecodeLimits,
        into: &mut Transcoded,
    ) -> Result<usize, TranscodeError> {
        into.names = Arc::clone(&self.table.names);
        into.gaps.clear();
        into.bytes.clear();
        let mut walk = Walk::new(&self.table, bytes, limits, std::mem::take(&mut into.bytes));
        let walked = walk.walk(self.root);
        into.bytes = walk.out;
        match walked {
            Ok(()) => gather(&self.table, &walk.events, &mut into.gaps),
            Err(_) => into.bytes.clear(),
        }
        walked.map(|()| walk.at)
    }
}

/// Something without bytes of its own.
#[derive(Debug, Clone, Copy)]
struct Event {
    at: u32,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// A field of a structure begins.
    Start(u32),
    Gap(Absent),
}

/// The gaps among events, each with how to tell it from others at its position.
fn gather(table: &Table, events: &[Event], gaps: &mut Vec<Gap>) {
    let mut since = 0;
    for (index, event) in events.iter().enumerate() {
        if event.at != events[since].at {
            since = index;
        }
        let What::Gap(absent) = event.what else { continue };
        let has = |event: &&Event| match (event.what, absent) {
            (What::Start(structure), Absent::Field(name)) => {
                table.structures[structure as usize].contains(&name)
            }
            _ => false,
        };
        let skip = events[since..index].iter().filter(has).count() as u32;
        gaps.push(Gap { at: event.at, skip, absent });
        since = (index + 1).min(events.len() - 1);
    }
}

/// What remains to be done at one level.
enum Frame {
    /// These steps.
    Ops(u32, u32),
    /// This node, so many times; where the last one began, if one did.
    Times { node: u32, left: u64, began: Option<usize>, counts: bool },
    /// The end of recursive values: their levels and their slot.
    Leave(u32, u32),
    /// The end of what is passed over.
    Kept,
    /// A record whose parts are put in another order.
    Scatter(Scatter),
}

struct Scatter {
    next: u32,
    end: u32,
    layout: (u32, u32),
    from: Mark,
    /// Where the part begins that is being written.
    open: Option<Mark>,
    parts: Vec<(Mark, Mark)>,
}

/// A position in what was written.
#[derive(Debug, Clone, Copy)]
struct Mark {
    bytes: usize,
    events: usize,
}

struct Walk<'a> {
    table: &'a Table,
    bytes: &'a [u8],
    at: usize,
    limits: DecodeLimits,
    depth: u32,
    empty: u64,
    /// What is passed over lies so deep in what is passed over.
    silent: u32,
    stack: Vec<Frame>,
    out: Vec<u8>,
    events: Vec<Event>,
    /// Where each recursive node was entered last.
    entered: Vec<usize>,
}

impl<'a> Walk<'a> {
    fn new(table: &'a Table, bytes: &'a [u8], limits: DecodeLimits, mut out: Vec<u8>) -> Self {
        out.reserve(bytes.len());
        Self {
            table,
            bytes,
            at: 0,
            limits,
            depth: 0,
            empty: 0,
            silent: 0,
            stack: Vec::new(),
            out,
            events: Vec::new(),
            entered: vec![usize::MAX; table.slots as usize],
        }
    }

    fn walk(&mut self, root: u32) -> Result<(), TranscodeError> {
        self.stack.push(Frame::Times { node: root, left: 1, began: None, counts: false });
        while let Some(frame) = self.stack.last_mut() {
            match frame {
                Frame::Ops(next, end) if *next < *end => {
                    *next += 1;
                    let op = self.table.ops[*next as usize - 1];
                    self.op(op)?;
                }
                Frame::Times { node, left, began, counts } if *left > 0 => {
                    // What takes no bytes once takes none at all.
                    if *began == Some(self.at) {
                        if std::mem::take(counts) {
                            let limit = self.limits.max_empty_elements;
                            self.empty = self.empty.saturating_add(*left).saturating_add(1);
                            if self.empty > u64::from(limit) {
                                return Err(self.error(GuardErrorKind::TooManyEmptyElements { limit }));
                            }
                        }
                        if self.silent > 0 {
                            self.stack.pop();
                            continue;
                        }
                    }
                    (*left, *began) = (*left - 1, Some(self.at));
                    let node = *node;
                    self.node(node)?;
                }
                Frame::Leave(levels, slot) => {
                    self.depth -= *levels;
                    self.entered[*slot as usize] = usize::MAX;
                    self.stack.pop();
                }
                Frame::Kept => {
                    self.silent -= 1;
                    self.stack.pop();
                }
                Frame::Scatter(_) => {
                    if let Some(Frame::Scatter(frame)) = self.stack.pop() {
                        self.scatter(frame)?;
                    }
                }
                Frame::Ops(..) | Frame::Times { .. } => {
                    self.stack.pop();
                }
            }
        }
        Ok(())
    }

    fn op(&mut self, op: Op) -> Result<(), TranscodeError> {
        match op {
            Op::Keep(node) => self.once(node),
            Op::Field(node, structure) => {
                self.event(What::Start(structure))?;
                self.once(node);
            }
            Op::Skip(node) => {
                self.silent += 1;
                self.stack.push(Frame::Kept);
                self.once(node);
            }
            Op::None => self.put(&[0])?,
            Op::Default(name) => self.event(What::Gap(Absent::Field(name)))?,
            Op::DefaultArgument(place) => self.event(What::Gap(Absent::Argument(place)))?,
            Op::Place(..) => {}
        }
        Ok(())
    }

    fn once(&mut self, node: u32) {
        self.stack.push(Frame::Times { node, left: 1, began: None, counts: false });
    }

    fn node(&mut self, node: u32) -> Result<(), TranscodeError> {
        match self.table.nodes[node as usize] {
            Node::Bytes(count) => self.copy(count)?,
            Node::Varint(bits) => {
                let start = self.at;
                self.varint(bits)?;
                self.put_read(start)?;
            }
            Node::Widen(widened) => self.widen(widened)?,
            Node::Float => {
                let bits = self.take(4)?;
                if let Ok(bits) = <[u8; 4]>::try_from(bits) {
                    self.put(&f64::from(f32::from_le_bytes(bits)).to_le_bytes())?;
                }
            }
            Node::Text => {
                let start = self.at;
                let length = self.length()?;
                self.take(length)?;
                self.put_read(start)?;
            }
            Node::Option(inside) => {
                let start = self.at;
                let flag = self.byte()?;
                self.put_read(start)?;
                match flag {
                    0 => {}
                    1 => self.once(inside),
                    _ => return Err(self.error_at(start, GuardErrorKind::BadTag)),
                }
            }
            Node::Some(inside) => {
                self.put(&[1])?;
                self.once(inside);
            }
            Node::Sequence(element) => {
                let start = self.at;
                let count = self.length()?;
                self.put_read(start)?;
                self.stack.push(Frame::Times { node: element, left: count, began: None, counts: true });
            }
            Node::Array(element, count) => {
                self.stack.push(Frame::Times { node: element, left: count, began: None, counts: false });
            }
            Node::Record((first, end)) => self.stack.push(Frame::Ops(first, end)),
            Node::Scatter { ops: (next, end), layout } => {
                let (from, parts) = (self.mark(), Vec::new());
                self.stack.push(Frame::Scatter(Scatter { next, end, layout, from, open: None, parts }));
            }
            Node::Enum((first, end)) => self.variant(first, end)?,
            Node::Enter { inside, levels, slot } => {
                let limit = self.limits.max_depth;
                if self.depth.saturating_add(levels) > limit {
                    return Err(self.error(GuardErrorKind::TooDeep { limit }));
                }
                // Recursive values take a byte at least; this one has no end.
                if self.entered[slot as usize] == self.at {
                    return Err(self.error(GuardErrorKind::Truncated));
                }
                self.entered[slot as usize] = self.at;
                self.depth += levels;
                self.stack.push(Frame::Leave(levels, slot));
                self.once(inside);
            }
            Node::Never => return Err(self.error(GuardErrorKind::BadTag)),
        }
        Ok(())
    }

    fn variant(&mut self, first: u32, end: u32) -> Result<(), TranscodeError> {
        let start = self.at;
        let sent = self.varint(32)?;
        if sent >= u128::from(end - first) {
            return Err(self.error_at(start, GuardErrorKind::BadTag));
        }
        match &self.table.choices[first as usize + sent as usize] {
            Choice::Known { tag, inside } => {
                self.put_varint((*tag).into())?;
                self.once(*inside);
            }
            Choice::Other { tag, inside } => {
                self.put_varint((*tag).into())?;
                self.op(Op::Skip(*inside))?;
            }
            Choice::Unknown(name) => return Err(TranscodeError::UnknownVariant(name.to_string())),
        }
        Ok(())
    }

    /// One more step of a record whose parts are put in another order when they are all there.
    fn scatter(&mut self, mut frame: Scatter) -> Result<(), TranscodeError> {
        let here = self.mark();
        frame.parts.extend(frame.open.take().map(|open| (open, here)));
        if frame.next == frame.end {
            return self.arrange(frame.layout, frame.from, &frame.parts);
        }
        frame.next += 1;
        let op = self.table.ops[frame.next as usize - 1];
        if let Op::Field(node, _) = op {
            frame.open = Some(here);
            self.stack.push(Frame::Scatter(frame));
            self.once(node);
            return Ok(());
        }
        self.stack.push(Frame::Scatter(frame));
        self.op(op)
    }

    fn arrange(
        &mut self,
        layout: (u32, u32),
        from: Mark,
        parts: &[(Mark, Mark)],
    ) -> Result<(), TranscodeError> {
        let (written, seen) = (self.out.split_off(from.bytes), self.events.split_off(from.events));
        for op in &self.table.ops[layout.0 as usize..layout.1 as usize] {
            let Op::Place(part, structure) = *op else {
                self.op(*op)?;
                continue;
            };
            // A part that is not there was refused when the plan was made.
            let Some((start, end)) = parts.get(part as usize) else { continue };
            self.event(What::Start(structure))?;
            let moved = self.out.len();
            for event in &seen[start.events - from.events..end.events - from.events] {
                let at = event.at as usize - start.bytes + moved;
                self.events.push(Event { at: self.position(at)?, what: event.what });
            }
            self.out.extend_from_slice(&written[start.bytes - from.bytes..end.bytes - from.bytes]);
        }
        Ok(())
    }

    fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), events: self.events.len() }
    }

    fn event(&mut self, what: What) -> Result<(), TranscodeError> {
        if !matches!(what, What::Start(NO_STRUCTURE)) {
            let at = self.position(self.out.len())?;
            self.events.push(Event { at, what });
        }
        Ok(())
    }

    fn widen(&mut self, widened: Widened) -> Result<(), TranscodeError> {
        match widened {
            Widened::Byte => {
                let byte = self.byte()?;
                self.put_varint(byte.into())
            }
            Widened::ByteToSigned => {
                let byte = self.byte()?;
                self.put_varint(u128::from(byte) << 1)
            }
            Widened::SignedByte => {
                let value = i16::from(self.byte()?.cast_signed());
                self.put_varint(((value << 1) ^ (value >> 15)).cast_unsigned().into())
            }
            Widened::ToSigned(bits) => {
                let value = self.varint(bits)?;
                self.put_varint(value << 1)
            }
        }
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], TranscodeError> {
        let left = &self.bytes[self.at..];
        let taken = usize::try_from(count).ok().and_then(|count| left.get(..count));
        let taken = taken.ok_or(self.error(GuardErrorKind::Truncated))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, TranscodeError> {
        let byte = *self.bytes.get(self.at).ok_or(self.error(GuardErrorKind::Truncated))?;
        self.at += 1;
        Ok(byte)
    }

    fn length(&mut self) -> Result<u64, TranscodeError> {
        let length = self.varint(64)?;
        Ok(u64::try_from(length).unwrap_or(u64::MAX))
    }

    /// A number of so many bits.
    fn varint(&mut self, bits: u8) -> Result<u128, TranscodeError> {
        let start = self.at;
        let (bits, mut value) = (u32::from(bits), 0);
        let last = bits.div_ceil(7) - 1;
        for index in 0..=last {
            let byte = self.byte()?;
            if index == last && byte >= 1 << (bits % 7) {
                break;
            }
            value |= u128::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.error_at(start, GuardErrorKind::BadVarint))
    }

    fn copy(&mut self, count: u64) -> Result<(), TranscodeError> {
        let taken = self.take(count)?;
        self.put(taken)
    }

    /// What was read since `start`, as it is.
    fn put_read(&mut self, start: usize) -> Result<(), TranscodeError> {
        let read = &self.bytes[start..self.at];
        self.put(read)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), TranscodeError> {
        if self.silent == 0 {
            self.out.extend_from_slice(bytes);
            self.position(self.out.len())?;
        }
        Ok(())
    }

    fn put_varint(&mut self, mut value: u128) -> Result<(), TranscodeError> {
        while value >= 0x80 {
            self.put(&[value as u8 | 0x80])?;
            value >>= 7;
        }
        self.put(&[value as u8])
    }

    fn position(&self, at: usize) -> Result<u32, TranscodeError> {
        u32::try_from(at).map_err(|_| self.error(GuardErrorKind::TooLong))
    }

    fn error(&self, kind: GuardErrorKind) -> TranscodeError {
        self.error_at(self.at, kind)
    }

    fn error_at(&self, offset: usize, kind: GuardErrorKind) -> TranscodeError {
        TranscodeError::Bytes(GuardError { offset, kind })
    }
}
