//! Which types are keys of maps or elements of sets, and what they must be able to do. Never says how that is derived.

use super::super::problem::Problems;
use super::super::program::Program;
use crate::model::{Shape, Type};

/// What keys have to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Nothing,
    /// Keys of hash maps.
    Hash,
    /// Keys of maps that lie in keys themselves: those are ordered, since hash maps have no hash.
    Order,
}

/// What each definition has to be able to do.
#[derive(Debug)]
pub(super) struct Keys {
    needs: Vec<Need>,
}

/// Standard types without an order.
const UNORDERED: &[&str] = &["Range", "RangeInclusive", "RangeFrom", "RangeTo", "Bound"];

impl Keys {
    pub(super) fn new(program: &Program, standard: &[Option<&'static str>], problems: &Problems) -> Self {
        let needs = vec![Need::Nothing; program.definitions.len()];
        let mut search =
            Search { program, standard, problems, needs, waiting: Vec::new(), place: String::new() };
        for service in &program.services {
            for method in &service.methods {
                search.place = format!("{}.{}", service.name, method.name);
                let arguments = method.arguments.iter().map(|argument| &argument.ty);
                let types = arguments.chain([&method.output]).chain(&method.error);
                types.for_each(|ty| search.look_for_keys(ty));
            }
        }
        for definition in &program.definitions {
            each_type(&definition.name, &definition.shape, &mut |place, ty| {
                search.place = place.to_owned();
                search.look_for_keys(ty);
            });
        }
        while let Some((index, place)) = search.waiting.pop() {
            let need = search.needs[index];
            search.place = place;
            each_type("", &program.definitions[index].shape, &mut |_, ty| search.require(ty, need));
        }
        Self { needs: search.needs }
    }

    pub(super) fn need(&self, index: usize) -> Need {
        self.needs[index]
    }
}

struct Search<'a> {
    program: &'a Program,
    standard: &'a [Option<&'static str>],
    problems: &'a Problems,
    needs: Vec<Need>,
    /// Definitions that must do more than was known, and where that was found.
    waiting: Vec<(usize, String)>,
    /// Where the key is that is looked at.
    place: String,
}

impl Search<'_> {
    fn look_for_keys(&mut self, ty: &Type) {
        match ty {
            Type::Option(inner) | Type::Sequence(inner) | Type::Array(inner, _) => self.look_for_keys(inner),
            Type::Tuple(elements) => elements.iter().for_each(|ty| self.look_for_keys(ty)),
            Type::Set(element) => self.require(element, Need::Hash),
            Type::Map(key, value) => {
                self.require(key, Need::Hash);
                self.look_for_keys(value);
            }
            _ => {}
        }
    }

    fn require(&mut self, ty: &Type, need: Need) {
        match ty {
            Type::F32 | Type::F64 => self.refuse("a float"),
            Type::Client(_) => self.refuse("a client"),
            Type::Option(inner) | Type::Sequence(inner) | Type::Array(inner, _) => self.require(inner, need),
            Type::Tuple(elements) => elements.iter().for_each(|ty| self.require(ty, need)),
            Type::Set(element) => self.require(element, Need::Order),
            Type::Map(key, value) => {
                self.require(key, Need::Order);
                self.require(value, need);
            }
            Type::Named(index) => {
                let name = self.program.definitions[*index].name.as_str();
                if need == Need::Order && self.standard[*index].is_some() && UNORDERED.contains(&name) {
                    self.refuse("a range or bound, as a key inside a key,");
                }
                if self.needs[*index] < need {
                    self.needs[*index] = need;
                    self.waiting.push((*index, self.place.clone()));
                }
            }
            _ => {}
        }
    }

    fn refuse(&self, what: &str) {
        self.problems.refuse(
            &self.place,
            format!("{what} cannot be, or be part of, a key of a map or an element of a set in Rust"),
            "use another key, or a sequence of pairs: `Vec<(K, V)>`",
        );
    }
}

/// Shows each type in a shape, with the place it stands at.
fn each_type(place: &str, shape: &Shape, show: &mut impl FnMut(&str, &Type)) {
    match shape {
        Shape::Unit => {}
        Shape::Newtype(ty) => show(place, ty),
        Shape::Tuple(types) => {
            types.iter().enumerate().for_each(|(index, ty)| show(&format!("{place}.{index}"), ty));
        }
        Shape::Struct(fields) => {
            fields.iter().for_each(|field| show(&format!("{place}.{}", field.name), &field.ty));
        }
        Shape::Enum(variants) => {
            for variant in variants {
                each_type(&format!("{place}.{}", variant.name), &variant.shape, show);
            }
        }
    }
}
