//! `values.json`: values of every kind of type with their JSON and their bytes, and bytes and JSON that are refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use traitwire::dynamic::JsonCodec;
use traitwire::idl::{Fingerprint, Interface, InterfaceBuilder};
use traitwire::{Schema, ipc_type};

use super::{hex, matches_golden};

/// A struct.
#[ipc_type]
struct Point {
    x: i32,
    /// It need not have one.
    label: Option<String>,
}

/// A struct without fields.
#[ipc_type]
struct Nothing;

/// A newtype.
#[ipc_type]
struct Metres(u16);

/// A tuple struct.
#[ipc_type]
struct Pair(u8, Metres);

/// Every kind of variant.
#[ipc_type]
enum Figure {
    Nothing,
    Circle(f32),
    Line(u8, u8),
    Text { text: String, at: Point },
}

/// An enum without values.
#[ipc_type]
#[derive(Eq, PartialOrd, Ord)]
enum Colour {
    Red,
    Green,
}

/// A type that contains itself.
#[ipc_type]
enum Tree {
    Leaf,
    Branch(Vec<Tree>),
}

/// A generic type.
#[ipc_type]
struct Both<A, B> {
    first: A,
    second: B,
}

/// The table in the making.
struct Table {
    interface: InterfaceBuilder,
    /// A method's name, and the bytes of a value of its type.
    values: Vec<(&'static str, Vec<u8>)>,
}

impl Table {
    fn row<T: Schema + Serialize>(self, name: &'static str, values: &[T]) -> Self {
        let interface = self.interface.method(name, |m| m.argument::<T>("value").output::<T>());
        let mut all = self.values;
        all.extend(values.iter().map(|value| (name, postcard_of(value))));
        Self { interface, values: all }
    }
}

/// Its bytes as serde writes them in generated code.
fn postcard_of<T: Serialize>(value: &T) -> Vec<u8> {
    let mut encoder = traitwire::__private::Encoder::new();
    encoder.value(value);
    encoder.finish().unwrap().as_contiguous().to_vec()
}

#[rustfmt::skip]
fn table() -> Table {
    let float = |bits: u64| f64::from_bits(bits);
    Table { interface: Interface::builder("Golden", "A method for each type."), values: vec![] }
        .row("bool", &[false, true])
        .row("u8", &[0_u8, 127, 128, 255])
        .row("u16", &[0_u16, 127, 128, 16_383, 16_384, u16::MAX])
        .row("u32", &[0_u32, 300, u32::MAX])
        .row("u64", &[0_u64, (1 << 53) - 1, 1 << 53, u64::MAX])
        .row("u128", &[0_u128, 1 << 64, u128::MAX])
        .row("i8", &[0_i8, -1, i8::MIN, i8::MAX])
        .row("i16", &[0_i16, -1, 64, -65, i16::MIN, i16::MAX])
        .row("i32", &[0_i32, -1, 1, i32::MIN, i32::MAX])
        .row("i64", &[0_i64, -(1 << 53) + 1, -(1 << 53), i64::MIN, i64::MAX])
        .row("i128", &[0_i128, -1, i128::MIN, i128::MAX])
        .row("f32", &[0.0_f32, -0.0, 0.1, 1.5, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7fc0_0000), f32::from_bits(0xffc0_0001)])
        .row("f64", &[0.0, -0.0, 0.1, 3.0, 1e300, f64::MAX, f64::from_bits(1), f64::INFINITY, f64::NEG_INFINITY, float(0x7ff8 << 48), float(0xfff8 << 48), float((0x7ff8 << 48) + 1)])
        .row("char", &['a', 'ß', '€', '🦀', '\0', '"'])
        .row("string", &["", "text", "ß€🦀", "\"\\\n\u{7f}"].map(str::to_owned))
        .row("unit", &[()])
        .row("option_of_u8", &[None, Some(5_u8)])
        .row("option_of_unit", &[None, Some(())])
        .row("option_of_option", &[None, Some(None), Some(Some(true))])
        .row("bytes", &[vec![], vec![0_u8, 255, 254], vec![7; 200]])
        .row("array_of_bytes", &[[1_u8, 2, 3, 4]])
        .row("sequence", &[vec![], vec![1_u32, 300]])
        .row("sequence_of_units", &[vec![(); 3]])
        .row("sequence_of_sequences", &[vec![vec![], vec!["a".to_owned()]]])
        .row("set", &[BTreeSet::from([1_u8, 2])])
        .row("array", &[[1_u16, 300, 2]])
        .row("empty_array", &[[0_u16; 0]])
        .row("tuple", &[(1_u8, "a".to_owned(), None::<u8>)])
        .row("map_by_string", &[BTreeMap::new(), BTreeMap::from([("b".to_owned(), 1_u8), (String::new(), 2)])])
        .row("map_by_integer", &[BTreeMap::from([(-1_i64, 1_u8), (i64::MAX, 2)])])
        .row("map_by_bool", &[BTreeMap::from([(false, 1_u8), (true, 2)])])
        .row("map_by_char", &[BTreeMap::from([('x', 1_u8)])])
        .row("map_by_colour", &[BTreeMap::from([(Colour::Red, 1_u8), (Colour::Green, 2)])])
        .row("map_by_tuple", &[BTreeMap::from([((1_u8, true), 3_u8)])])
        .row("nothing", &[Nothing])
        .row("option_of_nothing", &[None, Some(Nothing)])
        .row("metres", &[Metres(300)])
        .row("pair", &[Pair(1, Metres(2))])
        .row("point", &[Point { x: -1, label: None }, Point { x: 1, label: Some("here".to_owned()) }])
        .row("figure", &[
            Figure::Nothing, Figure::Circle(0.5), Figure::Line(1, 2),
            Figure::Text { text: "t".to_owned(), at: Point { x: 0, label: None } },
        ])
        .row("colour", &[Colour::Red, Colour::Green])
        .row("tree", &[Tree::Leaf, Tree::Branch(vec![Tree::Leaf, Tree::Branch(vec![])])])
        .row("both", &[Both { first: 1_u8, second: Some("a".to_owned()) }])
        .row("both_again", &[Both { first: vec![1_u64], second: Metres(1) }])
        .row("result", &[Ok::<u8, String>(1), Err("no".to_owned())])
        .row("duration", &[std::time::Duration::from_millis(1500)])
        .row("address", &["127.0.0.1:80".parse::<std::net::SocketAddr>().unwrap()])
}

