//! Two versions of types into one table: what becomes of each value, and what cannot. Works through pairs of types
//! with a list of its own, since one side may be a peer's. Never sees bytes.

use std::collections::HashMap;

use super::form::{Alternatives, Form, Side};
use super::plan::{Choice, NO_STRUCTURE, Node, Op, Table, Widened};
use super::remark::{Remark, Remarks};
use super::{MAX_STEPS, TooLarge};
use crate::difference::place::{Step, short};
use crate::difference::{consists_of, say};
use crate::model::{Argument, Field, Missing, Shape, Type, UnknownFields, Variant};

/// What is still to be worked out, under the number that its node has already.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// Two types, the writer's and the reader's, by their addresses.
    Types(usize, usize),
    /// What two variants carry.
    Variants(usize, usize),
    /// A type of the writer's that is passed over.
    Skipped(usize),
    SkippedVariant(usize),
}

#[derive(Clone, Copy)]
enum Work<'a> {
    Types(&'a Type, &'a Type),
    Variants((&'a Shape, UnknownFields), (&'a Shape, UnknownFields)),
    Skipped(&'a Type),
    SkippedVariant(&'a Shape),
}

/// Works out how a reader's side understands a writer's.
pub(super) struct Builder<'a> {
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
}

impl<'a> Builder<'a> {
    pub(super) fn new(writer: Side<'a>, reader: Side<'a>) -> Self {
        Self {
            writer,
            reader,
            table: Table::default(),
            remarks: Remarks::default(),
            structures: Vec::new(),
            names: HashMap::new(),
            known: HashMap::new(),
            work: Vec::new(),
            steps: 0,
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
        for index in 0..writer.len().max(reader.len()) {
            let op = match (writer.get(index), reader.get(index)) {
                (Some(sent), Some(read)) => {
                    let inside = self.types(&sent.ty, &read.ty);
                    self.remarks.edge(node, Step::Name(&read.name), inside);
                    Op::Keep(inside)
                }
                (None, Some(read)) if read.default => {
                    self.remarks.add(node, Some(Step::Name(&read.name)), Remark::ArgumentAdded(read));
                    Op::DefaultArgument(index as u32)
                }
                (Some(sent), None) if sent.default => {
                    self.remarks.add(node, Some(Step::Name(&sent.name)), Remark::ArgumentIgnored(sent));
                    Op::Skip(self.skipped(&sent.ty))
                }
                (sent, read) => {
                    let name = sent.or(read).map_or("", |argument| argument.name.as_str());
                    let what = |argument: Option<&&Argument>, types| {
                        argument.map_or("missing".to_owned(), |argument| say(&argument.ty, types))
                    };
                    let (writer, reader) = (what(sent, self.writer.types), what(read, self.reader.types));
                    self.remarks.conflict(node, Some(Step::Name(name)), writer, reader);
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
                    let label = self.reader.name(reader).or(self.writer.name(writer));
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
                        self.remarks.conflict(node, None, consists_of(writer.0), consists_of(reader.0));
                        continue;
                    }
                    let inside = self.entered(node, above.max(depth));
                    self.shapes(inside, (written, writer.0), (read, reader.0))?;
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
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Result<(), TooLarge> {
        self.steps += steps;
        if self.steps > MAX_STEPS { Err(TooLarge) } else { Ok(()) }
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
        let (writer, reader) = (say(writer, self.writer.types), say(reader, self.reader.types));
        self.remarks.conflict(node, None, writer, reader);
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
            None => self.remarks.conflict(node, None, consists_of(writer), consists_of(reader)),
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
            (Form::Struct(writer, _), Form::Struct(reader, unknown)) => {
                return self.structure(node, writer, reader, unknown).map(Some);
            }
            (Form::Enum(writer), Form::Enum(reader)) => {
                return self.enumeration(node, writer, reader).map(Some);
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }

    fn structure(
        &mut self,
        node: u32,
        writer: &'a [Field],
        reader: &'a [Field],
        unknown: UnknownFields,
    ) -> Result<Node, TooLarge> {
        self.spend(writer.len() + reader.len())?;
        let structure = self.structures.len() as u32;
        self.structures.push(reader);
        let found = named(reader.iter().map(|field| (field.name.as_str(), &field.aliases)));
        let mut sources: Vec<Option<(usize, &'a Field, u32)>> = vec![None; reader.len()];
        let (mut ops, mut kept) = (Vec::new(), 0);
        for sent in writer {
            let step = Step::Name(&sent.name);
            let Some(&target) = found.get(sent.name.as_str()) else {
                if unknown == UnknownFields::Refused {
                    let writer = say(&sent.ty, self.writer.types);
                    let reader = "unknown, and unknown fields are refused".to_owned();
                    self.remarks.conflict(node, Some(step), writer, reader);
                }
                self.remarks.add(node, Some(step), Remark::FieldIgnored(sent));
                ops.push(Op::Skip(self.skipped(&sent.ty)));
                continue;
            };
            let read = &reader[target];
            if let Some((_, other, _)) = sources[target] {
                let writer =
                    format!("both `{}` and `{}`", short(other.name.clone()), short(sent.name.clone()));
                self.remarks.conflict(node, Some(Step::Name(&read.name)), writer, "one field".to_owned());
                continue;
            }
            if read.name != sent.name {
                self.remarks.add(node, Some(Step::Name(&read.name)), Remark::Renamed(&sent.name, &read.name));
            }
            let inside = self.child(node, Step::Name(&read.name), &sent.ty, &read.ty);
            sources[target] = Some((kept, sent, inside));
            kept += 1;
            ops.push(Op::Field(inside, structure));
        }
        let order: Vec<usize> = sources.iter().flatten().map(|(place, ..)| *place).collect();
        let mut layout = Vec::new();
        for (read, source) in reader.iter().zip(&sources) {
            layout.push(match source {
                Some((place, ..)) => Op::Place(*place as u32, structure),
                None => match self.missing(node, read) {
                    Some(op) => op,
                    None => continue,
                },
            });
        }
        if order.is_sorted() {
            let ops = in_order(&ops, &layout);
            return Ok(Node::Record(self.ops(ops)));
        }
        self.remarks.add(node, None, Remark::Reordered);
        Ok(Node::Scatter { ops: self.ops(ops), layout: self.ops(layout) })
    }

    /// What is read where the writer has no such field.
    fn missing(&mut self, node: u32, read: &'a Field) -> Option<Op> {
        let op = match read.missing {
            Missing::None if matches!(self.reader.form(&read.ty).0, Form::Option(_)) => Op::None,
            Missing::Default => {
                let next = self.names.len() as u32;
                Op::Default(*self.names.entry(&read.name).or_insert(next))
            }
            Missing::Refused | Missing::None => {
                let reader = format!("{} without a default", say(&read.ty, self.reader.types));
                self.remarks.conflict(node, Some(Step::Name(&read.name)), "missing".to_owned(), reader);
                return None;
            }
        };
        self.remarks.add(node, Some(Step::Name(&read.name)), Remark::FieldAdded(read));
        Some(op)
    }

    fn enumeration(
        &mut self,
        node: u32,
        writer: Alternatives<'a>,
        reader: Alternatives<'a>,
    ) -> Result<Node, TooLarge> {
        self.spend(writer.variants.len() + reader.variants.len())?;
        let found = named(reader.variants.iter().map(|variant| (variant.name.as_str(), &variant.aliases)));
        let other = reader.variants.iter().position(|variant| variant.other);
        let mut choices = Vec::new();
        for (index, sent) in writer.variants.iter().enumerate() {
            let step = Step::Variant(&sent.name);
            choices.push(match (found.get(sent.name.as_str()), other) {
                (Some(&target), _) => {
                    let read: &'a Variant = &reader.variants[target];
                    if read.name != sent.name {
                        let renamed = Remark::Renamed(&sent.name, &read.name);
                        self.remarks.add(node, Some(Step::Variant(&read.name)), renamed);
                    } else if index != target {
                        self.remarks.add(node, Some(step), Remark::Moved);
                    }
                    let written = (&sent.shape, writer.unknown_fields);
                    let inside = self.variants(written, (&read.shape, reader.unknown_fields));
                    self.remarks.edge(node, Step::Variant(&read.name), inside);
                    Choice::Known { tag: target as u32, inside }
                }
                (None, Some(other)) => {
                    self.remarks.add(node, Some(step), Remark::OtherVariant(sent));
                    Choice::Other { tag: other as u32, inside: self.skipped_variant(&sent.shape) }
                }
                (None, None) => {
                    self.remarks.add(node, Some(step), Remark::UnknownVariant(sent));
                    let name = if reader.name.is_empty() { writer.name } else { reader.name };
                    Choice::Unknown(format!("{}::{}", brief(name), brief(&sent.name)).into())
                }
            });
        }
        let start = self.table.choices.len() as u32;
        self.table.choices.extend(choices);
        Ok(Node::Enum((start, self.table.choices.len() as u32)))
    }

    /// What is passed over has the same parts as what is kept, and leads nowhere.
    fn skip(&mut self, node: u32, form: Form<'a>) -> Result<(), TooLarge> {
        let made = match form {
            Form::Never => Node::Never,
            Form::Unit => Node::Bytes(0),
            Form::Scalar(ty) => scalar(ty, ty).unwrap_or(Node::Never),
            Form::Option(inner) => Node::Option(self.skipped(inner)),
            Form::Sequence(Type::U8) => Node::Text,
            Form::Sequence(element) | Form::Set(element) => Node::Sequence(self.skipped(element)),
            Form::Array(element, count) => Node::Array(self.skipped(element), count),
            Form::Map(key, value) => {
                let ops = vec![Op::Keep(self.skipped(key)), Op::Keep(self.skipped(value))];
                let ops = self.ops(ops);
                Node::Sequence(self.push(Node::Record(ops)))
            }
            Form::Tuple(types) => {
                self.spend(types.len())?;
                let ops = types.iter().map(|ty| Op::Keep(self.skipped(ty))).collect();
                Node::Record(self.ops(ops))
            }
            Form::Struct(fields, _) => {
                self.spend(fields.len())?;
                let ops = fields.iter().map(|field| Op::Keep(self.skipped(&field.ty))).collect();
                Node::Record(self.ops(ops))
            }
            Form::Enum(Alternatives { variants, .. }) => {
                self.spend(variants.len())?;
                let choices: Vec<_> = variants
                    .iter()
                    .zip(0..)
                    .map(|(variant, tag)| Choice::Known { tag, inside: self.skipped_variant(&variant.shape) })
                    .collect();
                let start = self.table.choices.len() as u32;
                self.table.choices.extend(choices);
                Node::Enum((start, self.table.choices.len() as u32))
            }
        };
        self.table.nodes[node as usize] = made;
        Ok(())
    }

    fn child(&mut self, node: u32, step: Step<'a>, writer: &'a Type, reader: &'a Type) -> u32 {
        let inside = self.types(writer, reader);
        self.remarks.edge(node, step, inside);
        inside
    }

    fn types(&mut self, writer: &'a Type, reader: &'a Type) -> u32 {
        let key = Key::Types(std::ptr::from_ref(writer).addr(), std::ptr::from_ref(reader).addr());
        self.node(key, Work::Types(writer, reader))
    }

    fn variants(&mut self, writer: (&'a Shape, UnknownFields), reader: (&'a Shape, UnknownFields)) -> u32 {
        let key = Key::Variants(std::ptr::from_ref(writer.0).addr(), std::ptr::from_ref(reader.0).addr());
        self.node(key, Work::Variants(writer, reader))
    }

    fn skipped(&mut self, ty: &'a Type) -> u32 {
        self.node(Key::Skipped(std::ptr::from_ref(ty).addr()), Work::Skipped(ty))
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
        let slot = self.table.slots;
        self.table.slots += 1;
        self.table.nodes[node as usize] = Node::Enter { inside, levels, slot };
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

/// What each name stands for: the first that has it, as serde looks for it.
fn named<'a>(all: impl Iterator<Item = (&'a str, &'a Vec<String>)>) -> HashMap<&'a str, usize> {
    let mut found = HashMap::new();
    for (index, (name, aliases)) in all.enumerate() {
        for name in std::iter::once(name).chain(aliases.iter().map(String::as_str)) {
            found.entry(name).or_insert(index);
        }
    }
    found
}

/// The writer's steps with the reader's own between them, where both have what they share in the same order.
fn in_order(ops: &[Op], layout: &[Op]) -> Vec<Op> {
    let mut merged = Vec::new();
    let mut layout = layout.iter();
    for op in ops {
        if let Op::Field(..) = op {
            // What the reader has before this field.
            merged.extend(layout.by_ref().take_while(|op| !matches!(op, Op::Place(..))));
        }
        merged.push(*op);
    }
    merged.extend(layout);
    merged
}

fn scalar(writer: &Type, reader: &Type) -> Option<Node> {
    if writer == reader {
        return Some(match writer {
            Type::Bool | Type::U8 | Type::I8 => Node::Bytes(1),
            Type::F32 => Node::Bytes(4),
            Type::F64 => Node::Bytes(8),
            Type::Char | Type::String => Node::Text,
            Type::Client(_) => Node::Varint(32),
            integer => Node::Varint(bits(integer)?.1),
        });
    }
    if let (Type::F32, Type::F64) = (writer, reader) {
        return Some(Node::Float);
    }
    let ((from_signed, from), (to_signed, to)) = (bits(writer)?, bits(reader)?);
    if from >= to {
        return None;
    }
    Some(match (from_signed, to_signed, from) {
        (true, false, _) => return None,
        (true, true, 8) => Node::Widen(Widened::SignedByte),
        (false, false, 8) => Node::Widen(Widened::Byte),
        (false, true, 8) => Node::Widen(Widened::ByteToSigned),
        (false, true, _) => Node::Widen(Widened::ToSigned(from)),
        // A varint does not say of how many bits its type was.
        (true, true, _) | (false, false, _) => Node::Varint(from),
    })
}

/// Whether an integer is signed, and its bits.
fn bits(ty: &Type) -> Option<(bool, u8)> {
    Some(match ty {
        Type::U8 => (false, 8),
        Type::U16 => (false, 16),
        Type::U32 => (false, 32),
        Type::U64 => (false, 64),
        Type::U128 => (false, 128),
        Type::I8 => (true, 8),
        Type::I16 => (true, 16),
        Type::I32 => (true, 32),
        Type::I64 => (true, 64),
        Type::I128 => (true, 128),
        _ => return None,
    })
}

/// A peer's name, short enough to be kept.
fn brief(name: &str) -> String {
    short(name.chars().take(64).collect())
}
