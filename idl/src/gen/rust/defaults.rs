//! Which types need a default, and what it is made of. Never says how that is written.

use super::super::problem::Problems;
use super::super::program::Program;
use crate::model::{Definition, Field, Missing, Shape, Type};

/// The default of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    /// None is asked for.
    NotNeeded,
    /// That of a struct's fields.
    OfFields,
    /// This variant, which carries nothing.
    Unit(usize),
    /// This variant, with the defaults of what it carries.
    Carrying(usize),
}

#[derive(Debug)]
pub(super) struct Defaults {
    defaults: Vec<Default>,
}

impl Defaults {
    pub(super) fn new(program: &Program, standard: &[Option<&'static str>], problems: &Problems) -> Self {
        let definitions = &program.definitions;
        let ranks = Ranks::new(definitions, standard);
        let mut waiting = Vec::new();
        let mut ask = |place: String, ty: &Type| match ranks.of(ty) {
            Some(_) => waiting.push(ty.clone()),
            None => problems.refuse(
                place,
                "it has a default, but its type can have none in Rust",
                "let it be an `Option`, or remove the default",
            ),
        };
        for service in &program.services {
            for method in &service.methods {
                for argument in method.arguments.iter().filter(|argument| argument.default) {
                    ask(format!("{}.{}.{}", service.name, method.name, argument.name), &argument.ty);
                }
            }
        }
        for definition in definitions {
            for field in fields(&definition.shape).iter().filter(|field| field.missing == Missing::Default) {
                ask(format!("{}.{}", definition.name, field.name), &field.ty);
            }
        }
        let mut defaults = vec![Default::NotNeeded; definitions.len()];
        while let Some(ty) = waiting.pop() {
            each_needed(&ty, &mut |index| {
                if standard[index].is_none() && defaults[index] == Default::NotNeeded {
                    let shape = &definitions[index].shape;
                    defaults[index] = ranks.choose(shape);
                    waiting.extend(made_of(shape, defaults[index]));
                }
            });
        }
        Self { defaults }
    }

    pub(super) fn of(&self, index: usize) -> Default {
        self.defaults[index]
    }
}

/// All fields with names, those of variants too.
fn fields(shape: &Shape) -> Vec<&Field> {
    match shape {
        Shape::Struct(fields) => fields.iter().collect(),
        Shape::Enum(variants) => variants.iter().flat_map(|variant| fields(&variant.shape)).collect(),
        _ => Vec::new(),
    }
}

/// The values of a shape that is no enum.
fn values(shape: &Shape) -> Vec<&Type> {
    match shape {
        Shape::Unit | Shape::Enum(_) => Vec::new(),
        Shape::Newtype(ty) => vec![ty],
        Shape::Tuple(types) => types.iter().collect(),
        Shape::Struct(fields) => fields.iter().map(|field| &field.ty).collect(),
    }
}

/// What a default consists of.
fn made_of(shape: &Shape, default: Default) -> Vec<Type> {
    let values = match (default, shape) {
        (Default::OfFields, shape) => values(shape),
        (Default::Carrying(index), Shape::Enum(variants)) => values(&variants[index].shape),
        _ => Vec::new(),
    };
    values.into_iter().cloned().collect()
}

/// Shows the definitions whose defaults the default of a type is made of.
fn each_needed(ty: &Type, show: &mut impl FnMut(usize)) {
    match ty {
        Type::Array(element, length) if *length > 0 => each_needed(element, show),
        Type::Tuple(elements) => elements.iter().for_each(|ty| each_needed(ty, show)),
        Type::Named(index) => show(*index),
        _ => {}
    }
}

/// How many definitions deep the default of each definition is, where it has one: what is chosen is such that it ends.
struct Ranks<'a> {
    ranks: Vec<Option<usize>>,
    definitions: &'a [Definition],
    standard: &'a [Option<&'static str>],
}

impl<'a> Ranks<'a> {
    fn new(definitions: &'a [Definition], standard: &'a [Option<&'static str>]) -> Self {
        let mut ranks = Self { ranks: vec![None; definitions.len()], definitions, standard };
        loop {
            let before = ranks.ranks.clone();
            for index in 0..definitions.len() {
                if ranks.ranks[index].is_none() {
                    ranks.ranks[index] = ranks.of_definition(index);
                }
            }
            if ranks.ranks == before {
                return ranks;
            }
        }
    }

    fn of_definition(&self, index: usize) -> Option<usize> {
        let definition = &self.definitions[index];
        if self.standard[index].is_some() {
            return match definition.name.as_str() {
                "Duration" | "OsString" => Some(0),
                "Range" => self.of(&definition.arguments[0]),
                _ => None,
            };
        }
        match &definition.shape {
            Shape::Enum(variants) => variants.iter().filter_map(|variant| self.of_all(&variant.shape)).min(),
            shape => self.of_all(shape),
        }
    }

    fn of_all(&self, shape: &Shape) -> Option<usize> {
        values(shape).into_iter().try_fold(0, |rank: usize, ty| Some(rank.max(self.of(ty)? + 1)))
    }

    fn of(&self, ty: &Type) -> Option<usize> {
        match ty {
            Type::Client(_) => None,
            Type::Array(element, length) if *length > 0 => self.of(element),
            Type::Tuple(elements) => {
                elements.iter().try_fold(0, |rank: usize, ty| Some(rank.max(self.of(ty)?)))
            }
            Type::Named(index) => self.ranks[*index],
            _ => Some(0),
        }
    }

    /// The default of a shape that has one.
    fn choose(&self, shape: &Shape) -> Default {
        let Shape::Enum(variants) = shape else { return Default::OfFields };
        if let Some(unit) = variants.iter().position(|variant| variant.shape == Shape::Unit) {
            return Default::Unit(unit);
        }
        let ranks = variants.iter().enumerate();
        let ranks = ranks.filter_map(|(index, variant)| Some((self.of_all(&variant.shape)?, index)));
        ranks.min().map_or(Default::NotNeeded, |(_, index)| Default::Carrying(index))
    }
}
