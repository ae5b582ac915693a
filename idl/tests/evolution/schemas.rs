//! Random schemas, changes to them, and values of them. Never knows what a change means.

use traitwire_idl::{
    Argument, Definition, Field, Interface, Method, Missing, Shape, Type, UnknownFields, Variant,
};

use crate::model::{Bare, Value, bare, bits};
use crate::with;

/// Choices that were made beforehand, so that a failing case can be made smaller. Then the first one, always.
pub(crate) struct Tape {
    choices: std::vec::IntoIter<u32>,
}

impl Tape {
    pub(crate) fn new(choices: Vec<u32>) -> Self {
        Self { choices: choices.into_iter() }
    }

    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.choices.next().unwrap_or(0) % end
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == count - 1
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u32) as usize]
    }
}

const SCALARS: [Type; 17] = [
    Type::U8,
    Type::String,
    Type::Bool,
    Type::U16,
    Type::U32,
    Type::U64,
    Type::U128,
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::I128,
    Type::F32,
    Type::F64,
    Type::Char,
    Type::Unit,
    Type::U8,
];

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A type; definitions before `from` only behind something that may be empty.
fn ty(tape: &mut Tape, from: usize, count: usize, depth: u32) -> Type {
    let inner = |tape: &mut Tape, from| Box::new(ty(tape, from, count, depth + 1));
    match tape.below(if depth > 2 { 6 } else { 14 }) {
        0..3 => tape.of(&SCALARS).clone(),
        3..6 if from < count => Type::Named(from + tape.below((count - from) as u32) as usize),
        6 | 7 => Type::Option(inner(tape, 0)),
        8 => Type::Sequence(inner(tape, 0)),
        9 => Type::Set(inner(tape, 0)),
        10 => Type::Map(inner(tape, from), inner(tape, 0)),
        11 => Type::Array(inner(tape, from), tape.below(3).into()),
        12 => Type::Tuple((0..=tape.below(3)).map(|_| *inner(tape, from)).collect()),
        _ => tape.of(&SCALARS).clone(),
    }
}

fn fields(tape: &mut Tape, from: usize, count: usize) -> Vec<Field> {
    let number = tape.below(5) as usize;
    (0..number).map(|index| field(tape, NAMES[index], from, count)).collect()
}

fn field(tape: &mut Tape, name: &str, from: usize, count: usize) -> Field {
    let field = Field::new(name, ty(tape, from, count, 0));
    match tape.below(4) {
        0 if matches!(field.ty, Type::Option(_)) => field.optional(),
        1 => field.with_default(),
        _ => field,
    }
}

fn shape(tape: &mut Tape, from: usize, count: usize) -> Shape {
    match tape.below(10) {
        0..4 => Shape::Struct(fields(tape, from, count)),
        4..7 => Shape::Enum(variants(tape, from, count)),
        7 => Shape::Newtype(ty(tape, from, count, 0)),
        8 => Shape::Tuple((0..=tape.below(2)).map(|_| ty(tape, from, count, 0)).collect()),
        _ => Shape::Unit,
    }
}

fn variants(tape: &mut Tape, from: usize, count: usize) -> Vec<Variant> {
    let number = 1 + tape.below(4) as usize;
    (0..number).map(|index| variant(tape, NAMES[index], from, count)).collect()
}

fn variant(tape: &mut Tape, name: &str, from: usize, count: usize) -> Variant {
    let shape = match tape.below(5) {
        0 | 1 => Shape::Unit,
        2 => Shape::Newtype(ty(tape, from, count, 1)),
        3 => Shape::Tuple((0..=tape.below(2)).map(|_| ty(tape, from, count, 1)).collect()),
        _ => Shape::Struct(fields(tape, from, count)),
    };
    Variant::new(name, shape)
}

/// Some types, and one that reaches them.
pub(crate) fn schema(tape: &mut Tape) -> (Type, Vec<Definition>) {
    let count = 1 + tape.below(4) as usize;
    let types = (0..count).map(|index| {
        let mut definition = Definition::new(format!("D{index}"), shape(tape, index + 1, count));
        if tape.one_in(6) {
            definition.unknown_fields = UnknownFields::Refused;
        }
        definition
    });
    let types = types.collect();
    let root = match tape.one_in(4) {
        true => ty(tape, 0, count, 0),
        false => Type::Named(0),
    };
    (root, types)
}

/// The same types after some changes, most of which do no harm.
pub(crate) fn changed(tape: &mut Tape, root: &Type, types: &[Definition]) -> (Type, Vec<Definition>) {
    let (mut root, mut types) = (root.clone(), types.to_vec());
    let count = types.len();
    for (index, definition) in types.iter_mut().enumerate() {
        definition.name.push('2');
        change_shape(tape, &mut definition.shape, index + 1, count);
        if tape.one_in(12) {
            definition.unknown_fields = UnknownFields::Refused;
        }
    }
    change_type(tape, &mut root, 0, count);
    for _ in 0..tape.below(3) {
        wrap(tape, &mut root, &mut types);
    }
    (root, types)
}

