//! What serde's rules make of a value of another version, said once more and as plainly as can be: a tree into a
//! tree. Shares nothing with the code under test.

use std::collections::HashSet;

use traitwire_idl::{Definition, Field, Interface, Method, Missing, Shape, Type, UnknownFields, Variant};

use crate::model::{Bare, Value, bare, bits};

type Of<'a> = (&'a Type, &'a [Definition]);

#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Value(Value),
    UnknownVariant(String),
}

/// Can the reader's type read all, or all known variants, of the writer's?
pub(crate) fn is_readable(writer: Of<'_>, reader: Of<'_>) -> bool {
    Check { writer: writer.1, reader: reader.1, seen: HashSet::new() }.types(writer.0, reader.0)
}

pub(crate) fn are_arguments_readable(caller: &Interface, callee: &Interface) -> bool {
    let (sent, read) = (&caller.methods[0].arguments, &callee.methods[0].arguments);
    let pairs = sent.iter().zip(read);
    let mut further = sent.iter().skip(read.len()).chain(read.iter().skip(sent.len()));
    further.all(|argument| argument.default || matches!(argument.ty, Type::Option(_)))
        && pairs
            .into_iter()
            .all(|(sent, read)| is_readable((&sent.ty, &caller.types), (&read.ty, &callee.types)))
}

fn find<'a, T>(all: &'a [T], name: &str, names: impl Fn(&T) -> (&String, &Vec<String>)) -> Option<&'a T> {
    all.iter().find(|it| {
        let (own, aliases) = names(it);
        own == name || aliases.iter().any(|alias| alias == name)
    })
}

fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    find(fields, name, |field| (&field.name, &field.aliases))
}

fn variant<'a>(variants: &'a [Variant], name: &str) -> Option<&'a Variant> {
    find(variants, name, |variant| (&variant.name, &variant.aliases))
}

fn is_unit(bare: Bare<'_>) -> bool {
    matches!(bare, Bare::Type(Type::Unit) | Bare::Shape(Shape::Unit, _))
}

struct Check<'a> {
    writer: &'a [Definition],
    reader: &'a [Definition],
    /// Pairs that are being looked at, or were found to be fine.
    seen: HashSet<(Type, Type)>,
}

impl<'a> Check<'a> {
    fn types(&mut self, writer: &'a Type, reader: &'a Type) -> bool {
        let (written, read) = (bare(writer, self.writer), bare(reader, self.reader));
        if !self.seen.insert((writer.clone(), reader.clone())) {
            return true;
        }
        match (written, read) {
            (Bare::Shape(Shape::Enum(variants), _), _) if variants.is_empty() => true,
            (Bare::Type(Type::Option(writer)), Bare::Type(Type::Option(reader))) => {
                self.types(writer, reader)
            }
            (Bare::Type(Type::Option(_)), _) => false,
            (written, Bare::Type(Type::Option(inner))) => {
                let is_nested = matches!(bare(inner, self.reader), Bare::Type(Type::Option(_)));
                !is_unit(written) && !is_nested && self.types(writer, inner)
            }
            (written, read) if is_unit(written) || is_unit(read) => is_unit(written) && is_unit(read),
            (Bare::Type(Type::Tuple(types)), Bare::Shape(shape @ Shape::Tuple(_), definition)) => self
                .shapes(
                    (&Shape::Tuple(types.clone()), UnknownFields::Ignored),
                    (shape, definition.unknown_fields),
                ),
            (Bare::Shape(shape @ Shape::Tuple(_), _), Bare::Type(Type::Tuple(types))) => self.shapes(
                (shape, UnknownFields::Ignored),
                (&Shape::Tuple(types.clone()), UnknownFields::Ignored),
            ),
            (Bare::Shape(writer, a), Bare::Shape(reader, b)) => {
                self.shapes((writer, a.unknown_fields), (reader, b.unknown_fields))
            }
            (Bare::Type(writer), Bare::Type(reader)) => self.bare_types(writer, reader),
            _ => false,
        }
    }

    fn bare_types(&mut self, writer: &'a Type, reader: &'a Type) -> bool {
        match (writer, reader) {
            (Type::Sequence(writer), Type::Sequence(reader)) | (Type::Set(writer), Type::Set(reader)) => {
                self.types(writer, reader)
            }
            (Type::Array(writer, count), Type::Array(reader, same)) => {
                count == same && self.types(writer, reader)
            }
            (Type::Map(key, value), Type::Map(read_key, read_value)) => {
                self.types(key, read_key) && self.types(value, read_value)
            }
            (Type::Tuple(writer), Type::Tuple(reader)) => {
                writer.len() == reader.len() && writer.iter().zip(reader).all(|(a, b)| self.types(a, b))
            }
            (Type::F32, Type::F64) => true,
            (writer, reader) if writer == reader => true,
            (writer, reader) => match (bits(writer), bits(reader)) {
                (Some((from_signed, from)), Some((to_signed, to))) => {
                    from < to && (to_signed || !from_signed)
                }
                _ => false,
            },
        }
    }

