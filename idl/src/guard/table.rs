//! The wire format of some types as a flat table of nodes. Never sees bytes.

use std::collections::HashMap;

use super::size::{Size, Sizes};
use crate::model::{Definition, Shape, Type};

/// What stands at one place of the wire. Numbers refer to nodes, pairs to a stretch of the table's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// So many bytes, whatever they are.
    Skip(u64),
    /// A number of so many bits.
    Varint(u8),
    Bool,
    Option(u32),
    /// A length, then so many blocks of this size.
    Blocks(u64),
    /// A length, then so many elements of at least this size.
    Sequence {
        element: u32,
        least: u64,
    },
    /// A length of elements that take no bytes.
    Empty,
    Array(u32, u64),
    Parts((u32, u32)),
    /// A discriminant, then its variant. `other` stands for unknown ones.
    Enum {
        variants: (u32, u32),
        other: Option<u32>,
    },
    /// A recursive definition of at least this size.
    Enter {
        inside: u32,
        least: u64,
    },
    /// What has no value: a definition that is missing.
    Never,
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The first nodes are the definitions, by their index.
    pub(super) nodes: Vec<Node>,
    pub(super) parts: Vec<u32>,
    pub(super) roots: (u32, u32),
}

impl Table {
    /// The table, and whether bytes can be made that harm the decoder.
    pub(super) fn new(roots: &[Type], types: &[Definition]) -> (Self, bool) {
        let order = Order::new(roots, types);
        let mut builder = Builder {
            types,
            sizes: Sizes::new(&order.reached, types),
            known: HashMap::new(),
            table: Self { nodes: vec![Node::Never; types.len()], parts: Vec::new(), roots: (0, 0) },
            risky: !order.recursive.is_empty(),
        };
        // What a definition needs comes before it, except within a cycle.
        for &index in &order.reached {
            let inside = builder.shape(&types[index].shape);
            builder.table.nodes[index] = if order.recursive.contains(&index) {
                Node::Enter { inside, least: builder.sizes.of_definition(index).least }
            } else {
                builder.table.nodes[inside as usize]
            };
        }
        builder.table.roots = builder.stretch(roots.iter());
        (builder.table, builder.risky)
    }
}

struct Builder<'a> {
    types: &'a [Definition],
    sizes: Sizes,
    known: HashMap<Node, u32>,
    table: Table,
    risky: bool,
}

impl Builder<'_> {
    fn push(&mut self, node: Node) -> u32 {
        *self.known.entry(node).or_insert_with(|| {
            self.table.nodes.push(node);
            self.table.nodes.len() as u32 - 1
        })
    }

    fn ty(&mut self, ty: &Type) -> u32 {
        let size = self.sizes.of(ty);
        if size.opaque {
            return self.push(Node::Skip(size.least));
        }
        let node = match ty {
            Type::Unit | Type::U8 | Type::I8 => Node::Skip(size.least),
            Type::F32 | Type::F64 => Node::Skip(size.least),
            Type::Bool => Node::Bool,
            Type::U16 | Type::I16 => Node::Varint(16),
            Type::U32 | Type::I32 | Type::Client(_) => Node::Varint(32),
            Type::U64 | Type::I64 => Node::Varint(64),
            Type::U128 | Type::I128 => Node::Varint(128),
            Type::Char | Type::String => Node::Blocks(1),
            Type::Option(inner) => Node::Option(self.ty(inner)),
            Type::Sequence(element) | Type::Set(element) => {
                let size = self.sizes.of(element);
                self.sequence(size, |builder| builder.ty(element))
            }
            Type::Map(key, value) => {
                let size = Size::all([key, value].into_iter().map(|part| self.sizes.of(part)));
                self.sequence(size, |builder| {
                    let parts = builder.stretch([&**key, &**value].into_iter());
                    builder.push(Node::Parts(parts))
                })
            }
            Type::Array(element, count) => Node::Array(self.ty(element), *count),
            Type::Tuple(elements) => Node::Parts(self.stretch(elements.iter())),
            Type::Named(index) if *index < self.types.len() => return *index as u32,
            Type::Named(_) => Node::Never,
        };
        self.push(node)
    }

    fn sequence(&mut self, element: Size, node: impl FnOnce(&mut Self) -> u32) -> Node {
        match element {
            Size { least: 0, .. } => {
                self.risky = true;
                Node::Empty
            }
            Size { least, opaque: true } => Node::Blocks(least),
            Size { least, opaque: false } => Node::Sequence { element: node(self), least },
        }
    }

    /// Parts that follow one another. Those without bytes are left out: walking them would cost without end.
    fn stretch<'t>(&mut self, types: impl Iterator<Item = &'t Type>) -> (u32, u32) {
        let mut nodes: Vec<u32> = Vec::new();
        for ty in types {
            let node = self.ty(ty);
            let neighbour = nodes.last().map(|last| self.table.nodes[*last as usize]);
            match (neighbour, self.table.nodes[node as usize]) {
                (_, Node::Skip(0)) => {}
                // Blocks side by side are skipped as one.
                (Some(Node::Skip(before)), Node::Skip(count)) => {
                    nodes.pop();
                    nodes.push(self.push(Node::Skip(before.saturating_add(count))));
                }
                _ => nodes.push(node),
            }
        }
        self.enter(nodes)
    }

    fn enter(&mut self, nodes: Vec<u32>) -> (u32, u32) {
        let start = self.table.parts.len() as u32;
        self.table.parts.extend(nodes);
        (start, self.table.parts.len() as u32)
    }

    fn shape(&mut self, shape: &Shape) -> u32 {
        let size = self.sizes.of_shape(shape);
        if size.opaque {
            return self.push(Node::Skip(size.least));
        }
        let node = match shape {
            Shape::Unit => Node::Skip(0),
            Shape::Newtype(ty) => return self.ty(ty),
            Shape::Tuple(types) => Node::Parts(self.stretch(types.iter())),
            Shape::Struct(fields) => Node::Parts(self.stretch(fields.iter().map(|field| &field.ty))),
            Shape::Enum(variants) => {
                let nodes: Vec<u32> = variants.iter().map(|variant| self.shape(&variant.shape)).collect();
                let other = variants.iter().position(|variant| variant.other).map(|index| nodes[index]);
                Node::Enum { variants: self.enter(nodes), other }
            }
        };
        self.push(node)
    }
}

