//! From bytes to JSON. Never goes deeper, and never makes more, than the limits say, whatever the schema.

use serde_json::{Map, Value};

use super::base64;
use super::error::{JsonErrorKind, Result, Step};
use super::float;
use super::integer::IntegerType;
use super::key::KeyType;
use super::view::{Seen, View};
use super::{JsonLimits, Value as Json};
use crate::model::{Argument, Field, Shape, Type, Variant};
use crate::varint::{self, NoNumber};

/// What one value of JSON counts for, beside its text.
pub(super) const VALUE_SIZE: usize = 80;

/// A value that is being read.
pub(super) struct Decoding<'a, 'b> {
    view: View<'a>,
    limits: JsonLimits,
    bytes: &'b [u8],
    at: usize,
    /// Elements that took no bytes.
    empty: u32,
    size: usize,
}

impl<'a, 'b> Decoding<'a, 'b> {
    pub(super) fn new(view: View<'a>, limits: JsonLimits, bytes: &'b [u8]) -> Self {
        Self { view, limits, bytes, at: 0, empty: 0, size: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn taken(&self) -> usize {
        self.at
    }

    pub(super) fn finish(&self) -> Result<()> {
        match self.at < self.bytes.len() {
            true => Err(malformed(self.at, "the bytes go on after the value")),
            false => Ok(()),
        }
    }

    /// One value. `depth` is the number of arrays and objects around it.
    pub(super) fn value(&mut self, ty: &'a Type, depth: u32) -> Result<Json> {
        match self.view.see(ty)? {
            Seen::Type(ty) => self.ty(ty, depth),
            Seen::Shape(shape) => self.shape(shape, depth),
        }
    }

    pub(super) fn arguments(&mut self, arguments: &[&'a Argument]) -> Result<Json> {
        self.fields(arguments.iter().map(|argument| (argument.name.as_str(), &argument.ty)), 0)
    }

    fn ty(&mut self, ty: &'a Type, depth: u32) -> Result<Json> {
        if let Some(integer) = IntegerType::of(ty) {
            let wire = match integer.bits {
                8 => self.take(1)?[0].into(),
                bits => self.varint(bits)?,
            };
            return self.made(integer.read_wire(wire).to_json());
        }
        let value = match ty {
            Type::Bool => Value::Bool(self.flag()?),
            Type::F32 => float::from_f32(f32::from_le_bytes(self.take_array()?)),
            Type::F64 => float::from_f64(f64::from_le_bytes(self.take_array()?)),
            Type::Char => {
                let start = self.at;
                let text = self.text()?;
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(_), None) => Value::from(text),
                    _ => return Err(malformed(start, "a character is one character")),
                }
            }
            Type::String => Value::from(self.text()?),
            Type::Unit => Value::Null,
            Type::Option(inner) => return self.option(inner, depth),
            Type::Sequence(element) if **element == Type::U8 => {
                let count = self.count()?;
                self.block(count)?
            }
            Type::Array(element, count) if **element == Type::U8 => self.block(*count)?,
            Type::Sequence(element) | Type::Set(element) => {
                let count = self.count()?;
                return self.elements(element, count, true, depth);
            }
            Type::Array(element, count) => return self.elements(element, *count, false, depth),
            Type::Map(key, value) => return self.map(key, value, depth),
            Type::Tuple(types) => return self.tuple(types, depth),
            Type::Client(service) => {
                return Err(JsonErrorKind::Client { service: super::error::shown(service) }.into());
            }
            // Looked through before; the integers are done.
            _ => return Err(JsonErrorKind::FaultySchema("it has a type of another version").into()),
        };
        self.made(value)
    }

    fn shape(&mut self, shape: &'a Shape, depth: u32) -> Result<Json> {
        match shape {
            Shape::Unit => self.made(Value::Null),
            Shape::Newtype(ty) => self.value(ty, depth),
            Shape::Tuple(types) => self.tuple(types, depth),
            Shape::Struct(fields) => {
                self.fields(fields.iter().map(|Field { name, ty, .. }| (name.as_str(), ty)), depth)
            }
            Shape::Enum(variants) => self.variant(variants, depth),
        }
    }

    fn option(&mut self, inner: &'a Type, depth: u32) -> Result<Json> {
        if !self.flag()? {
            return self.made(Value::Null);
        }
        match self.view.is_nullable(inner)? {
            false => self.value(inner, depth),
            true => {
                let depth = self.enter(depth)?;
                Ok(Value::Array(vec![self.value(inner, depth)?]))
            }
        }
    }

    fn tuple(&mut self, types: &'a [Type], depth: u32) -> Result<Json> {
        let depth = self.enter(depth)?;
        let mut elements = Vec::new();
        for (index, ty) in types.iter().enumerate() {
            elements.push(self.value(ty, depth).map_err(|error| error.within(Step::Index(index)))?);
        }
        Ok(Value::Array(elements))
    }

    fn fields(&mut self, fields: impl Iterator<Item = (&'a str, &'a Type)>, depth: u32) -> Result<Json> {
        let depth = self.enter(depth)?;
        let mut object = Map::new();
        for (name, ty) in fields {
            self.spend(name.len())?;
            let value = self.value(ty, depth).map_err(|error| error.within(Step::name(name)))?;
            if object.insert(name.to_owned(), value).is_some() {
                return Err(JsonErrorKind::FaultySchema("two fields or arguments have one name").into());
            }
        }
        Ok(Value::Object(object))
    }

    fn variant(&mut self, variants: &'a [Variant], depth: u32) -> Result<Json> {
        let start = self.at;
        let tag = self.varint(32)? as usize;
        // Its writer knows all its variants: none is taken for the one that stands for others.
        let Variant { name, shape, .. } =
            variants.get(tag).ok_or_else(|| malformed(start, "a tag names no variant of its enum"))?;
        self.spend(name.len())?;
        if let Shape::Unit = shape {
            return self.made(Value::from(name.as_str()));
        }
        let depth = self.enter(depth)?;
        let value = self.shape(shape, depth).map_err(|error| error.within(Step::name(name)))?;
        Ok(Value::Object(Map::from_iter([(name.clone(), value)])))
    }

    /// Elements that follow one another; `claimed` if their number stood in the bytes.
    fn elements(&mut self, element: &'a Type, count: u64, claimed: bool, depth: u32) -> Result<Json> {
        let depth = self.enter(depth)?;
        // Not with the capacity claimed: each one is paid for as it comes.
        let mut elements = Vec::new();
        for index in 0..count {
            let before = self.at;
            let value = self.value(element, depth);
            elements.push(value.map_err(|error| error.within(Step::Index(index as usize)))?);
            if claimed && self.at == before {
                self.note_empty()?;
            }
        }
        Ok(Value::Array(elements))
    }

    fn map(&mut self, key: &'a Type, value: &'a Type, depth: u32) -> Result<Json> {
        let depth = self.enter(depth)?;
        let names = KeyType::of(&mut self.view, key)?;
        let mut object = Map::new();
        let mut pairs = Vec::new();
        let mut has_pairs = names.is_none();
        for index in 0..self.count()? {
            let before = self.at;
            let at_index = |error: super::JsonError| error.within(Step::Index(index as usize));
            if has_pairs {
                self.enter(depth)?;
            }
            // One deeper than in an object: it may yet become pairs.
            let key = self.value(key, depth + 1).map_err(at_index)?;
            match names.filter(|_| !has_pairs) {
                None => {
                    let value = self.value(value, depth + 1).map_err(at_index)?;
                    pairs.push(pair(key, value));
                }
                Some(names) => {
                    let name = KeyType::to_name(key);
                    let value =
                        self.value(value, depth + 1).map_err(|error| error.within(Step::key(&name)))?;
                    if object.contains_key(&name) {
                        // An object cannot say that: what there is becomes pairs.
                        self.enter(depth)?;
                        let entries = std::mem::take(&mut object).into_iter();
                        pairs.extend(entries.map(|(name, value)| pair(names.to_json(&name), value)));
                        pairs.push(pair(names.to_json(&name), value));
                        has_pairs = true;
                    } else {
                        object.insert(name, value);
                    }
                }
            }
            if self.at == before {
                self.note_empty()?;
            }
        }
        Ok(if has_pairs { Value::Array(pairs) } else { Value::Object(object) })
    }

    fn block(&mut self, count: u64) -> Result<Json> {
        let block = self.take(count)?;
        Ok(Value::from(base64::encode(block)))
    }

    /// Counts a value that was made.
    fn made(&mut self, value: Json) -> Result<Json> {
        self.spend(VALUE_SIZE + value.as_str().map_or(0, str::len))?;
        Ok(value)
    }

    /// Goes into an array or an object, and counts it.
    fn enter(&mut self, depth: u32) -> Result<u32> {
        let limit = self.limits.max_nesting;
        if depth >= limit {
            return Err(JsonErrorKind::TooDeep { limit }.into());
        }
        self.spend(VALUE_SIZE)?;
        Ok(depth + 1)
    }

    fn spend(&mut self, size: usize) -> Result<()> {
        let limit = self.limits.max_size;
        self.size = self.size.saturating_add(size);
        match self.size > limit {
            true => Err(JsonErrorKind::TooLarge { limit }.into()),
            false => Ok(()),
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

    fn take(&mut self, count: u64) -> Result<&'b [u8]> {
        let rest = &self.bytes[self.at..];
        let taken = usize::try_from(count).ok().and_then(|count| rest.get(..count));
        let taken = taken.ok_or_else(|| malformed(self.at, "the bytes end before the value does"))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    fn flag(&mut self) -> Result<bool> {
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(malformed(self.at - 1, "a truth value or an option is neither 0 nor 1")),
        }
    }

    fn count(&mut self) -> Result<u64> {
        Ok(self.varint(64)? as u64)
    }

    fn text(&mut self) -> Result<&'b str> {
        let start = self.at;
        let count = self.count()?;
        let text = self.take(count)?;
        std::str::from_utf8(text).map_err(|_| malformed(start, "a text is not UTF-8"))
    }

    /// A number of so many bits.
    fn varint(&mut self, bits: u32) -> Result<u128> {
        let (value, taken) = varint::read(&self.bytes[self.at..], bits).map_err(|why| match why {
            NoNumber::Truncated => malformed(self.bytes.len(), "the bytes end before the value does"),
            NoNumber::TooLarge => malformed(self.at, "a number is too large for its type"),
        })?;
        self.at += taken;
        Ok(value)
    }
}

fn pair(key: Json, value: Json) -> Json {
    Value::Array(vec![key, value])
}

#[cold]
fn malformed(offset: usize, reason: &'static str) -> super::JsonError {
    JsonErrorKind::Bytes { offset, reason }.into()
}
