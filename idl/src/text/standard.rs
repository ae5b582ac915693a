//! Types of Rust's standard library that a text may name without defining them. Never of those that are written in
//! other words, such as `usize`.

use crate::model::{Definition, Field, Shape, Type, UnknownFields, Variant};

/// The definition of a standard type with these arguments, as `Schema` describes it.
pub(crate) fn standard(name: &str, arguments: &[Type]) -> Option<Definition> {
    let shape = match (name, arguments) {
        ("Result", [ok, err]) => alternatives(&[("Ok", Some(ok)), ("Err", Some(err))]),
        ("Infallible", []) => Shape::Enum(Vec::new()),
        ("Duration", []) => structure(&[("secs", &Type::U64), ("nanos", &Type::U32)]),
        ("SystemTime", []) => {
            structure(&[("secs_since_epoch", &Type::U64), ("nanos_since_epoch", &Type::U32)])
        }
        ("Range" | "RangeInclusive", [index]) => structure(&[("start", index), ("end", index)]),
        ("RangeFrom", [index]) => structure(&[("start", index)]),
        ("RangeTo", [index]) => structure(&[("end", index)]),
        ("Bound", [limit]) => {
            alternatives(&[("Unbounded", None), ("Included", Some(limit)), ("Excluded", Some(limit))])
        }
        ("OsString", []) => {
            let list = |ty| Type::Sequence(Box::new(ty));
            alternatives(&[("Unix", Some(&list(Type::U8))), ("Windows", Some(&list(Type::U16)))])
        }
        ("IpAddr", []) => alternatives(&[("V4", Some(&bytes(4))), ("V6", Some(&bytes(16)))]),
        ("SocketAddr", []) => {
            let with_port = |length| Type::Tuple(vec![bytes(length), Type::U16]);
            alternatives(&[("V4", Some(&with_port(4))), ("V6", Some(&with_port(16)))])
        }
        _ => return None,
    };
    // serde's own readers of its structs refuse fields that they do not know.
    let unknown_fields = match &shape {
        Shape::Struct(_) => UnknownFields::Refused,
        _ => UnknownFields::Ignored,
    };
    Some(Definition { arguments: arguments.to_vec(), unknown_fields, ..Definition::new(name, shape) })
}

/// How many arguments the standard type of this name has.
pub(super) fn arity(name: &str) -> Option<usize> {
    let arguments = [Type::Unit, Type::Unit];
    (0..=arguments.len()).find(|count| standard(name, &arguments[..*count]).is_some())
}

fn bytes(length: u64) -> Type {
    Type::Array(Box::new(Type::U8), length)
}

fn structure(fields: &[(&str, &Type)]) -> Shape {
    Shape::Struct(fields.iter().map(|(name, ty)| Field::new(*name, (*ty).clone())).collect())
}

fn alternatives(variants: &[(&str, Option<&Type>)]) -> Shape {
    let shape = |ty: &Option<&Type>| ty.map_or(Shape::Unit, |ty| Shape::Newtype(ty.clone()));
    Shape::Enum(variants.iter().map(|(name, ty)| Variant::new(*name, shape(ty))).collect())
}
