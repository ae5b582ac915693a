//! Structs and enums as Rust writes them. Never writes a trait.

use std::fmt::Write as _;

use super::Code;
use super::defaults::Default;
use super::keys::Need;
use super::names::{fields, variants};
use super::types::At;
use crate::identifier::Identifier;
use crate::model::{Definition, Field, Missing, Shape, Type, UnknownFields, Variant};
use crate::print::literal::{is_hidden, literal};

/// Writing to a text does not fail.
macro_rules! put {
    ($out:expr, $($argument:tt)*) => {{
        let _ = write!($out, $($argument)*);
    }};
}
pub(super) use put;

impl Code<'_> {
    /// The definition at this index, unless it is a type of the standard library.
    pub(super) fn definition(&self, index: usize, out: &mut String) {
        if self.standard[index].is_some() {
            return;
        }
        let definition = &self.program.definitions[index];
        let identifier = &self.names.types[index];
        docs(&definition.docs, out);
        out.push_str(self.paths.allowed());
        put!(out, "#[{}{}]\n", self.paths.ours("ipc_type"), in_parentheses(self.paths.crate_key()));
        let derived = self.derived(index);
        if !derived.is_empty() {
            put!(out, "#[derive({})]\n", derived.join(", "));
        }
        let mut keys = Vec::new();
        if !identifier.is_name {
            keys.push(format!("rename = {}", literal(&definition.name)));
        }
        if definition.unknown_fields == UnknownFields::Refused {
            keys.push("deny_unknown_fields".to_owned());
        }
        serde(keys, out);
        let at = self.at(index, &definition.name);
        match &definition.shape {
            Shape::Enum(variants) => self.enumeration(index, identifier, variants, out),
            shape => {
                put!(out, "pub struct {}", identifier.spelled);
                self.shape(shape, at, "pub ", out);
                out.push_str(if matches!(shape, Shape::Struct(_)) { "\n" } else { ";\n" });
            }
        }
        self.carrying_default(index, definition, out);
    }

    /// What is derived beside that which `ipc_type` derives.
    fn derived(&self, index: usize) -> Vec<String> {
        let mut derived = Vec::new();
        match self.keys.need(index) {
            Need::Nothing => {}
            Need::Hash => derived.extend(["::std::cmp::Eq", "::std::hash::Hash"]),
            Need::Order => derived.extend([
                "::std::cmp::Eq",
                "::std::hash::Hash",
                "::std::cmp::PartialOrd",
                "::std::cmp::Ord",
            ]),
        }
        if matches!(self.defaults.of(index), Default::OfFields | Default::Unit(_)) {
            derived.push("::std::default::Default");
        }
        derived.into_iter().map(|path| self.paths.std(path)).collect()
    }

    fn enumeration(&self, index: usize, identifier: &Identifier, all: &[Variant], out: &mut String) {
        let name = &self.program.definitions[index].name;
        put!(out, "pub enum {} {{\n", identifier.spelled);
        let identifiers = variants(all.iter().map(|variant| variant.name.as_str()));
        for (number, (variant, identifier)) in all.iter().zip(&identifiers).enumerate() {
            let place = format!("{name}.{}", variant.name);
            docs(&variant.docs, out);
            let mut keys = renamed(identifier, &variant.name);
            keys.extend(aliases(&variant.aliases));
            if variant.other {
                if number + 1 < all.len() || variant.shape != Shape::Unit {
                    self.problems.refuse(
                        &place,
                        "the variant that stands for unknown ones is the last one, and carries nothing, in Rust",
                        "move it to the end and let it carry nothing, or remove `other`",
                    );
                }
                keys.push("other".to_owned());
            }
            serde(keys, out);
            if self.defaults.of(index) == Default::Unit(number) {
                out.push_str("#[default]\n");
            }
            out.push_str(&identifier.spelled);
            self.shape(&variant.shape, At { place: &place, ..self.at(index, &place) }, "", out);
            out.push_str(",\n");
        }
        out.push_str("}\n");
    }

    fn shape(&self, shape: &Shape, at: At<'_>, visibility: &str, out: &mut String) {
        match shape {
            // Enums in variants were refused.
            Shape::Unit | Shape::Enum(_) => {}
            Shape::Newtype(ty) => put!(out, "({visibility}{})", self.ty(ty, at)),
            Shape::Tuple(types) => {
                let mut types: Vec<_> =
                    types.iter().map(|ty| format!("{visibility}{}", self.ty(ty, at))).collect();
                if types.len() == 1 {
                    // With a second value that stays here it is a tuple of one, and no newtype.
                    types.push(format!("#[serde(skip)] {visibility}()"));
                }
                put!(out, "({})", types.join(", "));
            }
            Shape::Struct(all) => {
                out.push_str(" {\n");
                let identifiers = fields(all.iter().map(|field| field.name.as_str()));
                for (field, identifier) in all.iter().zip(&identifiers) {
                    let place = format!("{}.{}", at.place, field.name);
                    self.field(field, identifier, At { place: &place, ..at }, visibility, out);
                }
                out.push('}');
            }
        }
    }

    fn field(&self, field: &Field, identifier: &Identifier, at: At<'_>, visibility: &str, out: &mut String) {
        docs(&field.docs, out);
        let mut keys = renamed(identifier, &field.name);
        keys.extend(aliases(&field.aliases));
        if field.missing == Missing::Default {
            keys.push("default".to_owned());
        }
        serde(keys, out);
        put!(out, "{visibility}{}: {},\n", identifier.spelled, self.ty(&field.ty, at));
    }

    /// The default of an enum that carries something.
    fn carrying_default(&self, index: usize, definition: &Definition, out: &mut String) {
        let (Default::Carrying(number), Shape::Enum(all)) = (self.defaults.of(index), &definition.shape)
        else {
            return;
        };
        let identifiers = variants(all.iter().map(|variant| variant.name.as_str()));
        let path = self.paths.std("::std::default::Default");
        let value = format!("{path}::default()");
        let values = |types: &[Type]| vec![value.as_str(); types.len()].join(", ");
        let carried = match &all[number].shape {
            Shape::Unit | Shape::Enum(_) => String::new(),
            Shape::Newtype(_) => format!("({value})"),
            Shape::Tuple(types) if types.len() == 1 => format!("({value}, ())"),
            Shape::Tuple(types) => format!("({})", values(types)),
            Shape::Struct(carried) => {
                let names = fields(carried.iter().map(|field| field.name.as_str()));
                let set: Vec<_> = names.iter().map(|name| format!("{}: {value}", name.spelled)).collect();
                format!(" {{ {} }}", set.join(", "))
            }
        };
        put!(
            out,
            "impl {path} for {} {{ fn default() -> Self {{ Self::{}{carried} }} }}\n",
            self.names.types[index].spelled,
            identifiers[number].spelled
        );
    }
}

/// `(key)`, or nothing.
pub(super) fn in_parentheses(key: Option<String>) -> String {
    key.map(|key| format!("({key})")).unwrap_or_default()
}

/// Docs as a comment. What no reader sees is replaced: it could turn the direction of what follows.
pub(super) fn docs(docs: &str, out: &mut String) {
    if docs.is_empty() {
        return;
    }
    for line in docs.trim_matches('\n').split('\n') {
        let visible = |c: char| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
        let line: String = line.trim_end().chars().map(visible).collect();
        put!(out, "///{}{line}\n", if line.is_empty() { "" } else { " " });
    }
}

fn renamed(identifier: &Identifier, name: &str) -> Vec<String> {
    match identifier.is_name {
        true => Vec::new(),
        false => vec![format!("rename = {}", literal(name))],
    }
}

fn aliases(aliases: &[String]) -> impl Iterator<Item = String> {
    aliases.iter().map(|alias| format!("alias = {}", literal(alias)))
}

fn serde(keys: Vec<String>, out: &mut String) {
    if !keys.is_empty() {
        put!(out, "#[serde({})]\n", keys.join(", "));
    }
}
