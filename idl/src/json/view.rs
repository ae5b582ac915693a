//! A schema as JSON sees it: names and newtypes looked through, what may be `null`, and enums by their variants'
//! names. Never sees values.

use std::collections::HashMap;

use super::error::{JsonErrorKind, Result};
use crate::model::{Definition, Shape, Type, Variant};

/// Most names and newtypes between one value and the next: no program's types come near, a peer's may go in circles.
const MOST_STEPS: u32 = 64;

/// Enums of more variants than this are looked through once for each message.
const FEW_VARIANTS: usize = 32;

/// The named types of an interface, as long as one message is turned.
#[derive(Debug)]
pub(super) struct View<'a> {
    types: &'a [Definition],
    /// Large enums, by where their variants are.
    enums: HashMap<*const Variant, Large<'a>>,
}

#[derive(Debug)]
struct Large<'a> {
    is_plain: bool,
    places: HashMap<&'a str, usize>,
}

/// A type that is neither a name nor a newtype.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen<'a> {
    /// Not `Named`.
    Type(&'a Type),
    /// Not `Newtype`.
    Shape(&'a Shape),
}

impl<'a> View<'a> {
    pub(super) fn new(types: &'a [Definition]) -> Self {
        Self { types, enums: HashMap::new() }
    }

    /// What stands behind a type's name.
    pub(super) fn see(&self, mut ty: &'a Type) -> Result<Seen<'a>> {
        for _ in 0..MOST_STEPS {
            let Type::Named(index) = ty else { return Ok(Seen::Type(ty)) };
            let missing = JsonErrorKind::FaultySchema("it names a type that it does not define");
            match &self.types.get(*index).ok_or(missing)?.shape {
                Shape::Newtype(inner) => ty = inner,
                shape => return Ok(Seen::Shape(shape)),
            }
        }
        Err(JsonErrorKind::FaultySchema("newtypes lie too deep in one another").into())
    }

    /// Whether a value of the type may be `null`, so that an option of it has to be told from none.
    pub(super) fn is_nullable(&self, ty: &'a Type) -> Result<bool> {
        Ok(matches!(self.see(ty)?, Seen::Type(Type::Unit | Type::Option(_)) | Seen::Shape(Shape::Unit)))
    }

    /// Whether none of the variants carries anything.
    pub(super) fn is_plain(&mut self, variants: &'a [Variant]) -> bool {
        match variants.len() <= FEW_VARIANTS {
            true => is_plain(variants),
            false => self.large(variants).is_plain,
        }
    }

    /// The place of the first variant of this name.
    pub(super) fn position(&mut self, variants: &'a [Variant], name: &str) -> Option<usize> {
        match variants.len() <= FEW_VARIANTS {
            true => variants.iter().position(|variant| variant.name == name),
            false => self.large(variants).places.get(name).copied(),
        }
    }

    fn large(&mut self, variants: &'a [Variant]) -> &Large<'a> {
        self.enums.entry(variants.as_ptr()).or_insert_with(|| {
            // Of two with one name the first is kept.
            let names = variants.iter().enumerate().rev().map(|(at, variant)| (variant.name.as_str(), at));
            Large { is_plain: is_plain(variants), places: names.collect() }
        })
    }

    /// What to call the type in an error.
    #[cold]
    pub(super) fn name(&self, ty: &Type) -> String {
        crate::print::print_short(ty, self.types, 60)
    }
}

fn is_plain(variants: &[Variant]) -> bool {
    variants.iter().all(|variant| matches!(variant.shape, Shape::Unit))
}
