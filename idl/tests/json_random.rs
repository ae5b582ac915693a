//! Values as JSON where nobody chose them: schemas and values at random, which go there and back, and schemas and
//! bytes of a peer that means harm, which end soon.

use proptest::prelude::*;
use serde_json::{Value, json};
use traitwire_idl::json::{JsonCodec, JsonErrorKind, JsonLimits};
use traitwire_idl::{DecodeLimits, Definition, Field, Guard, Shape, Type, Variant};

fn scalar() -> impl Strategy<Value = Type> {
    prop::sample::select(vec![
        Type::Bool,
        Type::U8,
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
        Type::String,
        Type::Unit,
    ])
}

/// Types that may name the first `named` definitions.
fn ty(named: usize) -> impl Strategy<Value = Type> {
    let leaf = match named {
        0 => scalar().boxed(),
        _ => prop_oneof![3 => scalar(), 1 => (0..named).prop_map(Type::Named)].boxed(),
    };
    leaf.prop_recursive(4, 12, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Type::Option),
            boxed().prop_map(Type::Sequence),
            boxed().prop_map(Type::Set),
            (boxed(), boxed()).prop_map(|(key, value)| Type::Map(key, value)),
            (boxed(), 0..4_u64).prop_map(|(element, count)| Type::Array(element, count)),
            prop::collection::vec(inner, 0..4).prop_map(Type::Tuple),
        ]
    })
}

fn product(named: usize) -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Unit),
        ty(named).prop_map(Shape::Newtype),
        prop::collection::vec(ty(named), 0..4).prop_map(Shape::Tuple),
        prop::collection::vec(ty(named), 0..4).prop_map(|types| {
            let fields = types.into_iter().enumerate();
            Shape::Struct(fields.map(|(at, ty)| Field::new(format!("f{at}"), ty)).collect())
        }),
    ]
}

/// A shape of the definition with the number `at`. Only an enum may name itself and what follows: a variant of it
/// names nothing, so that values end.
fn shape(at: usize, all: usize) -> impl Strategy<Value = Shape> {
    let variants = prop::collection::vec(product(all), 0..3).prop_map(|shapes| {
        let shapes = std::iter::once(Shape::Unit).chain(shapes).enumerate();
        Shape::Enum(shapes.map(|(at, shape)| Variant::new(format!("V{at}"), shape)).collect())
    });
    prop_oneof![product(at), variants]
}

fn schema() -> impl Strategy<Value = (Vec<Definition>, Type)> {
    (0..4_usize).prop_flat_map(|count| {
        let shapes: Vec<_> = (0..count).map(|at| shape(at, count)).collect();
        let name = |(at, shape): (usize, Shape)| Definition::new(format!("T{at}"), shape);
        (shapes.prop_map(move |shapes| shapes.into_iter().enumerate().map(name).collect()), ty(count))
    })
}

/// Writes values in postcard's shortest form. When the choices are used up each is the least there is.
struct Writer<'a> {
    types: &'a [Definition],
    choices: std::slice::Iter<'a, u8>,
    bytes: Vec<u8>,
}

