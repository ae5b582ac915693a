//! What a type is once its names and newtypes are taken off: what two versions of it are compared by. Never
//! compares.

use std::collections::HashSet;

use crate::guard::size::Sizes;
use crate::guard::table::Order;
use crate::model::{Definition, Field, Interface, Shape, Type, UnknownFields, Variant};

/// A type without names. Newtypes are what is in them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'a> {
    /// What has no value.
    Never,
    Unit,
    /// A number, a truth value, a character, a text or a client.
    Scalar(&'a Type),
    Option(&'a Type),
    Sequence(&'a Type),
    Set(&'a Type),
    Map(&'a Type, &'a Type),
    Array(&'a Type, u64),
    Tuple(&'a [Type]),
    Struct(&'a [Field], UnknownFields),
    Enum(Alternatives<'a>),
}

/// The variants of an enum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alternatives<'a> {
    pub(super) name: &'a str,
    pub(super) variants: &'a [Variant],
    pub(super) unknown_fields: UnknownFields,
}

/// One side's definitions.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) types: &'a [Definition],
    /// The form of each, and how many recursive definitions lead to it, itself one of them.
    forms: Vec<(Form<'a>, u32)>,
    /// How many bytes types take.
    pub(super) sizes: Sizes,
}

impl<'a> Side<'a> {
    pub(super) fn new(interface: &'a Interface) -> Self {
        let methods = interface.methods.iter();
        let roots: Vec<Type> = methods
            .flat_map(|method| {
                let arguments = method.arguments.iter().map(|argument| &argument.ty);
                arguments.chain([&method.output]).chain(&method.error).cloned()
            })
            .collect();
        let types = &interface.types;
        let order = Order::new(&roots, types);
        let sizes = Sizes::new(&order.reached, types);
        Self { types, forms: forms(types, &order.recursive), sizes }
    }

    /// The type's form, and how many recursive definitions lead to it.
    pub(super) fn form(&self, ty: &'a Type) -> (Form<'a>, u32) {
        match ty {
            Type::Named(index) => self.forms.get(*index).copied().unwrap_or((Form::Never, 0)),
            _ => (of_type(ty), 0),
        }
    }

    /// The form of what a variant carries.
    pub(super) fn form_of_variant(&self, shape: &'a Shape, unknown: UnknownFields) -> (Form<'a>, u32) {
        match shape {
            Shape::Newtype(ty) => self.form(ty),
            shape => (of_shape(shape, "", unknown), 0),
        }
    }

    /// The name of the type, if it is one that has a name.
    pub(super) fn name(&self, ty: &Type) -> Option<&'a str> {
        match ty {
            Type::Named(index) => self.types.get(*index).map(|definition| definition.name.as_str()),
            _ => None,
        }
    }
}

/// The forms of all definitions. Each is looked at once: a peer's newtypes may lie in one another by the thousand.
fn forms<'a>(types: &'a [Definition], recursive: &HashSet<usize>) -> Vec<(Form<'a>, u32)> {
    let mut forms = vec![None; types.len()];
    for start in 0..types.len() {
        let (mut at, mut way) = (start, Vec::new());
        let (form, mut levels) = loop {
            let Some(definition) = types.get(at) else { break (Form::Never, 0) };
            if let Some(known) = forms[at] {
                break known;
            }
            // What comes back to this one goes round in circles.
            forms[at] = Some((Form::Never, 0));
            way.push(at);
            match &definition.shape {
                Shape::Newtype(Type::Named(index)) => at = *index,
                Shape::Newtype(ty) => break (of_type(ty), 0),
                shape => break (of_shape(shape, &definition.name, definition.unknown_fields), 0),
            }
        };
        for index in way.into_iter().rev() {
            levels += u32::from(recursive.contains(&index));
            forms[index] = Some((form, levels));
        }
    }
    forms.into_iter().map(|form| form.unwrap_or((Form::Never, 0))).collect()
}

fn of_type(ty: &Type) -> Form<'_> {
    match ty {
        Type::Unit => Form::Unit,
        Type::Option(inner) => Form::Option(inner),
        Type::Sequence(element) => Form::Sequence(element),
        Type::Set(element) => Form::Set(element),
        Type::Map(key, value) => Form::Map(key, value),
        Type::Array(element, count) => Form::Array(element, *count),
        Type::Tuple(elements) => Form::Tuple(elements),
        scalar => Form::Scalar(scalar),
    }
}

fn of_shape<'a>(shape: &'a Shape, name: &'a str, unknown_fields: UnknownFields) -> Form<'a> {
    match shape {
        Shape::Unit => Form::Unit,
        Shape::Tuple(types) => Form::Tuple(types),
        Shape::Struct(fields) => Form::Struct(fields, unknown_fields),
        Shape::Enum(variants) => Form::Enum(Alternatives { name, variants, unknown_fields }),
        // Taken off before; one within a variant's definition cannot be said.
        Shape::Newtype(_) => Form::Never,
    }
}
