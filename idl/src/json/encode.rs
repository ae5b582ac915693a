//! From JSON to bytes. Never guesses: what is not of the type is refused, with its place.

use serde_json::{Map, Value};

use super::base64;
use super::error::{JsonErrorKind, Result, Step, kind, listed, shown};
use super::float;
use super::integer::IntegerType;
use super::key::KeyType;
use super::view::{Seen, View};
use super::{JsonError, JsonLimits};
use crate::model::{Argument, Field, Missing, Shape, Type, Variant};

/// A field or an argument.
#[derive(Clone, Copy)]
struct Part<'a> {
    name: &'a str,
    ty: &'a Type,
    /// Whether its reader has a default for it.
    has_default: bool,
}

impl<'a> Part<'a> {
    fn field(Field { name, ty, missing, .. }: &'a Field) -> Self {
        Self { name, ty, has_default: *missing == Missing::Default }
    }

    fn argument(argument: &'a Argument) -> Self {
        Self { name: &argument.name, ty: &argument.ty, has_default: argument.default }
    }

    #[cold]
    fn missing(self, what: &str) -> JsonError {
        let what = format!("the {what} {}", shown(self.name));
        match self.has_default {
            true => JsonErrorKind::MissingDefault { what }.into(),
            false => JsonErrorKind::Missing { what }.into(),
        }
    }
}

/// A value that is being written.
pub(super) struct Encoding<'a> {
    view: View<'a>,
    limits: JsonLimits,
    bytes: Vec<u8>,
    /// Elements that took no bytes.
    empty: u32,
}

