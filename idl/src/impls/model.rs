//! Schemas of the model itself: a service may describe itself over the wire. Never looks at a description.

use crate::model::{
    Argument, Definition, Field, Interface, Method, Missing, Shape, Type, UnknownFields, Variant,
};
use crate::schema::{Schema, Types};

/// A structure that ends in what later versions of it say.
fn structure<T: 'static>(
    types: &mut Types,
    name: &str,
    fields: impl FnOnce(&mut Types) -> Vec<(&'static str, Type)>,
) -> Type {
    types.define::<T>(
        name,
        |_| Vec::new(),
        "",
        |types| {
            let extension = ("extension", Type::Sequence(Box::new(Type::U8)));
            let fields = fields(types).into_iter().chain([extension]);
            Shape::Struct(fields.map(|(name, ty)| Field::new(name, ty)).collect())
        },
    )
}

/// An enum whose variants carry nothing.
fn alternatives<T: 'static>(types: &mut Types, name: &str, variants: &[&str]) -> Type {
    let variants = variants.iter().map(|name| Variant::new(*name, Shape::Unit)).collect();
    types.define::<T>(name, |_| Vec::new(), "", |_| Shape::Enum(variants))
}

impl Schema for Interface {
    fn describe(types: &mut Types) -> Type {
        structure::<Self>(types, "Interface", |types| {
            vec![
                ("name", Type::String),
                ("docs", Type::String),
                ("methods", Vec::<Method>::describe(types)),
                ("types", Vec::<Definition>::describe(types)),
            ]
        })
    }
}

impl Schema for Method {
    fn describe(types: &mut Types) -> Type {
        structure::<Self>(types, "Method", |types| {
            vec![
                ("name", Type::String),
                ("docs", Type::String),
                ("arguments", Vec::<Argument>::describe(types)),
                ("output", Type::describe(types)),
                ("stream", Type::Bool),
                ("error", Option::<Type>::describe(types)),
                ("idempotent", Type::Bool),
                ("oneway", Type::Bool),
            ]
        })
    }
}

impl Schema for Argument {
    fn describe(types: &mut Types) -> Type {
        structure::<Self>(types, "Argument", |types| {
            vec![
                ("name", Type::String),
                ("ty", Type::describe(types)),
                ("stream", Type::Bool),
                ("default", Type::Bool),
            ]
        })
    }
}

impl Schema for Type {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Type",
            |_| Vec::new(),
            "",
            |types| {
                let inner = Self::describe(types);
                let scalars = [
                    "Bool", "U8", "U16", "U32", "U64", "U128", "I8", "I16", "I32", "I64", "I128", "F32",
                    "F64", "Char", "String", "Unit",
                ];
                let scalars = scalars.into_iter().map(|name| Variant::new(name, Shape::Unit));
                let others = [
                    ("Option", Shape::Newtype(inner.clone())),
                    ("Sequence", Shape::Newtype(inner.clone())),
                    ("Set", Shape::Newtype(inner.clone())),
                    ("Map", Shape::Tuple(vec![inner.clone(), inner.clone()])),
                    ("Array", Shape::Tuple(vec![inner.clone(), Type::U64])),
                    ("Tuple", Shape::Newtype(Type::Sequence(Box::new(inner)))),
                    ("Named", Shape::Newtype(Type::U64)),
                    ("Client", Shape::Newtype(Type::String)),
                ];
                Shape::Enum(scalars.chain(others.map(|(name, shape)| Variant::new(name, shape))).collect())
            },
        )
    }
}

impl Schema for Definition {
    fn describe(types: &mut Types) -> Type {
        structure::<Self>(types, "Definition", |types| {
            vec![
                ("name", Type::String),
                ("arguments", Vec::<Type>::describe(types)),
                ("docs", Type::String),
                ("shape", Shape::describe(types)),
                ("unknown_fields", UnknownFields::describe(types)),
            ]
        })
    }
}

impl Schema for UnknownFields {
    fn describe(types: &mut Types) -> Type {
        alternatives::<Self>(types, "UnknownFields", &["Ignored", "Refused"])
    }
}

impl Schema for Missing {
    fn describe(types: &mut Types) -> Type {
        alternatives::<Self>(types, "Missing", &["Refused", "None", "Default"])
    }
}

impl Schema for Shape {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Shape",
            |_| Vec::new(),
            "",
            |types| {
                Shape::Enum(vec![
                    Variant::new("Unit", Shape::Unit),
                    Variant::new("Newtype", Shape::Newtype(Type::describe(types))),
                    Variant::new("Tuple", Shape::Newtype(Vec::<Type>::describe(types))),
                    Variant::new("Struct", Shape::Newtype(Vec::<Field>::describe(types))),
                    Variant::new("Enum", Shape::Newtype(Vec::<Variant>::describe(types))),
                ])
            },
        )
    }
}

impl Schema for Field {
    fn describe(types: &mut Types) -> Type {
        structure::<Self>(types, "Field", |types| {
            vec![
                ("name", Type::String),
                ("docs", Type::String),
                ("ty", Type::describe(types)),
                ("missing", Missing::describe(types)),
                ("aliases", Vec::<String>::describe(types)),
            ]
        })
    }
}

impl Schema for Variant {
    fn describe(types: &mut Types) -> Type {
        structure::<Self>(types, "Variant", |types| {
            vec![
                ("name", Type::String),
                ("docs", Type::String),
                ("shape", Shape::describe(types)),
                ("other", Type::Bool),
                ("aliases", Vec::<String>::describe(types)),
            ]
        })
    }
}