/// The definitions that some types reach: what each needs first, and which hold themselves. Tarjan's strongly
/// connected components, without recursion: a chain of definitions may be long.
#[derive(Default)]
pub(crate) struct Order {
    pub(crate) reached: Vec<usize>,
    pub(crate) recursive: std::collections::HashSet<usize>,
}

impl Order {
    pub(crate) fn new(roots: &[Type], types: &[Definition]) -> Self {
        let mut order = Self::default();
        let mut starts = Vec::new();
        roots.iter().for_each(|root| named(root, types.len(), &mut starts));
        // The number of each definition as met, the lowest number it leads back to, and whether its component
        // is still open.
        let (mut numbers, mut lowest) = (vec![0_usize; types.len()], vec![0_usize; types.len()]);
        let mut open = vec![false; types.len()];
        let (mut met, mut path, mut work) = (0, Vec::new(), Vec::<(usize, Vec<usize>)>::new());
        for start in starts {
            let mut next = Some(start).filter(|start| numbers[*start] == 0);
            loop {
                if let Some(at) = next.take() {
                    met += 1;
                    (numbers[at], lowest[at], open[at]) = (met, met, true);
                    path.push(at);
                    let mut needs = Vec::new();
                    named_in_shape(&types[at].shape, types.len(), &mut needs);
                    work.push((at, needs));
                }
                let Some((at, needs)) = work.last_mut() else { break };
                let at = *at;
                if let Some(need) = needs.pop() {
                    if numbers[need] == 0 {
                        next = Some(need);
                    } else if open[need] {
                        lowest[at] = lowest[at].min(numbers[need]);
                        if need == at {
                            order.recursive.insert(at);
                        }
                    }
                    continue;
                }
                work.pop();
                if let Some((parent, _)) = work.last() {
                    lowest[*parent] = lowest[*parent].min(lowest[at]);
                }
                if lowest[at] == numbers[at] {
                    let first = path.iter().rposition(|index| *index == at).unwrap_or(0);
                    let component = path.split_off(first);
                    component.iter().for_each(|index| open[*index] = false);
                    if component.len() > 1 {
                        order.recursive.extend(&component);
                    }
                    order.reached.extend(component);
                }
            }
        }
        order
    }
}

fn named(ty: &Type, count: usize, into: &mut Vec<usize>) {
    match ty {
        Type::Named(index) if *index < count => into.push(*index),
        Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) => named(inner, count, into),
        // Nothing of an empty array is on the wire.
        Type::Array(_, 0) => {}
        Type::Array(inner, _) => named(inner, count, into),
        Type::Map(key, value) => {
            named(key, count, into);
            named(value, count, into);
        }
        Type::Tuple(elements) => elements.iter().for_each(|element| named(element, count, into)),
        _ => {}
    }
}

fn named_in_shape(shape: &Shape, count: usize, into: &mut Vec<usize>) {
    match shape {
        Shape::Unit => {}
        Shape::Newtype(ty) => named(ty, count, into),
        Shape::Tuple(types) => types.iter().for_each(|ty| named(ty, count, into)),
        Shape::Struct(fields) => fields.iter().for_each(|field| named(&field.ty, count, into)),
        Shape::Enum(variants) => {
            variants.iter().for_each(|variant| named_in_shape(&variant.shape, count, into));
        }
    }
}
