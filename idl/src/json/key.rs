//! Keys of maps that JSON can have as names in an object. Never sees the entries' values.

use serde_json::Value;

use super::error::Result;
use super::integer::IntegerType;
use super::view::{Seen, View};
use crate::model::{Shape, Type};

/// What such keys are.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyType {
    /// A string, a character or the name of a variant.
    Text,
    Bool,
    Integer(IntegerType),
}

impl KeyType {
    /// What keys of this type are; `None` for those that cannot be names.
    pub(super) fn of<'a>(view: &mut View<'a>, ty: &'a Type) -> Result<Option<Self>> {
        Ok(match view.see(ty)? {
            Seen::Type(Type::String | Type::Char) => Some(Self::Text),
            Seen::Type(Type::Bool) => Some(Self::Bool),
            Seen::Type(ty) => IntegerType::of(ty).map(Self::Integer),
            Seen::Shape(Shape::Enum(variants)) => view.is_plain(variants).then_some(Self::Text),
            Seen::Shape(_) => None,
        })
    }

    /// The name of a key, of its JSON.
    pub(super) fn to_name(key: Value) -> String {
        match key {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// The JSON of a key, of its name. What is no name of such a key is refused later, as a string.
    pub(super) fn to_json(self, name: &str) -> Value {
        let found = match (self, name) {
            (Self::Bool, "true") => Some(Value::Bool(true)),
            (Self::Bool, "false") => Some(Value::Bool(false)),
            (Self::Integer(ty), name) => ty.parse_text(name).map(|integer| integer.to_json()),
            _ => None,
        };
        found.unwrap_or_else(|| Value::from(name))
    }
}
