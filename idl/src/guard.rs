//! Bounded decoding: a walk over encoded bytes that refuses what would exhaust the decoder's stack or its time.
//! Never builds a value, and never judges what the codec judges itself, such as UTF-8.
//!
//! Postcard decodes recursively without a limit, and believes the length of a sequence whose elements take no
//! bytes. Both let a short message stop a process. A [`Guard`] knows the wire format of some types and walks
//! the bytes with a stack of its own, before the codec sees them.

pub(crate) mod size;
pub(crate) mod table;

use std::fmt;
use std::sync::LazyLock;

use crate::model::{Definition, Interface, Type};
use crate::schema::{Schema, Types};
use crate::varint::{self, NoNumber};
use table::{Node, Table};

/// Checks encoded values of some types against [`DecodeLimits`].
#[derive(Debug, Clone)]
pub struct Guard {
    table: Table,
}

/// How much a message may ask of its decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// How many values of recursive types may lie inside one another.
    pub max_depth: u32,
    /// How many elements that take no bytes all sequences, sets and maps of a message may claim together.
    pub max_empty_elements: u32,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_depth: 128, max_empty_elements: 65_536 }
    }
}

impl DecodeLimits {
    /// The same limits with another [`max_depth`](Self::max_depth).
    pub fn with_max_depth(self, max_depth: u32) -> Self {
        Self { max_depth, ..self }
    }

    /// The same limits with another [`max_empty_elements`](Self::max_empty_elements).
    pub fn with_max_empty_elements(self, max_empty_elements: u32) -> Self {
        Self { max_empty_elements, ..self }
    }
}

/// Why bytes were refused, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardError {
    /// The position of the offending byte.
    pub offset: usize,
    /// What is wrong there.
    pub kind: GuardErrorKind,
}

/// Why bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardErrorKind {
    /// The bytes end before the value does.
    Truncated,
    /// Values of recursive types lie too deep inside one another.
    TooDeep {
        /// The depth allowed.
        limit: u32,
    },
    /// Too many elements that take no bytes.
    TooManyEmptyElements {
        /// The number allowed.
        limit: u32,
    },
    /// A number too large for its type.
    BadVarint,
    /// A truth value, an option or an enum that is none of its alternatives.
    BadTag,
    /// The value ends before the bytes do.
    TrailingBytes,
    /// What would be read is longer than 4 GiB.
    TooLong,
    /// More parts without bytes than bytes, many times.
    TooManySteps,
    /// Too many fields and arguments that its reader has to add, since its writer does not have them.
    TooManyAdditions {
        /// The number allowed for so many bytes.
        limit: u64,
    },
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            GuardErrorKind::Truncated => f.write_str("the message ends too early")?,
            GuardErrorKind::TooDeep { limit } => {
                write!(f, "values are nested more than {limit} deep")?;
            }
            GuardErrorKind::TooManyEmptyElements { limit } => {
                write!(f, "the message claims more than {limit} elements that take no bytes")?;
            }
            GuardErrorKind::BadVarint => f.write_str("a number is too large for its type")?,
            GuardErrorKind::BadTag => f.write_str("a tag names no alternative of its type")?,
            GuardErrorKind::TooLong => f.write_str("the message would be longer than 4 GiB")?,
            GuardErrorKind::TooManySteps => f.write_str("the message has too many parts without bytes")?,
            GuardErrorKind::TooManyAdditions { limit } => {
                write!(f, "the message lacks more than {limit} values that its reader's version has")?;
            }
            GuardErrorKind::TrailingBytes => f.write_str("the message goes on after its value")?,
        }
        write!(f, " (at byte {})", self.offset)
    }
}

impl std::error::Error for GuardError {}

impl Guard {
    /// A guard for values of `roots`, one after another, or `None` if no bytes can harm their decoder: no root
    /// reaches a recursive definition, nor a sequence, set or map whose elements take no bytes.
    pub fn new(roots: &[Type], types: &[Definition]) -> Option<Self> {
        let (table, risky) = Table::new(roots, types);
        risky.then_some(Self { table })
    }

    /// A guard for values of `roots` even where nothing needs checking: a walker of the wire format, for other packages
    /// of the workspace.
    #[doc(hidden)]
    pub fn always(roots: &[Type], types: &[Definition]) -> Self {
        Self { table: Table::new(roots, types).0 }
    }

    /// Walks `bytes` and tells how many of them the values take. It costs time in proportion to the bytes, and
    /// none of the machine's own stack.
    pub fn check(&self, bytes: &[u8], limits: DecodeLimits) -> Result<usize, GuardError> {
        let mut walk = Walk { bytes, at: 0, limits, depth: 0, empty: 0, stack: Vec::new() };
        let (first, end) = self.table.roots;
        walk.stack.push(Frame::Parts(first, end));
        while let Some(frame) = walk.stack.last_mut() {
            let node = match frame {
                Frame::Parts(next, end) if *next < *end => {
                    *next += 1;
                    self.table.parts[*next as usize - 1]
                }
                Frame::Repeat(node, left) if *left > 0 => {
                    *left -= 1;
                    *node
                }
                Frame::Parts(..) | Frame::Repeat(..) => {
                    walk.stack.pop();
                    continue;
                }
                Frame::Leave => {
                    walk.depth -= 1;
                    walk.stack.pop();
                    continue;
                }
            };
            walk.step(&self.table, node)?;
        }
        Ok(walk.at)
    }
}