/// Puts a type into a newtype, somewhere.
fn wrap(tape: &mut Tape, root: &mut Type, types: &mut Vec<Definition>) {
    let next = types.len();
    let at = tape.below(types.len() as u32 + 1) as usize;
    let place = match types.get_mut(at).map(|definition| &mut definition.shape) {
        None => root,
        Some(Shape::Newtype(ty)) => ty,
        Some(Shape::Tuple(types)) if !types.is_empty() => &mut types[0],
        Some(Shape::Struct(fields)) if !fields.is_empty() => {
            let at = tape.below(fields.len() as u32) as usize;
            &mut fields[at].ty
        }
        Some(_) => return,
    };
    let inner = std::mem::replace(place, Type::Named(next));
    types.push(Definition::new(format!("N{next}"), Shape::Newtype(inner)));
}

fn change_shape(tape: &mut Tape, shape: &mut Shape, from: usize, count: usize) {
    match shape {
        Shape::Unit => {}
        Shape::Newtype(ty) => change_type(tape, ty, from, count),
        Shape::Tuple(types) => types.iter_mut().for_each(|ty| change_type(tape, ty, from, count)),
        Shape::Struct(fields) => change_fields(tape, fields, from, count),
        Shape::Enum(variants) => change_variants(tape, variants, from, count),
        other => panic!("{other:?}"),
    }
    if tape.one_in(40) {
        *shape = self::shape(tape, from, count);
    }
}

fn change_fields(tape: &mut Tape, fields: &mut Vec<Field>, from: usize, count: usize) {
    for field in fields.iter_mut() {
        change_type(tape, &mut field.ty, from, count);
        match tape.below(12) {
            0 => field.missing = Missing::Default,
            1 => rename(&mut field.name, &mut field.aliases, tape.one_in(3)),
            2 => field.aliases.push((*tape.of(&NAMES)).to_owned()),
            _ => {}
        }
        if !matches!(field.ty, Type::Option(_)) && field.missing == Missing::None {
            field.missing = Missing::Default;
        }
    }
    if tape.one_in(3) {
        let missing = tape.below(6);
        let mut added = field(tape, "new", from, count);
        added.missing = match missing {
            0 => Missing::Refused,
            1 | 2 if matches!(added.ty, Type::Option(_)) => Missing::None,
            _ => Missing::Default,
        };
        let at = tape.below(fields.len() as u32 + 1) as usize;
        fields.insert(at, added);
    }
    if tape.one_in(4) && !fields.is_empty() {
        fields.remove(tape.below(fields.len() as u32) as usize);
    }
    if tape.one_in(3) && fields.len() > 1 {
        let at = tape.below(fields.len() as u32) as usize;
        fields.rotate_left(at);
    }
}

fn rename(name: &mut String, aliases: &mut Vec<String>, forgets: bool) {
    let old = name.clone();
    name.push('r');
    if !forgets {
        aliases.push(old);
    }
}

fn change_variants(tape: &mut Tape, variants: &mut Vec<Variant>, from: usize, count: usize) {
    for variant in variants.iter_mut() {
        change_shape(tape, &mut variant.shape, from, count);
        // None of the above makes one that cannot be in a variant, but for this.
        if matches!(variant.shape, Shape::Enum(_)) {
            variant.shape = Shape::Unit;
        }
        if tape.one_in(8) {
            rename(&mut variant.name, &mut variant.aliases, tape.one_in(3));
        }
    }
    if tape.one_in(4) && variants.len() > 1 {
        variants.remove(tape.below(variants.len() as u32) as usize);
    }
    if tape.one_in(4) {
        variants.push(variant(tape, "New", from, count));
    }
    if tape.one_in(4) {
        variants.push(Variant::new("Other", Shape::Unit).other());
    }
    if tape.one_in(3) {
        let at = tape.below(variants.len() as u32) as usize;
        variants.rotate_left(at);
    }
}

fn change_type(tape: &mut Tape, ty: &mut Type, from: usize, count: usize) {
    if tape.one_in(30) {
        *ty = self::ty(tape, from, count, 0);
        return;
    }
    if tape.one_in(12) {
        *ty = Type::Option(Box::new(ty.clone()));
        return;
    }
    match ty {
        Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) => change_type(tape, inner, 0, count),
        Type::Array(inner, _) => change_type(tape, inner, from, count),
        Type::Map(key, value) => {
            change_type(tape, key, from, count);
            change_type(tape, value, 0, count);
        }
        Type::Tuple(types) => types.iter_mut().for_each(|ty| change_type(tape, ty, from, count)),
        Type::F32 if tape.one_in(3) => *ty = Type::F64,
        _ => {
            let Some((is_signed, size)) = bits(ty) else { return };
            if tape.one_in(4) {
                let wider = SCALARS.iter().filter(|ty| {
                    bits(ty).is_some_and(|(signed, bits)| bits > size && (signed || !is_signed))
                });
                let wider: Vec<&Type> = wider.collect();
                if !wider.is_empty() {
                    *ty = (*tape.of(&wider)).clone();
                }
            } else if tape.one_in(20) {
                *ty = tape.of(&SCALARS).clone();
            }
        }
    }
}

