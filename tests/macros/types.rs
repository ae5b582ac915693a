//! `#[ipc_type]` and `#[derive(Schema)]` on types of all forms.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use traitwire::__private::{Decoder, Encoder, Shape, Type, Types, Variant, serde};
use traitwire::idl::{Missing, UnknownFields};
use traitwire::{Schema, ipc_type};

/// A page of things.
#[ipc_type]
#[derive(Eq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Page<T: Default> {
    /// What is on it.
    pub items_here: Vec<T>,
    /// Copied as a block.
    pub raw: Vec<u8>,
    pub signature: Option<Vec<u8>>,
    #[serde(skip)]
    pub cached: u64,
    #[serde(rename = "nr", alias = "number")]
    pub number: u32,
}

#[ipc_type]
#[serde(deny_unknown_fields)]
pub struct Closed {
    #[serde(alias = "sum", alias = "amount")]
    pub total: u64,
    #[serde(default)]
    pub count: u32,
    pub note: Option<String>,
    #[serde(default = "some")]
    pub rest: Option<u8>,
}

fn some() -> Option<u8> {
    Some(7)
}

#[ipc_type]
pub enum Renamed {
    #[serde(alias = "Old")]
    New,
}

#[ipc_type]
pub enum Tree {
    Leaf,
    Bytes(Vec<u8>),
    Node {
        left: Box<Tree>,
        right: Box<Tree>,
    },
    Pair(u8, Box<Tree>),
    #[serde(rename = "rest", other)]
    Unknown,
}

#[ipc_type]
pub enum Partial {
    Sent,
    #[serde(skip)]
    #[allow(dead_code)]
    Kept(u8),
}

#[ipc_type]
pub struct Generic<K: Ord, V, const N: usize>
where
    V: Clone,
{
    pub map: BTreeMap<K, Option<V>>,
    pub array: PhantomData<[(); N]>,
    pub nested: Option<Box<Generic<K, V, N>>>,
    pub phantom: PhantomData<V>,
}

#[ipc_type]
#[serde(transparent)]
pub struct Meters {
    pub value: f64,
}

#[ipc_type]
pub struct Newtype(pub String);
#[ipc_type]
pub struct Tuple(pub u8, pub Vec<u8>, #[serde(skip)] pub u8);
#[ipc_type]
pub struct Unit;
#[ipc_type]
pub struct NoFields {}

mod as_text {
    use traitwire::__private::serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.to_string())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[ipc_type]
pub struct Stated {
    #[serde(with = "as_text")]
    #[schema(as = "String")]
    pub number: u64,
}

#[ipc_type]
#[serde(into = "String", try_from = "String")]
pub struct Port(pub u16);

impl From<Port> for String {
    fn from(port: Port) -> Self {
        port.0.to_string()
    }
}
impl TryFrom<String> for Port {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Port)
    }
}

/// Beside serde's own derives.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, Schema)]
#[serde(crate = "traitwire::__private::serde")]
pub struct ByHand {
    number: u8,
}

/// Some of the derives are the user's.
#[ipc_type]
#[derive(Debug, Clone, serde::Serialize, std::cmp::PartialEq)]
pub struct Partly {
    number: u8,
}

fn shape_of<T: Schema>() -> Shape {
    let mut types = Types::default();
    match T::describe(&mut types) {
        Type::Named(index) => types.definitions()[index].shape.clone(),
        other => panic!("no definition: {other:?}"),
    }
}

fn round_trip<T>(value: T) -> Vec<u8>
where
    T: Schema + serde::Serialize + for<'de> serde::Deserialize<'de> + PartialEq + std::fmt::Debug,
{
    let mut encoder = Encoder::new();
    encoder.value(&value);
    let mut body = encoder.finish().unwrap();
    let mut decoder = Decoder::new(&body);
    assert_eq!(decoder.value::<T>().unwrap(), value);
    decoder.finish().unwrap();
    body.as_contiguous().to_vec()
}