/// Bytes that are no value of a method's type.
const MALFORMED: &[(&str, &[u8])] = &[
    ("bool", &[2]),
    ("u16", &[0xff, 0xff, 4]),
    ("u32", &[0xff, 0xff, 0xff, 0xff, 0x10]),
    ("u64", &[0xff; 11]),
    ("u8", &[]),
    ("u8", &[1, 2]),
    ("char", &[0]),
    ("char", &[2, b'a', b'b']),
    ("string", &[2, b'a']),
    ("string", &[1, 0xff]),
    ("option_of_u8", &[2, 1]),
    ("sequence", &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]),
    ("sequence_of_units", &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    ("colour", &[2]),
    ("point", &[2]),
];

#[test]
fn values_are_what_they_were() {
    let Table { interface, values } = table();
    let interface = interface.build();
    let codec = JsonCodec::new(&interface.types);
    let method = |name: &str| interface.methods.iter().find(|method| method.name == name).unwrap();
    let mut rows = Vec::new();
    for (name, bytes) in values {
        let ty = &method(name).output;
        let value = codec.decode(ty, &bytes).unwrap();
        assert_eq!(codec.encode(ty, &value).unwrap(), bytes, "{value}");
        rows.push(json!({"method": name, "type": ty, "value": value, "bytes": hex(&bytes)}));
    }
    let malformed = MALFORMED.iter().map(|(name, bytes)| {
        assert!(codec.decode(&method(name).output, bytes).is_err(), "{name}: {bytes:?}");
        json!({"method": name, "bytes": hex(bytes)})
    });
    let malformed: Vec<_> = malformed.collect();
    let fingerprints = interface.methods.iter().map(|method| {
        let fingerprint = Fingerprint::of_method(method, &interface.types);
        json!({"method": method.name, "fingerprint": fingerprint.to_string()})
    });
    let encoded = postcard_of(&interface);
    let about = "Values of every kind of type (PROTOCOL.md, 9) with their JSON (traitwire::idl::json) and their \
                 bytes; made and verified by tests/golden. Bytes are in hexadecimal. The interface has a method for \
                 each type, whose value it is; its own bytes are those of PROTOCOL.md, 8.";
    let parts = [
        ("values", rows),
        ("malformed", malformed),
        ("fingerprints", fingerprints.collect()),
        ("methods", interface.methods.iter().map(|method| json!(method)).collect()),
        ("types", interface.types.iter().map(|definition| json!(definition)).collect()),
    ];
    let mut text = format!("{{\n\"about\": {},\n\"interface\": \"{}\"", json!(about), hex(&encoded));
    for (name, rows) in parts {
        text.push_str(&format!(",\n\"{name}\": ["));
        for (at, row) in rows.iter().enumerate() {
            text.push_str(if at > 0 { ",\n  " } else { "\n  " });
            text.push_str(&row.to_string());
        }
        text.push_str("\n]");
    }
    text.push_str("\n}\n");
    let _: Value = serde_json::from_str(&text).unwrap();
    matches_golden("values.json", &text);
}