pub(crate) fn interface(output: Type, types: Vec<Definition>) -> Interface {
    Interface::new("S", vec![crate::method(output)], types)
}

/// A method with arguments, and a later or earlier version of it.
pub(crate) fn methods(tape: &mut Tape) -> (Interface, Interface) {
    let (_, types) = schema(tape);
    let count = types.len();
    let sent: Vec<Type> = (0..tape.below(4)).map(|_| ty(tape, 0, count, 1)).collect();
    let (_, read_types) = changed(tape, &Type::Unit, &types);
    let mut read = sent.clone();
    read.iter_mut().for_each(|ty| change_type(tape, ty, 0, count));
    match tape.below(4) {
        0 => read.truncate(tape.below(4) as usize),
        1 | 2 => read.extend((0..tape.below(3)).map(|_| ty(tape, 0, count, 1)).collect::<Vec<_>>()),
        _ => {}
    }
    let arguments = |tape: &mut Tape, types: &[Type]| {
        let count = types.len() as u32;
        let first = count - tape.below(count + 1);
        let argument = |(index, ty): (usize, &Type)| {
            with(Argument::new(NAMES[index], ty.clone()), |it| it.default = index as u32 >= first)
        };
        types.iter().enumerate().map(argument).collect::<Vec<_>>()
    };
    let (sent, read) = (arguments(tape, &sent), arguments(tape, &read));
    let one = |arguments, types| Interface::new("S", vec![Method::new("m", arguments, Type::Unit)], types);
    (one(sent, types), one(read, read_types))
}

/// A value of a type.
pub(crate) fn value(tape: &mut Tape, ty: &Type, types: &[Definition], depth: u32) -> Value {
    let ty = match bare(ty, types) {
        Bare::Shape(shape, _) => return value_of_shape(tape, shape, types, depth + 1),
        Bare::Type(ty) => ty,
    };
    let count = |tape: &mut Tape| if depth > 8 { 0 } else { tape.below(3) };
    match ty {
        Type::Unit => Value::Unit,
        Type::Bool => Value::Bool(tape.below(2) == 1),
        Type::F32 => Value::F32((tape.below(1000) as f32 / 8.0).to_bits()),
        Type::F64 => Value::F64((f64::from(tape.below(1000)) / 7.0).to_bits()),
        Type::Char => Value::Char(*tape.of(&['a', 'é', '\u{1f600}'])),
        Type::String => Value::Text((*tape.of(&["", "text", "ünïcode"])).to_owned()),
        Type::Option(inner) => match count(tape) {
            0 => Value::Option(None),
            _ => Value::Option(Some(Box::new(value(tape, inner, types, depth + 1)))),
        },
        Type::Sequence(inner) | Type::Set(inner) => {
            Value::List((0..count(tape)).map(|_| value(tape, inner, types, depth + 1)).collect())
        }
        Type::Map(key, inner) => {
            let entries = (0..count(tape))
                .map(|_| (value(tape, key, types, depth + 1), value(tape, inner, types, depth + 1)));
            Value::Map(entries.collect())
        }
        Type::Array(inner, count) => {
            Value::List((0..*count).map(|_| value(tape, inner, types, depth)).collect())
        }
        Type::Tuple(inner) => Value::Tuple(inner.iter().map(|ty| value(tape, ty, types, depth)).collect()),
        ty => {
            let (is_signed, bits) = bits(ty).expect("a number");
            let all = u128::MAX >> (128 - bits);
            let number = match tape.below(5) {
                0 => 0,
                1 => u128::from(tape.below(200)) & all,
                2 => all,
                3 => all >> 1,
                _ => (u128::from(tape.below(u32::MAX)) << 40) & all,
            };
            match is_signed {
                false => Value::Unsigned(number),
                // The same bits, extended by their sign.
                true => Value::Signed((number << (128 - bits)) as i128 >> (128 - bits)),
            }
        }
    }
}

fn value_of_shape(tape: &mut Tape, shape: &Shape, types: &[Definition], depth: u32) -> Value {
    match shape {
        Shape::Unit => Value::Unit,
        Shape::Newtype(ty) => value(tape, ty, types, depth),
        Shape::Tuple(inner) => Value::Tuple(inner.iter().map(|ty| value(tape, ty, types, depth)).collect()),
        Shape::Struct(fields) => {
            let values =
                fields.iter().map(|field| (field.name.clone(), value(tape, &field.ty, types, depth)));
            Value::Struct(values.collect())
        }
        Shape::Enum(variants) => {
            let variant = tape.of(variants);
            Value::Enum(variant.name.clone(), Box::new(value_of_shape(tape, &variant.shape, types, depth)))
        }
        other => panic!("{other:?}"),
    }
}