impl Interface {
    /// Checks an encoded interface of a peer: decoding it is safe if this passes. `max_depth` bounds how deep
    /// its types lie inside one another.
    pub fn check_encoded(bytes: &[u8], max_depth: u32) -> Result<(), GuardError> {
        static GUARD: LazyLock<Guard> = LazyLock::new(|| {
            let mut types = Types::default();
            let interface = Interface::describe(&mut types);
            Guard::always(&[interface], types.definitions())
        });
        let end = GUARD.check(bytes, DecodeLimits::default().with_max_depth(max_depth))?;
        if end < bytes.len() {
            return Err(error(end, GuardErrorKind::TrailingBytes));
        }
        Ok(())
    }
}

/// What remains to be walked at one level.
enum Frame {
    /// These parts.
    Parts(u32, u32),
    /// This node, so many times.
    Repeat(u32, u64),
    /// The end of a recursive definition.
    Leave,
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    limits: DecodeLimits,
    depth: u32,
    empty: u64,
    stack: Vec<Frame>,
}

impl Walk<'_> {
    fn step(&mut self, table: &Table, node: u32) -> Result<(), GuardError> {
        let start = self.at;
        match table.nodes[node as usize] {
            Node::Skip(count) => self.skip(count)?,
            Node::Varint(bits) => {
                self.varint(u32::from(bits))?;
            }
            Node::Bool => {
                self.flag()?;
            }
            Node::Option(inner) => {
                if self.flag()? {
                    self.stack.push(Frame::Repeat(inner, 1));
                }
            }
            Node::Blocks(size) => {
                let count = self.varint(usize::BITS)?;
                self.skip(count.saturating_mul(size))?;
            }
            Node::Sequence { element, least } => {
                let count = self.varint(usize::BITS)?;
                // No honest length is refused: each element takes at least this much.
                if count.saturating_mul(least) > self.left() {
                    return Err(error(start, GuardErrorKind::Truncated));
                }
                self.stack.push(Frame::Repeat(element, count));
            }
            Node::Empty => {
                let limit = self.limits.max_empty_elements;
                self.empty = self.empty.saturating_add(self.varint(usize::BITS)?);
                if self.empty > u64::from(limit) {
                    return Err(error(start, GuardErrorKind::TooManyEmptyElements { limit }));
                }
            }
            Node::Array(element, count) => self.stack.push(Frame::Repeat(element, count)),
            Node::Parts((first, end)) => self.stack.push(Frame::Parts(first, end)),
            Node::Enum { variants: (first, end), other } => {
                let tag = self.varint(u32::BITS)?;
                let variant = if tag < u64::from(end - first) {
                    table.parts[first as usize + tag as usize]
                } else {
                    other.ok_or(error(start, GuardErrorKind::BadTag))?
                };
                self.stack.push(Frame::Repeat(variant, 1));
            }
            Node::Enter { inside, least } => {
                let limit = self.limits.max_depth;
                if self.depth >= limit {
                    return Err(error(start, GuardErrorKind::TooDeep { limit }));
                }
                // A definition that holds itself without end has no value; this ends the walk into it.
                if least > self.left() {
                    return Err(error(start, GuardErrorKind::Truncated));
                }
                self.depth += 1;
                self.stack.push(Frame::Leave);
                self.stack.push(Frame::Repeat(inside, 1));
            }
            Node::Never => return Err(error(start, GuardErrorKind::BadTag)),
        }
        Ok(())
    }

    fn left(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }

    fn skip(&mut self, count: u64) -> Result<(), GuardError> {
        if count > self.left() {
            return Err(error(self.at, GuardErrorKind::Truncated));
        }
        self.at += count as usize;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, GuardError> {
        let byte = *self.bytes.get(self.at).ok_or(error(self.at, GuardErrorKind::Truncated))?;
        self.at += 1;
        Ok(byte)
    }

    fn flag(&mut self) -> Result<bool, GuardError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(error(self.at - 1, GuardErrorKind::BadTag)),
        }
    }

    /// A number of so many bits; of those with more than 64, the lower part.
    fn varint(&mut self, bits: u32) -> Result<u64, GuardError> {
        let rest = &self.bytes[self.at..];
        let read = match bits {
            128 => varint::read::<u128>(rest, bits).map(|(value, taken)| (value as u64, taken)),
            _ => varint::read::<u64>(rest, bits),
        };
        let (value, taken) = read.map_err(|why| match why {
            NoNumber::Truncated => error(self.bytes.len(), GuardErrorKind::Truncated),
            NoNumber::TooLarge => error(self.at, GuardErrorKind::BadVarint),
        })?;
        self.at += taken;
        Ok(value)
    }
}

fn error(offset: usize, kind: GuardErrorKind) -> GuardError {
    GuardError { offset, kind }
}
