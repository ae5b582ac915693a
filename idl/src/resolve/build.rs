//! Two versions of types into one table: what becomes of each value, and what cannot. Works through pairs of types
//! with a list of its own, since one side may be a peer's. Never sees bytes.

mod lenience;
mod parts;
mod scalar;
mod skip;

use std::collections::HashMap;

use super::conflict::{consists_of, say};
use super::form::{Alternatives, Form, Side};
use super::place::Step;
use super::plan::{NO_STRUCTURE, Node, Op, Table};
use super::remark::{Remark, Remarks, Why};
use super::{MAX_STEPS, TooLarge};
use crate::model::{Argument, Field, Shape, Type, UnknownFields};
use scalar::scalar;

/// What is still to be worked out, under the number that its node has already.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// Two types, the writer's and the reader's.
    Types(Id, Id),
    /// What two variants carry, by the addresses of that.
    Variants(usize, usize),
    /// A type of the writer's that is passed over.
    Skipped(Id),
    SkippedVariant(usize),
}

/// Which type: all mentions of a definition are one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Id {
    Definition(usize),
    /// Mentioned at this address.
    Mentioned(usize),
}

impl Id {
    fn of(ty: &Type) -> Self {
        match ty {
            Type::Named(index) => Id::Definition(*index),
            ty => Id::Mentioned(std::ptr::from_ref(ty).addr()),
        }
    }
}

#[derive(Clone, Copy)]
enum Work<'a> {
    Types(&'a Type, &'a Type),
    Variants((&'a Shape, UnknownFields), (&'a Shape, UnknownFields)),
    Skipped(&'a Type),
    SkippedVariant(&'a Shape),
}

/// Bytes of names that are kept of variants which the reader does not know.
const MOST_NAMES: usize = 64 << 10;

/// By which side's names places are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Writers,
    Readers,
}

