//! Values as trees, and their bytes by the rules of P-60. Never knows how versions differ.

use traitwire_idl::{Absent, Definition, Field, Gap, Shape, Transcoded, Type};

/// A value. Newtypes are what is in them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Unit,
    Bool(bool),
    Unsigned(u128),
    Signed(i128),
    /// The bits.
    F32(u32),
    F64(u64),
    Char(char),
    Text(String),
    Option(Option<Box<Value>>),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Tuple(Vec<Value>),
    Struct(Vec<(String, Value)>),
    Enum(String, Box<Value>),
    /// Whatever the reader's type says where this field, or an argument, is missing.
    Default(Option<String>),
}

/// The type without names around it.
pub(crate) fn bare<'a>(mut ty: &'a Type, types: &'a [Definition]) -> Bare<'a> {
    loop {
        match ty {
            Type::Named(index) => match &types[*index].shape {
                Shape::Newtype(inner) => ty = inner,
                shape => return Bare::Shape(shape, &types[*index]),
            },
            ty => return Bare::Type(ty),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Bare<'a> {
    Type(&'a Type),
    Shape(&'a Shape, &'a Definition),
}

pub(crate) fn bits(ty: &Type) -> Option<(bool, u32)> {
    Some(match ty {
        Type::U8 => (false, 8),
        Type::U16 => (false, 16),
        Type::U32 => (false, 32),
        Type::U64 => (false, 64),
        Type::U128 => (false, 128),
        Type::I8 => (true, 8),
        Type::I16 => (true, 16),
        Type::I32 => (true, 32),
        Type::I64 => (true, 64),
        Type::I128 => (true, 128),
        _ => return None,
    })
}

pub(crate) fn varint(mut value: u128, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn encode(value: &Value, ty: &Type, types: &[Definition], out: &mut Vec<u8>) {
    match bare(ty, types) {
        Bare::Shape(shape, _) => encode_shape(value, shape, types, out),
        Bare::Type(ty) => match (ty, value) {
            (Type::Unit, Value::Unit) => {}
            (Type::Bool, Value::Bool(value)) => out.push(u8::from(*value)),
            (Type::U8, Value::Unsigned(value)) => out.push(*value as u8),
            (Type::I8, Value::Signed(value)) => out.push(*value as i8 as u8),
            (_, Value::Unsigned(value)) => varint(*value, out),
            (_, Value::Signed(value)) => varint(((value << 1) ^ (value >> 127)) as u128, out),
            (Type::F32, Value::F32(bits)) => out.extend(bits.to_le_bytes()),
            (Type::F64, Value::F64(bits)) => out.extend(bits.to_le_bytes()),
            (Type::Char, Value::Char(value)) => text(&value.to_string(), out),
            (Type::String, Value::Text(value)) => text(value, out),
            (Type::Option(_), Value::Option(None)) => out.push(0),
            (Type::Option(inner), Value::Option(Some(value))) => {
                out.push(1);
                encode(value, inner, types, out);
            }
            (Type::Sequence(inner) | Type::Set(inner), Value::List(values)) => {
                varint(values.len() as u128, out);
                values.iter().for_each(|value| encode(value, inner, types, out));
            }
            (Type::Map(key, inner), Value::Map(entries)) => {
                varint(entries.len() as u128, out);
                for (name, value) in entries {
                    encode(name, key, types, out);
                    encode(value, inner, types, out);
                }
            }
            (Type::Array(inner, _), Value::List(values)) => {
                values.iter().for_each(|value| encode(value, inner, types, out));
            }
            (Type::Tuple(inner), Value::Tuple(values)) => {
                inner.iter().zip(values).for_each(|(ty, value)| encode(value, ty, types, out));
            }
            (ty, value) => panic!("{value:?} is no {ty:?}"),
        },
    }
}

fn encode_shape(value: &Value, shape: &Shape, types: &[Definition], out: &mut Vec<u8>) {
    match (shape, value) {
        (Shape::Unit, Value::Unit) => {}
        (Shape::Newtype(ty), value) => encode(value, ty, types, out),
        (Shape::Tuple(inner), Value::Tuple(values)) => {
            inner.iter().zip(values).for_each(|(ty, value)| encode(value, ty, types, out));
        }
        (Shape::Struct(fields), Value::Struct(values)) => {
            fields.iter().zip(values).for_each(|(field, (_, value))| encode(value, &field.ty, types, out));
        }
        (Shape::Enum(variants), Value::Enum(name, inner)) => {
            let tag = variants.iter().position(|variant| variant.name == *name).expect("a variant");
            varint(tag as u128, out);
            encode_shape(inner, &variants[tag].shape, types, out);
        }
        (shape, value) => panic!("{value:?} is no {shape:?}"),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    varint(text.len() as u128, out);
    out.extend(text.as_bytes());
}

/// Reads as serde's derived types do: fields of structures one after another, each of which may be missing.
struct Reader<'a> {
    all: &'a Transcoded,
    gaps: Vec<Gap>,
    types: &'a [Definition],
    at: usize,
    gap: usize,
    skipped: u32,
}

pub(crate) fn decode(all: &Transcoded, ty: &Type, types: &[Definition]) -> Value {
    let mut reader = Reader { all, gaps: all.gaps.iter().collect(), types, at: 0, gap: 0, skipped: 0 };
    let value = reader.ty(ty);
    reader.end();
    value
}

pub(crate) fn decode_arguments(all: &Transcoded, arguments: &[&Type], types: &[Definition]) -> Vec<Value> {
    let mut reader = Reader { all, gaps: all.gaps.iter().collect(), types, at: 0, gap: 0, skipped: 0 };
    let mut values = Vec::new();
    for (ty, place) in arguments.iter().zip(0..) {
        let missing = reader.pending().is_some_and(|gap| gap.absent == Absent::Argument(place));
        if missing {
            reader.gap += 1;
            values.push(Value::Default(None));
        } else {
            values.push(reader.ty(ty));
        }
    }
    reader.end();
    values
}

impl Reader<'_> {
    fn end(&self) {
        assert_eq!((self.at, self.gap), (self.all.bytes.len(), self.gaps.len()), "all is read");
    }

    /// The gap at this position.
    fn pending(&self) -> Option<Gap> {
        self.gaps.get(self.gap).copied().filter(|gap| gap.at as usize == self.at)
    }

    /// The field that begins here is missing.
    fn is_missing(&mut self, fields: &[Field]) -> bool {
        let Some(gap) = self.pending() else { return false };
        let Some(name) = self.all.name(gap) else { return false };
        if !fields.iter().any(|field| field.name == name || field.aliases.iter().any(|alias| alias == name)) {
            return false;
        }
        if self.skipped < gap.skip {
            self.skipped += 1;
            return false;
        }
        (self.gap, self.skipped) = (self.gap + 1, 0);
        true
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let end = self.at + count;
        if count > 0 {
            assert!(self.gaps.get(self.gap).is_none_or(|gap| gap.at as usize >= end), "a gap is read over");
        }
        let taken = &self.all.bytes[self.at..end];
        self.at = end;
        taken
    }

    fn varint(&mut self) -> u128 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            value |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> String {
        let length = self.varint() as usize;
        String::from_utf8(self.take(length).to_vec()).expect("text")
    }

    fn ty(&mut self, ty: &Type) -> Value {
        let types = self.types;
        let ty = match bare(ty, types) {
            Bare::Shape(shape, _) => return self.shape(shape),
            Bare::Type(ty) => ty,
        };
        match ty {
            Type::Unit => Value::Unit,
            Type::Bool => Value::Bool(self.take(1)[0] == 1),
            Type::U8 => Value::Unsigned(self.take(1)[0].into()),
            Type::I8 => Value::Signed((self.take(1)[0] as i8).into()),
            Type::F32 => Value::F32(u32::from_le_bytes(self.take(4).try_into().expect("four"))),
            Type::F64 => Value::F64(u64::from_le_bytes(self.take(8).try_into().expect("eight"))),
            Type::Char => Value::Char(self.text().chars().next().expect("one")),
            Type::String => Value::Text(self.text()),
            Type::Option(inner) => match self.take(1)[0] {
                0 => Value::Option(None),
                _ => Value::Option(Some(Box::new(self.ty(inner)))),
            },
            Type::Sequence(inner) | Type::Set(inner) => {
                let count = self.varint();
                Value::List((0..count).map(|_| self.ty(inner)).collect())
            }
            Type::Map(key, inner) => {
                let count = self.varint();
                Value::Map((0..count).map(|_| (self.ty(key), self.ty(inner))).collect())
            }
            Type::Array(inner, count) => Value::List((0..*count).map(|_| self.ty(inner)).collect()),
            Type::Tuple(inner) => Value::Tuple(inner.iter().map(|ty| self.ty(ty)).collect()),
            ty => match bits(ty) {
                Some((false, _)) => Value::Unsigned(self.varint()),
                Some((true, _)) => {
                    let value = self.varint();
                    Value::Signed((value >> 1) as i128 ^ -((value & 1) as i128))
                }
                None => panic!("{ty:?}"),
            },
        }
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Unit => Value::Unit,
            Shape::Newtype(ty) => self.ty(ty),
            Shape::Tuple(inner) => Value::Tuple(inner.iter().map(|ty| self.ty(ty)).collect()),
            Shape::Struct(fields) => {
                let values = fields.iter().map(|field| {
                    let value = match self.is_missing(fields) {
                        true => Value::Default(Some(field.name.clone())),
                        false => self.ty(&field.ty),
                    };
                    (field.name.clone(), value)
                });
                Value::Struct(values.collect())
            }
            Shape::Enum(variants) => {
                let variant = &variants[self.varint() as usize];
                Value::Enum(variant.name.clone(), Box::new(self.shape(&variant.shape)))
            }
            other => panic!("{other:?}"),
        }
    }
}