impl<'a> Encoding<'a> {
    pub(super) fn new(view: View<'a>, limits: JsonLimits) -> Self {
        Self { view, limits, bytes: Vec::new(), empty: 0 }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// One value. `depth` is the number of arrays and objects around it.
    pub(super) fn value(&mut self, ty: &'a Type, value: &Value, depth: u32) -> Result<()> {
        let seen = self.view.see(ty)?;
        match seen {
            Seen::Type(seen) => self.ty(seen, value, depth)?,
            Seen::Shape(shape) => self.shape(shape, (ty, value), depth)?,
        }
        let limit = self.limits.max_size;
        match self.bytes.len() > limit {
            true => Err(JsonErrorKind::TooLarge { limit }.into()),
            false => Ok(()),
        }
    }

    pub(super) fn arguments(&mut self, arguments: &[&'a Argument], value: &Value) -> Result<()> {
        let parts = || arguments.iter().copied().map(Part::argument);
        match value {
            Value::Null if arguments.is_empty() => Ok(()),
            Value::Object(object) => self.fields(parts, object, "argument", 0),
            Value::Array(elements) => {
                if let Some(part) = parts().nth(elements.len()) {
                    return Err(part.missing("argument"));
                }
                if elements.len() > arguments.len() {
                    let expected = counted(arguments.len() as u64, "argument");
                    return Err(mismatch(expected, counted(elements.len() as u64, "element")));
                }
                for (Part { name, ty, .. }, element) in parts().zip(elements) {
                    self.value(ty, element, 1).map_err(|error| error.within(Step::name(name)))?;
                }
                Ok(())
            }
            other => Err(mismatch(
                "the arguments, as an object by their names or an array in their order",
                kind(other),
            )),
        }
    }

    fn ty(&mut self, ty: &'a Type, value: &Value, depth: u32) -> Result<()> {
        if let Some(integer) = IntegerType::of(ty) {
            let wire = integer.to_wire(integer.parse(value)?);
            match integer.bits {
                8 => self.bytes.push(wire as u8),
                _ => self.varint(wire),
            }
            return Ok(());
        }
        let wrong = || mismatch(self.view.name(ty), kind(value));
        match (ty, value) {
            (Type::Bool, Value::Bool(flag)) => self.bytes.push((*flag).into()),
            (Type::F32, value) => self.bytes.extend(float::to_f32(value)?.to_le_bytes()),
            (Type::F64, value) => self.bytes.extend(float::to_f64(value)?.to_le_bytes()),
            (Type::Char, Value::String(text)) => {
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(_), None) => self.text(text),
                    _ => return Err(mismatch("char", format!("{:?}", shown(text)))),
                }
            }
            (Type::String, Value::String(text)) => self.text(text),
            (Type::Unit, Value::Null) => {}
            (Type::Option(_), Value::Null) => self.bytes.push(0),
            (Type::Option(inner), value) => return self.some(inner, value, depth),
            (Type::Sequence(element), Value::String(text)) if **element == Type::U8 => {
                let block = block(text)?;
                self.varint(block.len() as u128);
                self.bytes.extend(block);
            }
            (Type::Array(element, count), Value::String(text)) if **element == Type::U8 => {
                let block = block(text)?;
                if block.len() as u64 != *count {
                    return Err(mismatch(counted(*count, "byte"), counted(block.len() as u64, "byte")));
                }
                self.bytes.extend(block);
            }
            (Type::Sequence(element) | Type::Set(element), Value::Array(elements)) => {
                let depth = self.enter(depth)?;
                self.varint(elements.len() as u128);
                return self.elements(element, elements, true, depth);
            }
            (Type::Array(element, count), Value::Array(elements)) => {
                let depth = self.enter(depth)?;
                if elements.len() as u64 != *count {
                    return Err(mismatch(
                        counted(*count, "element"),
                        counted(elements.len() as u64, "element"),
                    ));
                }
                return self.elements(element, elements, false, depth);
            }
            (Type::Map(key, to), Value::Object(object)) => return self.object((key, to), object, depth),
            (Type::Map(key, to), Value::Array(pairs)) => return self.pairs((key, to), pairs, depth),
            (Type::Tuple(types), value) => return self.tuple(types, value, depth),
            (Type::Client(service), _) => {
                return Err(JsonErrorKind::Client { service: shown(service) }.into());
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// What a definition or a variant consists of. What it is comes along, for errors.
    fn shape(&mut self, shape: &'a Shape, (ty, value): (&'a Type, &Value), depth: u32) -> Result<()> {
        match (shape, value) {
            (Shape::Unit, Value::Null) => Ok(()),
            (Shape::Newtype(inner), value) => self.value(inner, value, depth),
            (Shape::Tuple(types), value) => self.tuple(types, value, depth),
            (Shape::Struct(fields), Value::Object(object)) => {
                self.fields(|| fields.iter().map(Part::field), object, "field", depth)
            }
            (Shape::Enum(variants), value) => self.variant(variants, (ty, value), depth),
            (Shape::Unit | Shape::Struct(_), other) => {
                let form = if let Shape::Unit = shape { "null" } else { "an object" };
                Err(mismatch(format!("{}, {form}", self.view.name(ty)), kind(other)))
            }
        }
    }

    fn some(&mut self, inner: &'a Type, value: &Value, depth: u32) -> Result<()> {
        self.bytes.push(1);
        if !self.view.is_nullable(inner)? {
            return self.value(inner, value, depth);
        }
        match value {
            Value::Array(elements) if elements.len() == 1 => {
                let depth = self.enter(depth)?;
                self.value(inner, &elements[0], depth)
            }
            other => Err(mismatch("null, or an array of one element", kind(other))),
        }
    }

    fn tuple(&mut self, types: &'a [Type], value: &Value, depth: u32) -> Result<()> {
        let count = types.len();
        let expected = || format!("an array of {}", counted(count as u64, "element"));
        let Value::Array(elements) = value else { return Err(mismatch(expected(), kind(value))) };
        if elements.len() != count {
            return Err(mismatch(expected(), format!("one of {}", elements.len())));
        }
        let depth = self.enter(depth)?;
        for (index, (ty, element)) in types.iter().zip(elements).enumerate() {
            self.value(ty, element, depth).map_err(|error| error.within(Step::Index(index)))?;
        }
        Ok(())
    }

    fn fields<I: Iterator<Item = Part<'a>>>(
        &mut self,
        fields: impl Fn() -> I,
        object: &Map<String, Value>,
        what: &str,
        depth: u32,
    ) -> Result<()> {
        let depth = self.enter(depth)?;
        let mut used = 0;
        for part in fields() {
            let Part { name, ty, .. } = part;
            match (object.get(name), ty) {
                (Some(value), _) => {
                    used += 1;
                    self.value(ty, value, depth).map_err(|error| error.within(Step::name(name)))?;
                }
                // In JSON that is how none is said, whatever default there is.
                (None, Type::Option(_)) => self.bytes.push(0),
                // A key that nobody knows is likely to be the one that is missing, mistyped.
                (None, _) => return Err(unknown(fields, object, what).unwrap_or_else(|| part.missing(what))),
            }
        }
        match used < object.len() {
            true => unknown(fields, object, what).map_or(Ok(()), Err),
            false => Ok(()),
        }
    }

    fn variant(
        &mut self,
        variants: &'a [Variant],
        (ty, value): (&'a Type, &Value),
        depth: u32,
    ) -> Result<()> {
        let (name, value) = match value {
            Value::String(name) => (name, None),
            Value::Object(object) if object.len() == 1 => match object.iter().next() {
                Some((name, value)) => (name, Some(value)),
                None => (&String::new(), None),
            },
            other => {
                let expected =
                    format!("{}, the name of a variant or an object of one variant", self.view.name(ty));
                let found = match other {
                    Value::Object(object) => format!("an object of {}", object.len()),
                    other => kind(other),
                };
                return Err(mismatch(expected, found));
            }
        };
        let Some(tag) = self.view.position(variants, name) else {
            let known = listed(variants.iter().map(|variant| variant.name.as_str()));
            return Err(JsonErrorKind::Unknown { what: format!("variant {}", shown(name)), known }.into());
        };
        self.varint(tag as u128);
        let (shape, at_variant) = (&variants[tag].shape, |error: JsonError| error.within(Step::name(name)));
        match (shape, value) {
            (Shape::Unit, None) => Ok(()),
            (shape, Some(value)) => {
                let depth = self.enter(depth)?;
                self.shape(shape, (ty, value), depth).map_err(at_variant)
            }
            (_, None) => {
                let name = shown(name);
                Err(mismatch(
                    format!("{{{name:?}: …}}, since the variant holds something"),
                    format!("{name:?}"),
                ))
            }
        }
    }

    /// Elements that follow one another; `counted` if their number stands before them.
    fn elements(&mut self, ty: &'a Type, elements: &[Value], counted: bool, depth: u32) -> Result<()> {
        for (index, element) in elements.iter().enumerate() {
            let before = self.bytes.len();
            self.value(ty, element, depth).map_err(|error| error.within(Step::Index(index)))?;
            if counted && self.bytes.len() == before {
                self.note_empty()?;
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        (key, to): (&'a Type, &'a Type),
        object: &Map<String, Value>,
        depth: u32,
    ) -> Result<()> {
        let depth = self.enter(depth)?;
        let Some(names) = KeyType::of(&mut self.view, key)? else {
            return Err(mismatch("an array of pairs, since such keys are no names", "an object".to_owned()));
        };
        self.varint(object.len() as u128);
        for (name, value) in object {
            let at_key = |error: JsonError| error.within(Step::key(name));
            self.value(key, &names.to_json(name), depth + 1).map_err(at_key)?;
            self.value(to, value, depth).map_err(at_key)?;
        }
        Ok(())
    }

    fn pairs(&mut self, (key, to): (&'a Type, &'a Type), pairs: &[Value], depth: u32) -> Result<()> {
        let outside = self.enter(depth)?;
        self.varint(pairs.len() as u128);
        for (index, pair) in pairs.iter().enumerate() {
            let at_index = |error: JsonError| error.within(Step::Index(index));
            let before = self.bytes.len();
            let (Value::Array(parts), depth) = (pair, self.enter(outside)?) else {
                return Err(at_index(mismatch("a pair of key and value", kind(pair))));
            };
            let [first, second] = parts.as_slice() else {
                return Err(at_index(mismatch(
                    "a pair of key and value",
                    format!("an array of {}", parts.len()),
                )));
            };
            self.value(key, first, depth).map_err(at_index)?;
            self.value(to, second, depth).map_err(at_index)?;
            if self.bytes.len() == before {
                self.note_empty()?;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.varint(text.len() as u128);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn varint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn enter(&self, depth: u32) -> Result<u32> {
        let limit = self.limits.max_nesting;
        match depth >= limit {
            true => Err(JsonErrorKind::TooDeep { limit }.into()),
            false => Ok(depth + 1),
        }
    }

    fn note_empty(&mut self) -> Result<()> {
        let limit = self.limits.max_empty_elements;
        self.empty += 1;
        match self.empty > limit {
            true => Err(JsonErrorKind::TooManyEmptyElements { limit }.into()),
            false => Ok(()),
        }
    }
}

/// The error for a key of which there is no field or argument, if there is such a key.
#[cold]
fn unknown<'a, I: Iterator<Item = Part<'a>>>(
    fields: impl Fn() -> I,
    object: &Map<String, Value>,
    what: &str,
) -> Option<JsonError> {
    let name = object.keys().find(|key| fields().all(|part| part.name != key.as_str()))?;
    let known = listed(fields().map(|part| part.name));
    Some(JsonErrorKind::Unknown { what: format!("{what} {}", shown(name)), known }.into())
}

fn block(text: &str) -> Result<Vec<u8>> {
    let found = || format!("{:?}", shown(text));
    base64::decode(text).ok_or_else(|| mismatch("base64, or an array of numbers", found()))
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cold]
fn mismatch(expected: impl Into<String>, found: String) -> JsonError {
    JsonErrorKind::Mismatch { expected: expected.into(), found }.into()
}
