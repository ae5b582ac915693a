//! What the definitions of a text consist of: items, with their parameters filled in, into the model's. Never decides
//! which definition a name means.

use super::resolve::{Scope, Source, Table};
use super::standard::standard;
use super::tree::{self, Item, Written};
use crate::model::{Definition, Field, Missing, Shape, Type, Variant};
use crate::print::labels::BUILT_IN;

impl Table<'_> {
    /// Enters every item, those that no method reaches too, so that the mistakes in them are found. Gives those that
    /// are no generic types, in the order of the text.
    pub(super) fn enter_all(&self) -> Vec<usize> {
        self.enter_names();
        let mut entered = Vec::new();
        for (index, item) in self.file.items.iter().enumerate() {
            let (identifier, span) = (&item.identifier.text, item.identifier.span);
            if BUILT_IN.contains(&identifier.as_str()) {
                self.problems.refuse(
                    span,
                    format!("`{identifier}` has a meaning of its own here"),
                    format!("call it otherwise, with `#[serde(rename = \"{}\")]` above it", item.name),
                );
            }
            if self.known.borrow().is_again(index) {
                self.problems.refuse(
                    span,
                    format!("`{identifier}` is defined already"),
                    "call one of them otherwise; with `#[serde(rename = \"…\")]` two types can have one name",
                );
            }
            if self.is_generic(item) {
                // Whether all other names are known shows with any arguments.
                let arguments = vec![Type::Unit; item.arguments.len()];
                self.instance(Source::Item(index, arguments), span);
            } else if let Type::Named(made) = self.instance(Source::Item(index, Vec::new()), span) {
                entered.push(made);
            }
        }
        entered
    }

    /// Has every item found by its name, and works out the arguments that items are written with.
    fn enter_names(&self) {
        let mut written = Vec::new();
        for (index, item) in self.file.items.iter().enumerate() {
            let name = &item.identifier.text;
            if self.is_generic(item) {
                self.known.borrow_mut().enter_generic(name, item.arguments.len(), index);
                continue;
            }
            if item.arguments.is_empty() {
                self.known.borrow_mut().enter_written(name, Vec::new(), index);
            }
            let types = if item.listed.is_empty() { &item.arguments } else { &item.listed };
            if let Some(depth) = types.iter().map(Written::depth).max() {
                written.push((depth, index, types));
            }
        }
        written.sort_by_key(|(depth, index, _)| (*depth, *index));
        for (_, index, types) in written {
            let item = &self.file.items[index];
            let arguments: Vec<_> = types.iter().map(|ty| self.ty(ty, &[])).collect();
            let mut known = self.known.borrow_mut();
            if !item.arguments.is_empty() {
                known.enter_written(&item.identifier.text, arguments.clone(), index);
            }
            known.set_arguments(index, arguments);
        }
    }

    /// Works out all that has been asked for, and what that asks for.
    pub(super) fn complete(&self) {
        loop {
            let next = self.made.borrow_mut().waiting.pop_front();
            let Some((source, index)) = next else { return };
            let definition = match &source {
                Source::Standard(name, arguments) => standard(name, arguments),
                Source::Item(item, arguments) => Some(self.definition(*item, arguments)),
            };
            if let Some(definition) = definition {
                self.made.borrow_mut().definitions[index] = definition;
            }
        }
    }

    fn definition(&self, index: usize, arguments: &[Type]) -> Definition {
        let item: &Item = &self.file.items[index];
        let parameters = item.arguments.iter().filter_map(|ty| ty.as_identifier());
        let scope: Vec<_> = match self.is_generic(item) {
            true => parameters.zip(arguments).collect(),
            false => Vec::new(),
        };
        Definition {
            name: item.name.clone(),
            arguments: match self.is_generic(item) {
                true => arguments.to_vec(),
                false => self.known.borrow().arguments(index).to_vec(),
            },
            docs: item.docs.clone(),
            shape: self.shape(&item.shape, &scope),
            unknown_fields: item.unknown_fields,
        }
    }

    fn shape(&self, shape: &tree::Shape, scope: Scope<'_>) -> Shape {
        match shape {
            tree::Shape::Unit => Shape::Unit,
            tree::Shape::Newtype(ty) => Shape::Newtype(self.ty(ty, scope)),
            tree::Shape::Tuple(types) => Shape::Tuple(types.iter().map(|ty| self.ty(ty, scope)).collect()),
            tree::Shape::Struct(fields) => {
                Shape::Struct(fields.iter().map(|field| self.field(field, scope)).collect())
            }
            tree::Shape::Enum(variants) => {
                let variant = |variant: &tree::Variant| Variant {
                    name: variant.name.text.clone(),
                    docs: variant.docs.clone(),
                    shape: self.shape(&variant.shape, scope),
                    other: variant.other,
                    aliases: variant.aliases.clone(),
                };
                Shape::Enum(variants.iter().map(variant).collect())
            }
        }
    }

    fn field(&self, field: &tree::Field, scope: Scope<'_>) -> Field {
        let ty = self.ty(&field.ty, scope);
        // serde takes a missing option for `None`, whatever the text says.
        let unsaid = if matches!(ty, Type::Option(_)) { Missing::None } else { Missing::Refused };
        Field {
            name: field.name.text.clone(),
            docs: field.docs.clone(),
            missing: field.missing.unwrap_or(unsaid),
            aliases: field.aliases.clone(),
            ty,
        }
    }
}