#[test]
fn names_and_omissions_are_serdes() {
    let Shape::Struct(fields) = shape_of::<Page<u8>>() else { panic!("a struct") };
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["itemsHere", "raw", "signature", "nr"]);
    assert_eq!(fields[0].docs, "What is on it.");
    assert!(fields.iter().all(|field| field.missing == Missing::Default));
    let mut types = Types::default();
    Page::<u8>::describe(&mut types);
    assert_eq!(types.definitions()[0].name, "Page");
    assert_eq!(types.definitions()[0].docs, "A page of things.");
    assert_eq!(types.definitions()[0].arguments, [Type::U8]);
}

#[test]
fn what_a_reader_does_without_and_does_not_know_is_serdes() {
    let Shape::Struct(fields) = shape_of::<Closed>() else { panic!("a struct") };
    let missing: Vec<_> = fields.iter().map(|field| field.missing).collect();
    assert_eq!(missing, [Missing::Refused, Missing::Default, Missing::None, Missing::Default]);
    assert_eq!(fields[0].aliases, ["amount", "sum"]);
    assert!(fields[1].aliases.is_empty());
    let Shape::Enum(variants) = shape_of::<Renamed>() else { panic!("an enum") };
    assert_eq!(variants[0].aliases, ["Old"]);
    let mut types = Types::default();
    Closed::describe(&mut types);
    Renamed::describe(&mut types);
    let unknown: Vec<_> = types.definitions().iter().map(|definition| definition.unknown_fields).collect();
    assert_eq!(unknown, [UnknownFields::Refused, UnknownFields::Ignored]);
}

#[test]
fn variants_are_serdes() {
    let Shape::Enum(variants) = shape_of::<Tree>() else { panic!("an enum") };
    let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
    assert_eq!(names, ["Leaf", "Bytes", "Node", "Pair", "rest"]);
    assert!(variants[4].other && !variants[0].other);
    assert_eq!(shape_of::<Partial>(), Shape::Enum(vec![Variant::new("Sent", Shape::Unit)]));
    assert!(matches!(variants[3].shape, Shape::Tuple(ref types) if types.len() == 2));
}

#[test]
fn what_stands_for_another_type_has_its_schema() {
    let mut types = Types::default();
    assert_eq!(Meters::describe(&mut types), Type::F64);
    assert_eq!(Port::describe(&mut types), Type::String);
    let Shape::Struct(fields) = shape_of::<Stated>() else { panic!("a struct") };
    assert_eq!(fields[0].ty, Type::String);
}

#[test]
fn shapes_are_those_of_the_bytes() {
    assert_eq!(shape_of::<Newtype>(), Shape::Newtype(Type::String));
    assert_eq!(shape_of::<Tuple>(), Shape::Tuple(vec![Type::U8, Type::Sequence(Box::new(Type::U8))]));
    assert_eq!(shape_of::<Unit>(), Shape::Unit);
    assert_eq!(shape_of::<NoFields>(), Shape::Struct(vec![]));
    assert!(matches!(shape_of::<Partly>(), Shape::Struct(_)));
    assert!(matches!(shape_of::<ByHand>(), Shape::Struct(_)));
}

#[test]
fn values_come_back() {
    let page = Page { items_here: vec![1u8], raw: vec![2], signature: Some(vec![3]), cached: 0, number: 4 };
    assert_eq!(round_trip(page), [1, 1, 1, 2, 1, 1, 3, 4]);
    let tree = Tree::Pair(1, Box::new(Tree::Bytes(vec![1, 2])));
    assert_eq!(round_trip(tree), [3, 1, 1, 2, 1, 2]);
    round_trip(Generic::<String, u8, 2> {
        map: BTreeMap::from([("k".to_owned(), Some(1))]),
        array: PhantomData,
        nested: None,
        phantom: PhantomData,
    });
    round_trip(Meters { value: 1.5 });
    round_trip(Newtype("x".to_owned()));
    round_trip(Tuple(1, vec![2], 0));
    round_trip(Unit);
    round_trip(NoFields {});
    assert_eq!(round_trip(Stated { number: 42 }), [2, b'4', b'2']);
    assert_eq!(round_trip(Port(80)), [2, b'8', b'0']);
    round_trip(ByHand { number: 1 });
    round_trip(Partly { number: 1 });
}