    fn shapes(&mut self, writer: (&Shape, UnknownFields), reader: (&Shape, UnknownFields)) -> bool {
        // Copies, so that what is made up on the way can be compared too.
        match (writer.0, reader.0) {
            (Shape::Unit, Shape::Unit) => true,
            (Shape::Tuple(a), Shape::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.again(a, b))
            }
            (Shape::Struct(a), Shape::Struct(b)) => self.fields(a, b, reader.1),
            (Shape::Enum(a), Shape::Enum(b)) => {
                a.iter().all(|sent| match variant(b, &sent.name) {
                    Some(read) => self.variants((&sent.shape, writer.1), (&read.shape, reader.1)),
                    // Whether it is one for all unknown ones or none at all, the others can be read.
                    None => true,
                })
            }
            _ => false,
        }
    }

    fn variants(&mut self, writer: (&Shape, UnknownFields), reader: (&Shape, UnknownFields)) -> bool {
        match (writer.0, reader.0) {
            (Shape::Newtype(a), Shape::Newtype(b)) => self.again(a, b),
            (Shape::Unit, Shape::Unit) => true,
            (Shape::Unit, _) | (_, Shape::Unit) => false,
            (Shape::Newtype(ty), shape) => match bare(ty, self.writer) {
                Bare::Shape(inner, definition) => {
                    self.shapes((inner, definition.unknown_fields), (shape, reader.1))
                }
                Bare::Type(Type::Tuple(types)) => {
                    self.shapes((&Shape::Tuple(types.clone()), UnknownFields::Ignored), (shape, reader.1))
                }
                Bare::Type(_) => false,
            },
            (shape, Shape::Newtype(ty)) => match bare(ty, self.reader) {
                Bare::Shape(inner, definition) => {
                    self.shapes((shape, writer.1), (inner, definition.unknown_fields))
                }
                Bare::Type(Type::Tuple(types)) => {
                    self.shapes((shape, writer.1), (&Shape::Tuple(types.clone()), UnknownFields::Ignored))
                }
                Bare::Type(_) => false,
            },
            _ => self.shapes(writer, reader),
        }
    }

    /// As `types`, with what was seen kept.
    fn again(&mut self, writer: &Type, reader: &Type) -> bool {
        let mut check =
            Check { writer: self.writer, reader: self.reader, seen: std::mem::take(&mut self.seen) };
        let readable = check.types(writer, reader);
        self.seen = check.seen;
        readable
    }

    fn fields(&mut self, writer: &[Field], reader: &[Field], unknown: UnknownFields) -> bool {
        let mut targets = HashSet::new();
        for sent in writer {
            match field(reader, &sent.name) {
                Some(read) if !targets.insert(read.name.clone()) || !self.again(&sent.ty, &read.ty) => {
                    return false;
                }
                Some(_) => {}
                None if unknown == UnknownFields::Refused => return false,
                None => {}
            }
        }
        reader.iter().all(|read| targets.contains(&read.name) || read.missing != Missing::Refused)
    }
}

pub(crate) fn read_arguments(
    sent: &[Value],
    caller: &Method,
    callee: &Method,
    types: (&[Definition], &[Definition]),
) -> Outcome {
    let mut values = Vec::new();
    // What is passed over is checked no further than its bytes.
    for (index, argument) in callee.arguments.iter().enumerate() {
        match (sent.get(index), caller.arguments.get(index)) {
            (Some(value), Some(from)) => match read(value, (&from.ty, types.0), (&argument.ty, types.1)) {
                Outcome::Value(value) => values.push(value),
                unknown => return unknown,
            },
            _ if argument.default => values.push(Value::Default(None)),
            _ => values.push(Value::Option(None)),
        }
    }
    Outcome::Value(Value::Tuple(values))
}

/// What the reader's type makes of a value, if it can read its type at all.
pub(crate) fn read(value: &Value, writer: Of<'_>, reader: Of<'_>) -> Outcome {
    let reading = Reading { writer: writer.1, reader: reader.1 };
    match reading.types(value, writer.0, reader.0) {
        Ok(value) => Outcome::Value(value),
        Err(name) => Outcome::UnknownVariant(name),
    }
}

struct Reading<'a> {
    writer: &'a [Definition],
    reader: &'a [Definition],
}

