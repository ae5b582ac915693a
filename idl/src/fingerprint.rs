//! The hash by which two sides know that they mean the same method. Never depends on docs, on type names, on
//! argument names, or on what else the interface holds.
//!
//! The fingerprint of a method is the first eight bytes, read as a little-endian number, of the BLAKE3 hash of
//! its canonical bytes. Numbers in them are varints (seven bits a byte, lowest first); a text is its length in
//! bytes, then its UTF-8. The canonical bytes are:
//!
//! 1. The byte `1` (the version of these rules), the number of arguments, and each argument's type.
//! 2. The output's type. Then `0` if the method has no error, or `1` and the error's type.
//! 3. A type is one byte: `Bool` 1, `U8` to `U128` 2 to 6, `I8` to `I128` 7 to 11, `F32` 12, `F64` 13, `Char`
//!    14, `String` 15, `Unit` 16; `Option` 17, `Sequence` 18, `Set` 19, each followed by the inner type; `Map`
//!    20, key, value; `Array` 21, length, element; `Tuple` 22, count, elements.
//!    Where an argument or the output is a stream, 24 stands before the type of an item. A client is 25 and the
//!    name of its service: whether the two sides' services agree is asked where it is called.
//! 4. A named type is 23 and its number, counted from 0 in the order of first mention. At its first mention
//!    its shape follows; later ones are the number alone, which is how recursion ends.
//! 5. A shape is `Unit` 0; `Newtype` 1, type; `Tuple` 2, count, types; `Struct` 3, count, and for each field
//!    its name and type; `Enum` 4, count, and for each variant its name and shape.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Definition, Field, Method, Shape, Type, Variant};

/// The fingerprint of a method's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of `method`, whose named types are in `types`.
    pub fn of_method(method: &Method, types: &[Definition]) -> Self {
        let mut canonical = Canonical::new(types, usize::MAX);
        canonical.method(method);
        canonical.hash()
    }

    /// Whether both methods, each with its types, have the same fingerprint. However large the second one's types are,
    /// no more of them is looked at than the first one has.
    pub fn agree(own: (&Method, &[Definition]), other: (&Method, &[Definition])) -> bool {
        let mut ours = Canonical::new(own.1, usize::MAX);
        ours.method(own.0);
        let mut theirs = Canonical::new(other.1, ours.bytes.len());
        theirs.method(other.0);
        ours.bytes == theirs.bytes
    }

    /// The fingerprint of a whole service: of its name, and of its methods' names and fingerprints in their order.
    pub fn of_service<'a>(name: &str, methods: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let mut canonical = Canonical::new(&[], usize::MAX);
        canonical.text(name);
        for (name, fingerprint) in methods {
            canonical.text(name);
            canonical.bytes.extend_from_slice(&fingerprint.0.to_le_bytes());
        }
        canonical.hash()
    }

    /// The fingerprint with these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

struct Canonical<'a> {
    bytes: Vec<u8>,
    types: &'a [Definition],
    /// Definitions already written out, by their index.
    numbers: HashMap<usize, u64>,
    /// Nobody needs more bytes than these and a few: what follows may be missing then.
    most: usize,
    /// Types, shapes, fields and variants that were looked at.
    steps: usize,
}

impl<'a> Canonical<'a> {
    fn new(types: &'a [Definition], most: usize) -> Self {
        Self { bytes: vec![1], types, numbers: HashMap::new(), most, steps: 0 }
    }

    fn method(&mut self, method: &Method) {
        self.number(method.arguments.len() as u64);
        for argument in &method.arguments {
            self.flow(argument.stream, &argument.ty);
        }
        self.flow(method.stream, &method.output);
        match &method.error {
            None => self.bytes.push(0),
            Some(error) => {
                self.bytes.push(1);
                self.ty(error);
            }
        }
    }

