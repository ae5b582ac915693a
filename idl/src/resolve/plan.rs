//! How bytes that one version wrote become bytes that another version reads: a flat table of what to do at each
//! place. Never sees a schema, nor bytes.

use std::sync::Arc;

/// What to do with the value at one place. Numbers refer to nodes, pairs to a stretch of another table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// So many bytes as they are.
    Bytes(u64),
    /// A number of so many bits as it is.
    Varint(u8),
    /// A number that is read as one of more bits.
    Widen(Widened),
    /// An `f32` that is read as an `f64`.
    Float,
    /// A length, then so many bytes, as they are.
    Text,
    Option(u32),
    /// A value that is read as an option with this value.
    Some(u32),
    /// A length, then elements.
    Sequence(u32),
    Array(u32, u64),
    /// Values one after another, by `ops`.
    Record((u32, u32)),
    /// As `Record`, but they are read in another order than they were written: `ops` in that of the writer,
    /// `layout` in that of the reader.
    Scatter {
        ops: (u32, u32),
        layout: (u32, u32),
    },
    /// A discriminant, then its variant, by `choices`.
    Enum((u32, u32)),
    /// So many more levels of recursive values.
    Enter {
        inside: u32,
        levels: u32,
    },
    /// What has no value.
    Never,
}

/// How a number's bytes change with its type. Where nothing is said, they stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Widened {
    /// `u8` to a larger unsigned type.
    Byte,
    /// `i8` to a larger signed type.
    SignedByte,
    /// `u8` to a larger signed type.
    ByteToSigned,
    /// An unsigned type of so many bits to a larger signed type.
    ToSigned(u8),
}

/// One step of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// An element or an argument.
    Keep(u32),
    /// A field of a structure, which is the second number.
    Field(u32, u32),
    /// What the reader has no place for.
    Skip(u32),
    /// A `None` that the writer does not have.
    None,
    /// A field that the writer does not have, and the reader has a default for, by its name.
    Default(u32),
    /// An argument of the same kind, by its place among those that are sent.
    DefaultArgument(u32),
    /// In a layout: the field that was written as the one of this number, of a structure.
    Place(u32, u32),
}

/// What a variant of the writer is for the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The variant with this discriminant.
    Known { tag: u32, inside: u32 },
    /// The variant for all unknown ones, which has this discriminant; what the writer's carries is left out.
    Other { tag: u32, inside: u32 },
    /// Not known; this is its name.
    Unknown(Box<str>),
}

/// A structure whose fields a reader never finds missing at its first byte.
pub(crate) const NO_STRUCTURE: u32 = u32::MAX;

/// What all plans of two interfaces share.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) nodes: Vec<Node>,
    pub(crate) ops: Vec<Op>,
    pub(crate) choices: Vec<Choice>,
    /// Names of fields that have defaults, by number.
    pub(crate) names: Arc<[Box<str>]>,
    /// Which of those names each structure has.
    pub(crate) structures: Vec<Vec<u32>>,
    /// How many `Enter`s there are.
    pub(crate) entries: u32,
}

impl Table {
    /// Has what holds one thing alone be that thing: a peer's may lie in one another by the thousand around one byte.
    pub(crate) fn shorten(&mut self) {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            No,
            OnTheWay,
            Yes,
        }
        let mut seen = vec![Seen::No; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let (mut at, mut way) = (start, Vec::new());
            while let (Seen::No, Some(inside)) = (seen[at], self.only_part(at)) {
                seen[at] = Seen::OnTheWay;
                way.push(at);
                at = inside as usize;
            }
            // What holds nothing but itself has no value.
            let node = if seen[at] == Seen::OnTheWay { Node::Never } else { self.nodes[at] };
            for index in way {
                (self.nodes[index], seen[index]) = (node, Seen::Yes);
            }
        }
    }

    /// What a node holds, if it is one thing and nothing else.
    fn only_part(&self, node: usize) -> Option<u32> {
        match self.nodes[node] {
            Node::Array(element, 1) => Some(element),
            Node::Record((first, end)) if end - first == 1 => match self.ops[first as usize] {
                Op::Keep(inside) => Some(inside),
                _ => None,
            },
            _ => None,
        }
    }
}

/// How values of one version become values of another: made by `resolve_arguments` and `resolve_results`, followed by
/// the core.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) table: Arc<Table>,
    pub(crate) root: u32,
}