/// Works out how a reader's side understands a writer's.
pub(super) struct Builder<'a> {
    names_of: Names,
    writer: Side<'a>,
    reader: Side<'a>,
    table: Table,
    pub(super) remarks: Remarks<'a>,
    /// The fields of each structure.
    structures: Vec<&'a [Field]>,
    names: HashMap<&'a str, u32>,
    known: HashMap<Key, u32>,
    work: Vec<(u32, Work<'a>)>,
    steps: usize,
    /// Bytes of names of unknown variants that may still be kept.
    names_left: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(writer: Side<'a>, reader: Side<'a>, names: Names) -> Self {
        Self {
            names_of: names,
            writer,
            reader,
            table: Table::default(),
            remarks: Remarks::default(),
            structures: Vec::new(),
            names: HashMap::new(),
            known: HashMap::new(),
            work: Vec::new(),
            steps: 0,
            names_left: MOST_NAMES,
        }
    }

    /// The node for one value.
    pub(super) fn value(&mut self, writer: &'a Type, reader: &'a Type) -> Result<u32, TooLarge> {
        let node = self.types(writer, reader);
        self.finish().map(|()| node)
    }

    /// The node for arguments that are sent with a call.
    pub(super) fn arguments(
        &mut self,
        writer: &[&'a Argument],
        reader: &[&'a Argument],
    ) -> Result<u32, TooLarge> {
        let node = self.push(Node::Never);
        let mut ops = Vec::new();
        self.spend(writer.len() + reader.len())?;
        for index in 0..writer.len().max(reader.len()) {
            let op = match (writer.get(index), reader.get(index)) {
                (Some(sent), Some(read)) => {
                    let inside = self.types(&sent.ty, &read.ty);
                    let step = Step::Name(self.named(&sent.name, &read.name));
                    self.remarks.edge(node, step, inside);
                    self.lenience_of_arguments(node, step, sent, read);
                    Op::Keep(inside)
                }
                (None, Some(read)) if read.default => {
                    self.remarks.add(node, Some(Step::Name(&read.name)), Remark::ArgumentMissing);
                    Op::DefaultArgument(index as u32)
                }
                (None, Some(read)) if is_option(&read.ty) => {
                    self.remarks.add(node, Some(Step::Name(&read.name)), Remark::ArgumentMissing);
                    Op::None
                }
                (Some(sent), None) if sent.default || is_option(&sent.ty) => {
                    self.remarks.add(node, Some(Step::Name(&sent.name)), Remark::ArgumentIgnored);
                    let Some(op) = self.skipped_op(&sent.ty, Op::Skip) else { continue };
                    op
                }
                (sent, read) => {
                    let name = sent.or(read).map_or("", |argument| argument.name.as_str());
                    let what = |argument: Option<&&Argument>, types| {
                        argument.map_or("missing".to_owned(), |argument| say(&argument.ty, types))
                    };
                    let (writer, reader) = (what(sent, self.writer.types), what(read, self.reader.types));
                    let why = if sent.is_none() { Why::ArgumentRequired } else { Why::ArgumentRefused };
                    self.remarks.conflict(node, Some(Step::Name(name)), why, (writer, reader));
                    continue;
                }
            };
            ops.push(op);
        }
        let ops = self.ops(ops);
        self.table.nodes[node as usize] = Node::Record(ops);
        self.finish().map(|()| node)
    }

    /// The table, and what was found.
    pub(super) fn done(mut self) -> (Table, Remarks<'a>) {
        self.table.shorten();
        let mut names = vec![Box::from(""); self.names.len()];
        for (name, number) in &self.names {
            names[*number as usize] = Box::from(*name);
        }
        self.table.names = names.into();
        let named = |name: &str| self.names.get(name).copied();
        let structures = self.structures.iter().map(|fields| {
            let all = fields.iter().flat_map(|field| std::iter::once(&field.name).chain(&field.aliases));
            all.filter_map(|name| named(name)).collect::<Vec<u32>>()
        });
        self.table.structures = structures.collect();
        for op in &mut self.table.ops {
            if let Op::Field(_, structure) | Op::Place(_, structure) = op
                && self.table.structures.get(*structure as usize).is_none_or(Vec::is_empty)
            {
                *structure = NO_STRUCTURE;
            }
        }
        (self.table, self.remarks)
    }

    fn finish(&mut self) -> Result<(), TooLarge> {
        while let Some((node, work)) = self.work.pop() {
            self.spend(1)?;
            match work {
                Work::Types(writer, reader) => {
                    let ((written, above), (read, depth)) =
                        (self.writer.form(writer), self.reader.form(reader));
                    let names = (self.writer.name(writer), self.reader.name(reader));
                    let label = match self.names_of {
                        Names::Writers => names.0.or(names.1),
                        Names::Readers => names.1.or(names.0),
                    };
                    self.remarks.label(node, label);
                    let inside = self.entered(node, above.max(depth));
                    self.newtypes(node, writer, reader);
                    self.forms(inside, (written, writer), (read, reader))?;
                }
                Work::Variants(writer, reader) => {
                    let (written, above) = self.writer.form_of_variant(writer.0, writer.1);
                    let (read, depth) = self.reader.form_of_variant(reader.0, reader.1);
                    let is_unit = |shape: &Shape| matches!(shape, Shape::Unit);
                    if is_unit(writer.0) != is_unit(reader.0) {
                        let both = (consists_of(writer.0), consists_of(reader.0));
                        self.remarks.conflict(node, None, Why::Type, both);
                        continue;
                    }
                    let inside = self.entered(node, above.max(depth));
                    self.shapes(inside, (written, writer.0), (read, reader.0))?;
                }
                Work::Skipped(ty) if self.writer.sizes.of(ty).opaque => {
                    self.table.nodes[node as usize] = Node::Bytes(self.writer.sizes.of(ty).least);
                }
                Work::Skipped(ty) => {
                    let (form, levels) = self.writer.form(ty);
                    let inside = self.entered(node, levels);
                    self.skip(inside, form)?;
                }
                Work::SkippedVariant(shape) => {
                    let (form, levels) = self.writer.form_of_variant(shape, UnknownFields::Ignored);
                    let inside = self.entered(node, levels);
                    self.skip(inside, form)?;
                }
            }
        }
        self.spend(0)
    }

    fn spend(&mut self, steps: usize) -> Result<(), TooLarge> {
        self.owe(steps);
        if self.owes_too_much() { Err(TooLarge) } else { Ok(()) }
    }

    /// Counts steps of what cannot fail itself: what is done next does, or the end.
    fn owe(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(steps);
    }

    fn owes_too_much(&self) -> bool {
        self.steps > MAX_STEPS
    }

    /// A newtype on one side only.
    fn newtypes(&mut self, node: u32, writer: &'a Type, reader: &'a Type) {
        let is_newtype = |ty: &Type, side: &Side<'_>| match ty {
            Type::Named(index) => {
                matches!(side.types.get(*index).map(|it| &it.shape), Some(Shape::Newtype(_)))
            }
            _ => false,
        };
        if is_newtype(writer, &self.writer) != is_newtype(reader, &self.reader) {
            let (from, to) = (say(writer, self.writer.types), say(reader, self.reader.types));
            self.remarks.add(node, None, Remark::Newtype { from, to });
        }
    }

    fn forms(
        &mut self,
        node: u32,
        (written, writer): (Form<'a>, &'a Type),
        (read, reader): (Form<'a>, &'a Type),
    ) -> Result<(), TooLarge> {
        if let Some(made) = self.pair(node, written, read)? {
            self.table.nodes[node as usize] = made;
            return Ok(());
        }
        // Not in options of options, which might go on without end.
        if let Form::Option(inner) = read
            && !matches!(written, Form::Unit | Form::Option(_))
            && !matches!(self.reader.form(inner).0, Form::Option(_))
        {
            let inside = self.types(writer, inner);
            self.table.nodes[node as usize] = Node::Some(inside);
            self.remarks.edge(node, Step::Present, inside);
            self.remarks.add(node, None, Remark::Optional);
            return Ok(());
        }
        let both = (say(writer, self.writer.types), say(reader, self.reader.types));
        self.remarks.conflict(node, None, Why::Type, both);
        Ok(())
    }

    fn shapes(
        &mut self,
        node: u32,
        (written, writer): (Form<'a>, &'a Shape),
        (read, reader): (Form<'a>, &'a Shape),
    ) -> Result<(), TooLarge> {
        if let (Shape::Newtype(writer), Shape::Newtype(reader)) = (writer, reader) {
            return self.forms(node, (written, writer), (read, reader));
        }
        match self.pair(node, written, read)? {
            Some(made) => self.table.nodes[node as usize] = made,
            None => {
                let both = (consists_of(writer), consists_of(reader));
                self.remarks.conflict(node, None, Why::Type, both);
            }
        }
        Ok(())
    }

    /// What is done with one form for another, if anything can be.
    fn pair(&mut self, node: u32, writer: Form<'a>, reader: Form<'a>) -> Result<Option<Node>, TooLarge> {
        let made = match (writer, reader) {
            // Nothing comes that could not be read.
            (Form::Never, _) => Node::Never,
            (Form::Enum(Alternatives { variants: [], .. }), _) => Node::Never,
            (Form::Unit, Form::Unit) => Node::Bytes(0),
            (Form::Scalar(writer), Form::Scalar(reader)) => {
                let Some(made) = scalar(writer, reader) else { return Ok(None) };
                if writer != reader {
                    let (from, to) = (say(writer, &[]), say(reader, &[]));
                    self.remarks.add(node, None, Remark::Widened { from, to });
                }
                made
            }
            (Form::Option(writer), Form::Option(reader)) => {
                Node::Option(self.child(node, Step::Present, writer, reader))
            }
            (Form::Sequence(Type::U8), Form::Sequence(Type::U8)) => Node::Text,
            (Form::Sequence(writer), Form::Sequence(reader)) | (Form::Set(writer), Form::Set(reader)) => {
                Node::Sequence(self.child(node, Step::Element, writer, reader))
            }
            (Form::Array(writer, count), Form::Array(reader, same)) if count == same => {
                Node::Array(self.child(node, Step::Element, writer, reader), count)
            }
            (Form::Map(key, value), Form::Map(read_key, read_value)) => {
                let key = self.child(node, Step::Key, key, read_key);
                let value = self.child(node, Step::Value, value, read_value);
                let ops = self.ops(vec![Op::Keep(key), Op::Keep(value)]);
                Node::Sequence(self.push(Node::Record(ops)))
            }
            (Form::Tuple(writer), Form::Tuple(reader)) if writer.len() == reader.len() => {
                self.spend(writer.len())?;
                let pairs = writer.iter().zip(reader).enumerate();
                let ops = pairs
                    .map(|(index, (writer, reader))| {
                        Op::Keep(self.child(node, Step::Position(index), writer, reader))
                    })
                    .collect();
                Node::Record(self.ops(ops))
            }
            (Form::Struct(writer, ignores), Form::Struct(reader, unknown)) => {
                self.lenience_of_structures(node, ignores, unknown);
                return self.structure(node, writer, reader, unknown).map(Some);
            }
            (Form::Enum(writer), Form::Enum(reader)) => {
                return self.enumeration(node, writer, reader).map(Some);
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }

    fn named(&self, writer: &'a str, reader: &'a str) -> &'a str {
        match self.names_of {
            Names::Writers => writer,
            Names::Readers => reader,
        }
    }

    fn child(&mut self, node: u32, step: Step<'a>, writer: &'a Type, reader: &'a Type) -> u32 {
        let inside = self.types(writer, reader);
        self.remarks.edge(node, step, inside);
        inside
    }

    fn types(&mut self, writer: &'a Type, reader: &'a Type) -> u32 {
        self.node(Key::Types(Id::of(writer), Id::of(reader)), Work::Types(writer, reader))
    }

    fn variants(&mut self, writer: (&'a Shape, UnknownFields), reader: (&'a Shape, UnknownFields)) -> u32 {
        let key = Key::Variants(std::ptr::from_ref(writer.0).addr(), std::ptr::from_ref(reader.0).addr());
        self.node(key, Work::Variants(writer, reader))
    }

    fn skipped(&mut self, ty: &'a Type) -> u32 {
        self.node(Key::Skipped(Id::of(ty)), Work::Skipped(ty))
    }

    fn skipped_variant(&mut self, shape: &'a Shape) -> u32 {
        let key = Key::SkippedVariant(std::ptr::from_ref(shape).addr());
        self.node(key, Work::SkippedVariant(shape))
    }

    fn node(&mut self, key: Key, work: Work<'a>) -> u32 {
        if let Some(&node) = self.known.get(&key) {
            return node;
        }
        let node = self.push(Node::Never);
        self.known.insert(key, node);
        self.work.push((node, work));
        node
    }

    /// The node that stands for what `node` is, once it was entered by so many levels.
    fn entered(&mut self, node: u32, levels: u32) -> u32 {
        if levels == 0 {
            return node;
        }
        let inside = self.push(Node::Never);
        self.table.entries += 1;
        self.table.nodes[node as usize] = Node::Enter { inside, levels };
        self.remarks.continues(node, inside);
        inside
    }

    fn push(&mut self, node: Node) -> u32 {
        self.table.nodes.push(node);
        self.table.nodes.len() as u32 - 1
    }

    fn ops(&mut self, ops: Vec<Op>) -> (u32, u32) {
        let start = self.table.ops.len() as u32;
        self.table.ops.extend(ops);
        (start, self.table.ops.len() as u32)
    }
}

/// Can an argument be left out for its type alone, as a field can?
fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}