impl Writer<'_> {
    fn choice(&mut self) -> u8 {
        self.choices.next().copied().unwrap_or_default()
    }

    fn varint(&mut self, bits: u32) {
        let mut value = 0_u128;
        for _ in 0..self.choice() % 17 {
            value = value << 8 | u128::from(self.choice());
        }
        self.number(value & (u128::MAX >> (128 - bits)));
    }

    fn number(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn raw(&mut self, count: usize) {
        for _ in 0..count {
            let byte = self.choice();
            self.bytes.push(byte);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u128);
        self.bytes.extend(text.as_bytes());
    }

    fn many(&mut self, mut one: impl FnMut(&mut Self)) {
        let count = self.choice() % 5;
        self.number(count.into());
        (0..count).for_each(|_| one(self));
    }

    fn ty(&mut self, ty: &Type) {
        const CHARACTERS: [char; 7] = ['a', '0', 'ß', '"', '\0', '\u{9b}', '🦀'];
        match ty {
            Type::Bool => {
                let flag = self.choice() & 1;
                self.bytes.push(flag);
            }
            Type::U8 | Type::I8 => self.raw(1),
            Type::F32 => self.raw(4),
            Type::F64 => self.raw(8),
            Type::U16 | Type::I16 => self.varint(16),
            Type::U32 | Type::I32 => self.varint(32),
            Type::U64 | Type::I64 => self.varint(64),
            Type::U128 | Type::I128 => self.varint(128),
            Type::Char => {
                let character = CHARACTERS[usize::from(self.choice()) % CHARACTERS.len()];
                self.text(&character.to_string());
            }
            Type::String => {
                let length = self.choice() % 6;
                let character =
                    |writer: &mut Self| CHARACTERS[usize::from(writer.choice()) % CHARACTERS.len()];
                let text: String = (0..length).map(|_| character(self)).collect();
                self.text(&text);
            }
            Type::Unit => {}
            Type::Option(inner) => {
                let some = self.choice() & 1;
                self.bytes.push(some);
                (some == 1).then(|| self.ty(inner));
            }
            Type::Sequence(element) | Type::Set(element) => self.many(|writer| writer.ty(element)),
            Type::Map(key, value) => self.many(|writer| {
                writer.ty(key);
                writer.ty(value);
            }),
            Type::Array(element, count) => (0..*count).for_each(|_| self.ty(element)),
            Type::Tuple(types) => types.iter().for_each(|ty| self.ty(ty)),
            Type::Named(index) => self.shape(&self.types[*index].shape),
            other => panic!("not generated: {other:?}"),
        }
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Unit => {}
            Shape::Newtype(ty) => self.ty(ty),
            Shape::Tuple(types) => types.iter().for_each(|ty| self.ty(ty)),
            Shape::Struct(fields) => fields.iter().for_each(|field| self.ty(&field.ty)),
            Shape::Enum(variants) => {
                let tag = usize::from(self.choice()) % variants.len();
                self.number(tag as u128);
                self.shape(&variants[tag].shape);
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_of_any_type_is_the_same_after_json(
        (types, ty) in schema(),
        choices in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut writer = Writer { types: &types, choices: choices.iter(), bytes: Vec::new() };
        writer.ty(&ty);
        let bytes = writer.bytes;
        let guard = Guard::always(std::slice::from_ref(&ty), &types);
        prop_assert_eq!(guard.check(&bytes, DecodeLimits::default()), Ok(bytes.len()));
        let codec = JsonCodec::new(&types);
        let json = match codec.decode(&ty, &bytes) {
            Err(error) if matches!(error.kind(), JsonErrorKind::TooDeep { .. }) => {
                return Err(TestCaseError::reject("deeper than JSON may be"));
            }
            json => json.unwrap(),
        };
        let read: Value = serde_json::from_str(&json.to_string()).unwrap();
        prop_assert_eq!(&read, &json);
        prop_assert_eq!(codec.encode(&ty, &read).unwrap(), bytes, "{}", json);
    }

    #[test]
    fn any_bytes_are_a_value_or_refused(
        (types, ty) in schema(),
        bytes in prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..60),
    ) {
        let codec = JsonCodec::new(&types);
        // Numbers may be longer than they need be; what they mean has one form.
        if let Ok((json, taken)) = codec.decode_first(&ty, &bytes) {
            prop_assert!(taken <= bytes.len());
            let again = codec.encode(&ty, &json).unwrap();
            prop_assert!(again.len() <= taken);
            prop_assert_eq!(codec.decode(&ty, &again), Ok(json));
        }
    }
}

fn definition(shape: Shape) -> Definition {
    Definition::new("T", shape)
}

fn boxed(ty: Type) -> Box<Type> {
    Box::new(ty)
}

fn little() -> JsonLimits {
    let mut limits = JsonLimits::default();
    limits.max_size = 1 << 20;
    limits
}

/// What a faulty or hostile peer might say its types are, and its bytes.
fn harm() -> Vec<(&'static str, Vec<Definition>, Type, Vec<u8>)> {
    let field = |ty| vec![Field::new("a", ty)];
    let chain = |count: usize, link: fn(Type) -> Shape| -> Vec<Definition> {
        (1..=count).map(|next| definition(link(Type::Named(next)))).collect()
    };
    let huge = "x".repeat(1 << 16);
    let wide = Shape::Enum((0..100_000).map(|at| Variant::new(format!("V{at}"), Shape::Unit)).collect());
    let doubling = (1..64).map(|next| definition(Shape::Tuple(vec![Type::Named(next); 2])));
    let mut nested = Shape::Unit;
    for _ in 0..1000 {
        nested = Shape::Enum(vec![Variant::new("V", nested)]);
    }
    let mut options = Type::Bool;
    for _ in 0..1000 {
        options = Type::Option(boxed(options));
    }
    let named = Type::Named;
    vec![
        ("a type that is missing", vec![], named(7), vec![1]),
        ("a newtype of itself", vec![definition(Shape::Newtype(named(0)))], named(0), vec![1]),
        ("a struct of itself", vec![definition(Shape::Struct(field(named(0))))], named(0), vec![1]),
        (
            "an array of itself",
            vec![definition(Shape::Newtype(Type::Array(boxed(named(0)), 9)))],
            named(0),
            vec![1],
        ),
        (
            "a long chain",
            chain(100_000, |next| Shape::Struct(vec![Field::new("a", next)])),
            named(0),
            vec![1],
        ),
        ("a long chain of newtypes", chain(100_000, Shape::Newtype), named(0), vec![1]),
        ("pairs of pairs", doubling.chain([definition(Shape::Unit)]).collect(), named(0), vec![]),
        ("many of nothing", vec![], Type::Array(boxed(Type::Unit), u64::MAX), vec![]),
        (
            "many of many of nothing",
            vec![],
            Type::Array(boxed(Type::Array(boxed(Type::Unit), 1 << 40)), u64::MAX),
            vec![],
        ),
        ("many bytes", vec![], Type::Array(boxed(Type::U8), u64::MAX), vec![1; 100]),
        (
            "a claim of numbers",
            vec![],
            Type::Sequence(boxed(Type::U64)),
            vec![0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1],
        ),
        (
            "a claim of nothing",
            vec![],
            Type::Sequence(boxed(Type::Unit)),
            vec![0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ),
        (
            "a claim of entries of nothing",
            vec![definition(Shape::Struct(vec![]))],
            Type::Map(boxed(named(0)), boxed(Type::Unit)),
            vec![0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ),
        (
            "long names of little",
            vec![definition(Shape::Struct(vec![Field::new(huge.as_str(), Type::Bool)]))],
            Type::Array(boxed(named(0)), 1 << 20),
            vec![1; 1 << 20],
        ),
        ("enums in enums", vec![definition(nested)], named(0), vec![0; 2000]),
        ("options of options", vec![], options, vec![1; 1001]),
        ("an enum without variants", vec![definition(Shape::Enum(vec![]))], named(0), vec![0]),
        (
            "maps by a wide enum",
            vec![definition(wide)],
            Type::Array(boxed(Type::Map(boxed(named(0)), boxed(Type::Unit))), 1 << 14),
            vec![0; 1 << 16],
        ),
        (
            "two fields of one name",
            vec![definition(Shape::Struct([field(Type::Bool), field(Type::Bool)].concat()))],
            named(0),
            vec![0, 0],
        ),
    ]
}

#[test]
fn a_schema_that_means_harm_is_refused_and_costs_little() {
    for (what, types, ty, bytes) in harm() {
        let codec = JsonCodec::new(&types).with_limits(little());
        let decoded = codec.decode(&ty, &bytes);
        assert!(decoded.is_err(), "{what}: {decoded:?}");
        for json in [json!(null), json!({}), json!([]), json!([[[]]]), json!("V7"), json!({"a": {"a": {}}})] {
            let _ = codec.encode(&ty, &json);
        }
    }
}

#[test]
fn values_are_held_to_the_limits_in_both_directions() {
    let list = vec![definition(Shape::Newtype(Type::Sequence(boxed(Type::Named(0)))))];
    let codec = JsonCodec::new(&list);
    let nested = |depth: usize| (1..depth).fold(json!([]), |inner, _| json!([inner]));
    let bytes = codec.encode(&Type::Named(0), &nested(127)).unwrap();
    assert_eq!(codec.decode(&Type::Named(0), &bytes), Ok(nested(127)));
    assert!(serde_json::from_str::<Value>(&nested(127).to_string()).is_ok(), "it reads as much");
    let deeper = codec.encode(&Type::Named(0), &nested(128)).unwrap_err();
    assert_eq!(deeper.kind(), &JsonErrorKind::TooDeep { limit: 127 });
    let deeper = [&[1], bytes.as_slice()].concat();
    let deeper = codec.decode(&Type::Named(0), &deeper).unwrap_err();
    assert_eq!(deeper.kind(), &JsonErrorKind::TooDeep { limit: 127 });

    let units = Type::Sequence(boxed(Type::Unit));
    let codec = JsonCodec::new(&[]);
    let most = codec.encode(&units, &Value::Array(vec![json!(null); 65_536])).unwrap();
    assert!(codec.decode(&units, &most).is_ok());
    let refused = codec.encode(&units, &Value::Array(vec![json!(null); 65_537])).unwrap_err();
    assert_eq!(refused.kind(), &JsonErrorKind::TooManyEmptyElements { limit: 65_536 });
    let refused = codec.decode(&units, &[0x81, 0x80, 4]).unwrap_err();
    assert_eq!(refused.kind(), &JsonErrorKind::TooManyEmptyElements { limit: 65_536 });

    let codec = codec.with_limits(little());
    let long = Value::from("x".repeat(1 << 20));
    let refused = codec.encode(&Type::String, &long).unwrap_err();
    assert_eq!(refused.kind(), &JsonErrorKind::TooLarge { limit: 1 << 20 });
    assert!(size_of::<Value>() <= 80, "more than it counts for: {}", size_of::<Value>());
}
