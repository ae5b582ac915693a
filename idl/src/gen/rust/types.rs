//! Types as Rust writes them. Never writes what a named type consists of.

use super::Code;
use super::keys::Need;
use crate::model::Type;

/// How many elements Rust's tuples have, where they can be compared and shown.
const MAX_TUPLE: usize = 12;
/// How many elements arrays have that serde knows.
const MAX_ARRAY: u64 = 32;

/// Where a type stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    /// For people.
    pub(super) place: &'a str,
    /// The definition that has it without a heap between.
    pub(super) inside: Option<usize>,
    /// Whether it is part of a key, whose own maps and sets are ordered ones.
    pub(super) in_key: bool,
}

impl<'a> At<'a> {
    /// In a signature.
    pub(super) fn signature(place: &'a str) -> Self {
        Self { place, inside: None, in_key: false }
    }

    fn on_heap(self) -> Self {
        Self { inside: None, ..self }
    }

    fn key(self) -> Self {
        Self { in_key: true, ..self.on_heap() }
    }
}

impl Code<'_> {
    /// Where in a definition a type stands.
    pub(super) fn at<'p>(&self, index: usize, place: &'p str) -> At<'p> {
        At { place, inside: Some(index), in_key: self.keys.need(index) != Need::Nothing }
    }

    pub(super) fn ty(&self, ty: &Type, at: At<'_>) -> String {
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::U8 => "u8".to_owned(),
            Type::U16 => "u16".to_owned(),
            Type::U32 => "u32".to_owned(),
            Type::U64 => "u64".to_owned(),
            Type::U128 => "u128".to_owned(),
            Type::I8 => "i8".to_owned(),
            Type::I16 => "i16".to_owned(),
            Type::I32 => "i32".to_owned(),
            Type::I64 => "i64".to_owned(),
            Type::I128 => "i128".to_owned(),
            Type::F32 => "f32".to_owned(),
            Type::F64 => "f64".to_owned(),
            Type::Char => "char".to_owned(),
            Type::String => self.paths.std("::std::string::String"),
            Type::Unit => "()".to_owned(),
            Type::Option(inner) => {
                format!("{}<{}>", self.paths.std("::std::option::Option"), self.ty(inner, at))
            }
            Type::Sequence(element) => {
                format!("{}<{}>", self.paths.std("::std::vec::Vec"), self.ty(element, at.on_heap()))
            }
            Type::Set(element) => {
                let path = if at.in_key { "BTreeSet" } else { "HashSet" };
                let path = self.paths.std(&format!("::std::collections::{path}"));
                format!("{path}<{}>", self.ty(element, at.key()))
            }
            Type::Map(key, value) => {
                let path = if at.in_key { "BTreeMap" } else { "HashMap" };
                let path = self.paths.std(&format!("::std::collections::{path}"));
                format!("{path}<{}, {}>", self.ty(key, at.key()), self.ty(value, at.on_heap()))
            }
            Type::Array(element, length) => {
                if *length > MAX_ARRAY {
                    self.problems.refuse(
                        at.place,
                        format!("serde knows arrays of at most {MAX_ARRAY} elements, and this has {length}"),
                        "let it be a sequence, or several arrays",
                    );
                }
                format!("[{}; {length}]", self.ty(element, at))
            }
            Type::Tuple(elements) => self.tuple(elements, at),
            Type::Named(index) => self.named(*index, at),
            Type::Client(service) => self.names.client(service).to_owned(),
        }
    }

    fn tuple(&self, elements: &[Type], at: At<'_>) -> String {
        if elements.is_empty() || elements.len() > MAX_TUPLE {
            self.problems.refuse(
                at.place,
                format!("Rust's tuples have 1 to {MAX_TUPLE} elements, and this has {}", elements.len()),
                "let it be a struct",
            );
        }
        match elements {
            [only] => format!("({},)", self.ty(only, at)),
            elements => {
                let elements = elements.iter().map(|ty| self.ty(ty, at));
                format!("({})", elements.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn named(&self, index: usize, at: At<'_>) -> String {
        let name = match self.standard[index] {
            None => self.names.types[index].spelled.clone(),
            Some(path) => {
                let arguments = &self.program.definitions[index].arguments;
                let arguments: Vec<_> = arguments.iter().map(|ty| self.ty(ty, at)).collect();
                let path = self.paths.std(path);
                if arguments.is_empty() { path } else { format!("{path}<{}>", arguments.join(", ")) }
            }
        };
        let contains_itself = at.inside.is_some_and(|outer| self.cycles.has(outer, index));
        match contains_itself && self.standard[index].is_none() {
            true => format!("{}<{name}>", self.paths.std("::std::boxed::Box")),
            false => name,
        }
    }
}