    fn hash(&self) -> Fingerprint {
        let hash = blake3::hash(&self.bytes);
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        Fingerprint(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn flow(&mut self, stream: bool, ty: &Type) {
        if stream {
            self.bytes.push(24);
        }
        self.ty(ty);
    }

    fn ty(&mut self, ty: &Type) {
        // Not by recursion: the types may be a peer's, and lie in one another as deep as it likes.
        let mut work = vec![Work::Type(ty)];
        while let Some(next) = work.pop() {
            if self.bytes.len() > self.most {
                return;
            }
            self.steps += 1;
            let before = work.len();
            match next {
                Work::Type(ty) => self.one_type(ty, &mut work),
                Work::Shape(shape) => self.shape(shape, &mut work),
                Work::Field(field) => {
                    self.text(&field.name);
                    work.push(Work::Type(&field.ty));
                }
                Work::Variant(variant) => {
                    self.text(&variant.name);
                    work.push(Work::Shape(&variant.shape));
                }
            }
            // The first is the next.
            work[before..].reverse();
        }
    }

    fn one_type<'t>(&mut self, ty: &'t Type, work: &mut Vec<Work<'t>>)
    where
        'a: 't,
    {
        let (tag, inner): (u8, &[&'t Type]) = match ty {
            Type::Bool => (1, &[]),
            Type::U8 => (2, &[]),
            Type::U16 => (3, &[]),
            Type::U32 => (4, &[]),
            Type::U64 => (5, &[]),
            Type::U128 => (6, &[]),
            Type::I8 => (7, &[]),
            Type::I16 => (8, &[]),
            Type::I32 => (9, &[]),
            Type::I64 => (10, &[]),
            Type::I128 => (11, &[]),
            Type::F32 => (12, &[]),
            Type::F64 => (13, &[]),
            Type::Char => (14, &[]),
            Type::String => (15, &[]),
            Type::Unit => (16, &[]),
            Type::Option(inner) => (17, &[inner]),
            Type::Sequence(inner) => (18, &[inner]),
            Type::Set(inner) => (19, &[inner]),
            Type::Map(key, value) => (20, &[key, value]),
            Type::Array(element, length) => {
                self.bytes.push(21);
                self.number(*length);
                return work.push(Work::Type(element));
            }
            Type::Tuple(elements) => {
                self.bytes.push(22);
                self.number(elements.len() as u64);
                return work.extend(elements.iter().map(Work::Type));
            }
            Type::Named(index) => return self.named(*index, work),
            Type::Client(service) => {
                self.bytes.push(25);
                return self.text(service);
            }
        };
        self.bytes.push(tag);
        work.extend(inner.iter().map(|inner| Work::Type(inner)));
    }

    fn named<'t>(&mut self, index: usize, work: &mut Vec<Work<'t>>)
    where
        'a: 't,
    {
        self.bytes.push(23);
        let next = self.numbers.len() as u64;
        let known = self.numbers.get(&index).copied();
        self.number(known.unwrap_or(next));
        if known.is_some() {
            return;
        }
        self.numbers.insert(index, next);
        let types: &'a [Definition] = self.types;
        work.extend(types.get(index).map(|definition| Work::Shape(&definition.shape)));
    }

    fn shape<'t>(&mut self, shape: &'t Shape, work: &mut Vec<Work<'t>>) {
        match shape {
            Shape::Unit => self.bytes.push(0),
            Shape::Newtype(ty) => {
                self.bytes.push(1);
                work.push(Work::Type(ty));
            }
            Shape::Tuple(types) => {
                self.bytes.push(2);
                self.number(types.len() as u64);
                work.extend(types.iter().map(Work::Type));
            }
            Shape::Struct(fields) => {
                self.bytes.push(3);
                self.number(fields.len() as u64);
                work.extend(fields.iter().map(Work::Field));
            }
            Shape::Enum(variants) => {
                self.bytes.push(4);
                self.number(variants.len() as u64);
                work.extend(variants.iter().map(Work::Variant));
            }
        }
    }
}

/// What is still to be said.
enum Work<'t> {
    Type(&'t Type),
    Shape(&'t Shape),
    Field(&'t Field),
    Variant(&'t Variant),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interface, Schema, Types};

    struct List;

    impl Schema for List {
        fn describe(types: &mut Types) -> Type {
            types.define::<Self>(
                "List",
                |_| Vec::new(),
                "",
                |types| {
                    Shape::Struct(vec![
                        Field::new("head", Type::U32),
                        Field::new("tail", Type::Option(Box::new(Self::describe(types)))),
                    ])
                },
            )
        }
    }

    impl List {
        fn describe_alone() -> Definition {
            let mut types = Types::default();
            Self::describe(&mut types);
            types.into_definitions().remove(0)
        }
    }

    fn of(interface: &Interface) -> Vec<Fingerprint> {
        interface.methods.iter().map(|method| Fingerprint::of_method(method, &interface.types)).collect()
    }

    #[test]
    fn types_of_any_depth_have_one() {
        let count = 200_000;
        let types = (1..=count)
            .map(|next| Definition { shape: Shape::Newtype(Type::Named(next)), ..List::describe_alone() });
        let types: Vec<_> = types.collect();
        let method = Interface::builder("S", "").method("m", |m| m.output::<u8>()).build().methods.remove(0);
        let deep = Method { output: Type::Named(0), ..method };
        assert_ne!(Fingerprint::of_method(&deep, &types), Fingerprint::of_method(&deep, &types[1..]));
    }

    #[test]
    fn whether_two_agree_costs_no_more_than_the_first() {
        let count = 100_000;
        let types = (1..=count)
            .map(|next| Definition { shape: Shape::Newtype(Type::Named(next)), ..List::describe_alone() });
        let types: Vec<_> = types.collect();
        let interface = Interface::builder("S", "").method("m", |m| m.output::<List>()).build();
        let own = &interface.methods[0];
        let large = Method { output: Type::Named(0), ..own.clone() };
        let many = Method { arguments: vec![crate::Argument::new("a", Type::U8); 1000], ..own.clone() };
        for other in [&large, &many] {
            assert!(!Fingerprint::agree((own, &interface.types), (other, &types)));
            let mut canonical = Canonical::new(&types, 20);
            canonical.method(other);
            assert!(canonical.steps <= 20, "{}", canonical.steps);
        }
        assert!(Fingerprint::agree((&large, &types), (&large, &types)));
        assert!(Fingerprint::agree((own, &interface.types), (own, &interface.types)));
    }

    #[test]
    fn names_of_arguments_docs_and_neighbours_are_left_out() {
        let one = Interface::builder("S", "").method("m", |m| m.argument::<List>("a").output::<u8>()).build();
        let two = Interface::builder("T", "docs")
            .method("other", |m| m.argument::<String>("x").output::<Option<u8>>())
            .method("renamed", |m| m.docs("docs").argument::<List>("b").output::<u8>().idempotent())
            .build();
        assert_eq!(of(&one)[0], of(&two)[1]);
        assert_ne!(of(&two)[0], of(&two)[1]);
    }

    #[test]
    fn every_part_of_a_signature_counts() {
        let interface = Interface::builder("S", "")
            .method("a", |m| m.argument::<u8>("a"))
            .method("b", |m| m.argument::<i8>("a"))
            .method("c", |m| m.output::<u8>())
            .method("d", |m| m.argument::<u8>("a").argument::<u8>("b"))
            .method("e", |m| m.argument::<u8>("a").error::<u8>())
            .method("f", |m| m.argument::<(u8, u8)>("a"))
            .method("g", |m| m.argument::<[u8; 2]>("a"))
            .method("h", |m| m.argument::<[u8; 3]>("a"))
            .build();
        let fingerprints = of(&interface);
        let distinct: std::collections::HashSet<_> = fingerprints.iter().collect();
        assert_eq!(distinct.len(), fingerprints.len());
    }

    #[test]
    fn the_rules_of_the_module_give_these_bits() {
        let interface = Interface::builder("Calculator", "")
            .method("add", |m| m.argument::<i64>("a").argument::<i64>("b").output::<i64>())
            .build();
        let canonical = [1, 2, 10, 10, 10, 0];
        let expected = blake3::hash(&canonical);
        assert_eq!(of(&interface)[0].to_bits().to_le_bytes(), expected.as_bytes()[..8]);
    }
}
