//! Fields and variants of two versions, found by their names. Never looks at what is in them.

use std::collections::HashMap;

use super::super::TooLarge;
use super::super::conflict::say;
use super::super::form::{Alternatives, Form};
use super::super::place::{Step, short};
use super::super::plan::{Choice, Node, Op};
use super::super::remark::{Remark, Why};
use super::Builder;
use crate::model::{Field, Missing, UnknownFields, Variant};

impl<'a> Builder<'a> {
    pub(super) fn structure(
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
                    self.remarks.conflict(node, Some(step), Why::FieldRefused, (writer, reader));
                }
                self.remarks.add(node, Some(step), Remark::FieldIgnored);
                ops.extend(self.skipped_op(&sent.ty, Op::Skip));
                continue;
            };
            let read = &reader[target];
            if let Some((_, other, _)) = sources[target] {
                let writer =
                    format!("both `{}` and `{}`", short(other.name.clone()), short(sent.name.clone()));
                let both = (writer, "one field".to_owned());
                self.remarks.conflict(node, Some(Step::Name(&read.name)), Why::FieldTwice, both);
                continue;
            }
            let step = Step::Name(self.named(&sent.name, &read.name));
            if read.name != sent.name {
                self.remarks.add(node, Some(step), Remark::Renamed(&sent.name, &read.name));
            }
            self.lenience_of_fields(node, step, sent, read);
            let inside = self.child(node, step, &sent.ty, &read.ty);
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
                let both = ("missing".to_owned(), reader);
                self.remarks.conflict(node, Some(Step::Name(&read.name)), Why::FieldRequired, both);
                return None;
            }
        };
        self.remarks.add(node, Some(Step::Name(&read.name)), Remark::FieldMissing);
        Some(op)
    }

    pub(super) fn enumeration(
        &mut self,
        node: u32,
        writer: Alternatives<'a>,
        reader: Alternatives<'a>,
    ) -> Result<Node, TooLarge> {
        self.spend(writer.variants.len() + reader.variants.len())?;
        let found = named(reader.variants.iter().map(|variant| (variant.name.as_str(), &variant.aliases)));
        let other = reader.variants.iter().position(|variant| variant.other);
        let targets = writer.variants.iter().filter_map(|sent| found.get(sent.name.as_str()));
        let in_order = targets.is_sorted();
        let mut choices = Vec::new();
        for (index, sent) in writer.variants.iter().enumerate() {
            let step = Step::Variant(&sent.name);
            choices.push(match (found.get(sent.name.as_str()), other) {
                (Some(&target), _) => {
                    let read: &'a Variant = &reader.variants[target];
                    let step = Step::Variant(self.named(&sent.name, &read.name));
                    if read.name != sent.name {
                        self.remarks.add(node, Some(step), Remark::Renamed(&sent.name, &read.name));
                    } else if index != target && !in_order {
                        self.remarks.add(node, Some(step), Remark::Moved);
                    }
                    self.lenience_of_variants(node, step, sent, read);
                    let written = (&sent.shape, writer.unknown_fields);
                    let inside = self.variants(written, (&read.shape, reader.unknown_fields));
                    self.remarks.edge(node, step, inside);
                    Choice::Known { tag: target as u32, inside }
                }
                (None, Some(other)) => {
                    self.remarks.add(node, Some(step), Remark::OtherVariant);
                    Choice::Other { tag: other as u32, inside: self.skipped_variant(&sent.shape) }
                }
                (None, None) => {
                    self.remarks.add(node, Some(step), Remark::UnknownVariant);
                    let name = if reader.name.is_empty() { writer.name } else { reader.name };
                    let name = format!("{}::{}", brief(name), brief(&sent.name));
                    let left = self.names_left.checked_sub(name.len());
                    self.names_left = left.unwrap_or(0);
                    Choice::Unknown(left.map(|_| name).unwrap_or_default().into())
                }
            });
        }
        let start = self.table.choices.len() as u32;
        self.table.choices.extend(choices);
        Ok(Node::Enum((start, self.table.choices.len() as u32)))
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

/// A peer's name, short enough to be kept.
fn brief(name: &str) -> String {
    short(name.chars().take(64).collect())
}