impl Reading<'_> {
    fn types(&self, value: &Value, writer: &Type, reader: &Type) -> Result<Value, String> {
        let (written, read) = (bare(writer, self.writer), bare(reader, self.reader));
        Ok(match (value, written, read) {
            (Value::Option(None), ..) => Value::Option(None),
            (
                Value::Option(Some(value)),
                Bare::Type(Type::Option(writer)),
                Bare::Type(Type::Option(reader)),
            ) => Value::Option(Some(Box::new(self.types(value, writer, reader)?))),
            (value, _, Bare::Type(Type::Option(inner))) => {
                Value::Option(Some(Box::new(self.types(value, writer, inner)?)))
            }
            (value, Bare::Shape(writer, _), Bare::Shape(reader, _)) => self.shapes(value, writer, reader)?,
            (value, Bare::Type(Type::Tuple(a)), Bare::Shape(reader, _)) => {
                self.shapes(value, &Shape::Tuple(a.clone()), reader)?
            }
            (value, Bare::Shape(writer, _), Bare::Type(Type::Tuple(b))) => {
                self.shapes(value, writer, &Shape::Tuple(b.clone()))?
            }
            (value, Bare::Type(writer), Bare::Type(reader)) => match (value, writer, reader) {
                (Value::F32(bits), _, Type::F64) => Value::F64(f64::from(f32::from_bits(*bits)).to_bits()),
                (Value::Unsigned(number), _, reader) => match bits(reader) {
                    Some((true, _)) => Value::Signed(i128::try_from(*number).expect("it fits")),
                    _ => value.clone(),
                },
                (
                    Value::List(values),
                    Type::Sequence(a) | Type::Set(a) | Type::Array(a, _),
                    Type::Sequence(b) | Type::Set(b) | Type::Array(b, _),
                ) => {
                    Value::List(values.iter().map(|value| self.types(value, a, b)).collect::<Result<_, _>>()?)
                }
                (Value::Map(entries), Type::Map(a, c), Type::Map(b, d)) => {
                    let entries = entries
                        .iter()
                        .map(|(key, value)| Ok((self.types(key, a, b)?, self.types(value, c, d)?)));
                    Value::Map(entries.collect::<Result<_, String>>()?)
                }
                (Value::Tuple(values), Type::Tuple(a), Type::Tuple(b)) => self.tuple(values, a, b)?,
                (value, ..) => value.clone(),
            },
            (Value::Unit, ..) => Value::Unit,
            (value, ..) => panic!("{value:?}"),
        })
    }

    fn tuple(&self, values: &[Value], writer: &[Type], reader: &[Type]) -> Result<Value, String> {
        let parts = values.iter().zip(writer.iter().zip(reader));
        Ok(Value::Tuple(parts.map(|(value, (a, b))| self.types(value, a, b)).collect::<Result<_, _>>()?))
    }

    fn shapes(&self, value: &Value, writer: &Shape, reader: &Shape) -> Result<Value, String> {
        match (value, writer, reader) {
            (value, Shape::Newtype(a), Shape::Newtype(b)) => self.types(value, a, b),
            (value, Shape::Newtype(ty), reader) => match bare(ty, self.writer) {
                Bare::Shape(shape, _) => self.shapes(value, shape, reader),
                Bare::Type(Type::Tuple(a)) => self.shapes(value, &Shape::Tuple(a.clone()), reader),
                Bare::Type(ty) => panic!("{ty:?}"),
            },
            (value, writer, Shape::Newtype(ty)) => match bare(ty, self.reader) {
                Bare::Shape(shape, _) => self.shapes(value, writer, shape),
                Bare::Type(Type::Tuple(b)) => self.shapes(value, writer, &Shape::Tuple(b.clone())),
                Bare::Type(ty) => panic!("{ty:?}"),
            },
            (Value::Unit, ..) => Ok(Value::Unit),
            (Value::Tuple(values), Shape::Tuple(a), Shape::Tuple(b)) => self.tuple(values, a, b),
            (Value::Struct(values), Shape::Struct(a), Shape::Struct(b)) => {
                // In the order in which they were written, as whoever reads them meets them.
                let mut found = Vec::new();
                for (sent, (_, value)) in a.iter().zip(values) {
                    if let Some(read) = field(b, &sent.name) {
                        found.push((read.name.clone(), self.types(value, &sent.ty, &read.ty)?));
                    }
                }
                let fields = b.iter().map(|read| {
                    let sent = found.iter().find(|(name, _)| *name == read.name);
                    let value = match (sent, read.missing) {
                        (Some((_, value)), _) => value.clone(),
                        (None, Missing::None) => Value::Option(None),
                        (None, _) => Value::Default(Some(read.name.clone())),
                    };
                    (read.name.clone(), value)
                });
                Ok(Value::Struct(fields.collect()))
            }
            (Value::Enum(name, inner), Shape::Enum(a), Shape::Enum(b)) => {
                let sent = a.iter().find(|variant| variant.name == *name).expect("a variant");
                match (variant(b, name), b.iter().find(|variant| variant.other)) {
                    (Some(read), _) => {
                        let inner = self.shapes(inner, &sent.shape, &read.shape)?;
                        Ok(Value::Enum(read.name.clone(), Box::new(inner)))
                    }
                    (None, Some(other)) => Ok(Value::Enum(other.name.clone(), Box::new(Value::Unit))),
                    (None, None) => Err(name.clone()),
                }
            }
            (value, ..) => panic!("{value:?}"),
        }
    }
}
