//! The walk over what another version wrote, by a plan, with a stack of its own. Never recurses, and never trusts a
//! length.

use super::gaps::{GapMark, Gaps};
use super::{Absent, TranscodeError};
use crate::guard::{DecodeLimits, GuardErrorKind};
use crate::resolve::plan::{Choice, Node, Op, Table};

/// What remains to be done at one level.
pub(super) enum Frame {
    /// These steps.
    Ops(u32, u32),
    /// This node, so many times; where the last one began, if one did.
    Times { node: u32, left: u64, began: Option<usize>, counts: bool },
    /// The end of recursive values: their levels.
    Leave(u32),
    /// The end of what is passed over.
    Kept,
    /// A record whose parts are put in another order.
    Scatter(Scatter),
}

pub(super) struct Scatter {
    pub(super) next: u32,
    pub(super) end: u32,
    pub(super) layout: (u32, u32),
    pub(super) from: Mark,
    /// The structures that begin a field where the record begins.
    pub(super) begun: Vec<u32>,
    /// Where the part begins that is being written.
    pub(super) open: Option<Mark>,
    pub(super) parts: Vec<Part>,
}

pub(super) struct Part {
    pub(super) start: Mark,
    pub(super) end: Mark,
    /// The structures that begin a field where it ends, since its last gap.
    pub(super) begun: Vec<u32>,
}

/// A position in what was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) bytes: usize,
    pub(super) gaps: GapMark,
}

/// Parts that may be visited in any message, and for each byte and each element without bytes. Structures of one field
/// that lie in one another take one each, so it is more than any program's types need.
const FREE_STEPS: u64 = 1 << 16;
const STEPS_A_BYTE: u64 = 64;

pub(super) struct Walk<'a> {
    pub(super) table: &'a Table,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) limits: DecodeLimits,
    pub(super) depth: u32,
    pub(super) empty: u64,
    /// What is passed over lies so deep in what is passed over.
    pub(super) silent: u32,
    pub(super) stack: Vec<Frame>,
    pub(super) out: Vec<u8>,
    pub(super) gaps: Gaps,
    /// The structures that begin a field at the end of what was written, since the last gap: where `begun_at` is that.
    pub(super) begun: Vec<u32>,
    pub(super) begun_at: usize,
    /// Gaps and values that nobody wrote.
    pub(super) added: u64,
    /// Nodes visited.
    pub(super) steps: u64,
    /// Where the recursive values begin that are open, each with how many begin there, itself the last.
    pub(super) entered: Vec<(usize, u32)>,
}

/// Room that is made before anything is known of a value. What follows the value may be a whole batch of others.
const FIRST_ROOM: usize = 1024;

impl<'a> Walk<'a> {
    pub(super) fn new(
        table: &'a Table,
        bytes: &'a [u8],
        limits: DecodeLimits,
        mut out: Vec<u8>,
        gaps: Gaps,
    ) -> Self {
        out.reserve(bytes.len().min(FIRST_ROOM));
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
            gaps,
            begun: Vec::new(),
            begun_at: 0,
            added: 0,
            steps: 0,
            entered: Vec::new(),
        }
    }

    pub(super) fn walk(&mut self, root: u32) -> Result<(), TranscodeError> {
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
                Frame::Leave(levels) => {
                    self.depth -= *levels;
                    self.entered.pop();
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

    pub(super) fn op(&mut self, op: Op) -> Result<(), TranscodeError> {
        match op {
            Op::Keep(node) => self.once(node),
            Op::Field(node, structure) => {
                self.begin(structure);
                self.once(node);
            }
            Op::Skip(node) => {
                self.silent += 1;
                self.stack.push(Frame::Kept);
                self.once(node);
            }
            Op::None => {
                self.add()?;
                self.put(&[0])?;
            }
            Op::Default(name) => self.gap(Absent::Field(name))?,
            Op::DefaultArgument(place) => self.gap(Absent::Argument(place))?,
            Op::Place(..) => {}
        }
        Ok(())
    }

    pub(super) fn once(&mut self, node: u32) {
        self.stack.push(Frame::Times { node, left: 1, began: None, counts: false });
    }

    fn node(&mut self, node: u32) -> Result<(), TranscodeError> {
        self.steps += 1;
        let things = (self.at as u64).saturating_add(self.empty);
        if self.steps > things.saturating_mul(STEPS_A_BYTE).saturating_add(FREE_STEPS) {
            return Err(self.error(GuardErrorKind::TooManySteps));
        }
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
                self.add()?;
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
                let (from, begun) = (self.mark(), std::mem::take(self.begun_here()));
                let parts = Vec::new();
                self.stack.push(Frame::Scatter(Scatter {
                    next,
                    end,
                    layout,
                    from,
                    begun,
                    open: None,
                    parts,
                }));
            }
            Node::Enum((first, end)) => self.variant(first, end)?,
            Node::Enter { inside, levels } => {
                let limit = self.limits.max_depth;
                if self.depth.saturating_add(levels) > limit {
                    return Err(self.error(GuardErrorKind::TooDeep { limit }));
                }
                let before = self.entered.last().filter(|(at, _)| *at == self.at);
                let begun = before.map_or(1, |(_, begun)| begun + 1);
                // Some node was entered here twice, without a byte in between: this one has no end.
                if begun > self.table.entries {
                    return Err(self.error(GuardErrorKind::Truncated));
                }
                self.entered.push((self.at, begun));
                self.depth += levels;
                self.stack.push(Frame::Leave(levels));
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
}
