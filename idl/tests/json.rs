//! Values as JSON: how each type looks, what is taken beside that, and what is refused, with the place. That every
//! type goes there and back is in `wire.rs`, with the types.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use serde::Serialize;
use serde_json::{Value, json};
use traitwire_idl::json::{JsonCodec, JsonLimits, parse};
use traitwire_idl::{Field, Interface, Schema, Shape, Type, Types, Variant};

mod example {
    use super::*;

    #[derive(Debug, Serialize)]
    pub(super) struct Item {
        pub(super) name: &'static str,
        pub(super) price: f64,
        pub(super) note: Option<&'static str>,
    }

    impl Schema for Item {
        fn describe(types: &mut Types) -> Type {
            types.define::<Self>(
                "Item",
                |_| vec![],
                "",
                |types| {
                    Shape::Struct(vec![
                        Field::new("name", Type::String),
                        Field::new("price", Type::F64),
                        Field::new("note", Option::<String>::describe(types)),
                    ])
                },
            )
        }
    }

    #[derive(Debug, Serialize)]
    pub(super) struct Order {
        pub(super) items: Vec<Item>,
        pub(super) colours: BTreeMap<Colour, u8>,
    }

    impl Schema for Order {
        fn describe(types: &mut Types) -> Type {
            types.define::<Self>(
                "Order",
                |_| vec![],
                "",
                |types| {
                    Shape::Struct(vec![
                        Field::new("items", Vec::<Item>::describe(types)),
                        Field::new("colours", BTreeMap::<Colour, u8>::describe(types)),
                    ])
                },
            )
        }
    }

    #[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
    pub(super) enum Colour {
        Red,
        Green,
    }

    impl Schema for Colour {
        fn describe(types: &mut Types) -> Type {
            let variants = || ["Red", "Green"].map(|name| Variant::new(name, Shape::Unit)).into();
            types.define::<Self>("Colour", |_| vec![], "", |_| Shape::Enum(variants()))
        }
    }

    #[derive(Debug, Serialize)]
    pub(super) enum Figure {
        Nothing,
        Circle(f32),
        Line(u8, u8),
        Text { text: &'static str },
        Empty {},
    }

    impl Schema for Figure {
        fn describe(types: &mut Types) -> Type {
            types.define::<Self>(
                "Figure",
                |_| vec![],
                "",
                |_| {
                    Shape::Enum(vec![
                        Variant::new("Nothing", Shape::Unit),
                        Variant::new("Circle", Shape::Newtype(Type::F32)),
                        Variant::new("Line", Shape::Tuple(vec![Type::U8, Type::U8])),
                        Variant::new("Text", Shape::Struct(vec![Field::new("text", Type::String)])),
                        Variant::new("Empty", Shape::Struct(vec![])),
                    ])
                },
            )
        }
    }

    #[derive(Debug, Serialize)]
    pub(super) struct Metres(pub(super) u16);

    impl Schema for Metres {
        fn describe(types: &mut Types) -> Type {
            types.define::<Self>("Metres", |_| vec![], "", |_| Shape::Newtype(Type::U16))
        }
    }

    #[derive(Debug, Serialize)]
    pub(super) struct Marker;

    impl Schema for Marker {
        fn describe(types: &mut Types) -> Type {
            types.define::<Self>("Marker", |_| vec![], "", |_| Shape::Unit)
        }
    }

    #[derive(Debug, Serialize)]
    pub(super) struct Pair(pub(super) u8, pub(super) Marker);

    impl Schema for Pair {
        fn describe(types: &mut Types) -> Type {
            types.define::<Self>(
                "Pair",
                |_| vec![],
                "",
                |types| Shape::Tuple(vec![Type::U8, Marker::describe(types)]),
            )
        }
    }
}

use example::{Colour, Figure, Item, Marker, Metres, Order, Pair};

fn schema<T: Schema + ?Sized>() -> (Type, Types) {
    let mut types = Types::default();
    let ty = T::describe(&mut types);
    (ty, types)
}

/// The value's bytes are this JSON, and this JSON is those bytes, also as text.
fn is<T: Schema + Serialize + Debug>(value: T, json: Value) {
    let (ty, types) = schema::<T>();
    let codec = JsonCodec::new(types.definitions());
    let bytes = postcard::to_stdvec(&value).unwrap();
    assert_eq!(codec.decode(&ty, &bytes).unwrap(), json, "{value:?}");
    let read: Value = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!(codec.encode(&ty, &read).unwrap(), bytes, "{value:?} from {json}");
}

/// The JSON is taken for the value too.
fn is_taken<T: Schema + Serialize + Debug>(json: Value, value: T) {
    let (ty, types) = schema::<T>();
    let encoded = JsonCodec::new(types.definitions()).encode(&ty, &json);
    assert_eq!(encoded, Ok(postcard::to_stdvec(&value).unwrap()), "{value:?} from {json}");
}

/// The JSON is refused with these words.
fn is_refused<T: Schema>(json: Value, words: &str) {
    let (ty, types) = schema::<T>();
    let error = JsonCodec::new(types.definitions()).encode(&ty, &json).unwrap_err();
    assert_eq!(error.to_string(), words, "{json}");
}

#[test]
fn integers_are_numbers_where_all_readers_hold_them_and_else_strings() {
    is(200_u8, json!(200));
    is(-128_i8, json!(-128));
    is(-300_i16, json!(-300));
    is((1_u64 << 53) - 1, json!(9_007_199_254_740_991_u64));
    is(1_u64 << 53, json!("9007199254740992"));
    is(-(1_i64 << 53) + 1, json!(-9_007_199_254_740_991_i64));
    is(-(1_i64 << 53), json!("-9007199254740992"));
    is(u64::MAX, json!("18446744073709551615"));
    is(i64::MIN, json!("-9223372036854775808"));
    is(u128::MAX, json!("340282366920938463463374607431768211455"));
    is(i128::MIN, json!("-170141183460469231731687303715884105728"));
    is(i128::MAX, json!("170141183460469231731687303715884105727"));
    is(7_u128, json!(7));
    is_taken(json!("200"), 200_u8);
    is_taken(json!("-1"), -1_i32);
    is_taken(json!(3.0), 3_u16);
    is_taken(json!(u64::MAX), u64::MAX);
    is_taken(json!(i64::MIN), i64::MIN);
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    is_refused::<u8>(json!(300), "the number 300 does not fit u8");
    is_refused::<u8>(json!(-1), "the number -1 does not fit u8");
    is_refused::<i8>(json!("128"), "the number 128 does not fit i8");
    is_refused::<i128>(
        json!("170141183460469231731687303715884105728"),
        "the number 170141183460469231731687303715884105728 does not fit i128",
    );
    is_refused::<u32>(json!(1.5), "the number 1.5 is no u32 for certain: write it as a string of digits");
    let rounded = serde_json::from_str("18446744073709551616").unwrap();
    is_refused::<u128>(
        rounded,
        "the number 1.8446744073709552e+19 is no u128 for certain: write it as a string of digits",
    );
    for text in ["", "-", "+1", "007", "-0", "1e3", " 1", "0x1", "1_000"] {
        is_refused::<i64>(json!(text), &format!("the number {text:?} is no i64"));
    }
    is_refused::<u64>(json!(true), "expected u64, found true");
    is_refused::<f32>(json!(1e39), "the number 1000000000000000000000000000000000000000 does not fit f32");
}

#[test]
fn floats_keep_every_bit() {
    is(0.1_f32, json!(0.1));
    is(0.1_f64, json!(0.1));
    is(3.0_f64, json!(3.0));
    is(-0.0_f64, json!(-0.0));
    is(f32::MAX, json!(3.4028235e38));
    is(f32::from_bits(1), json!(1e-45));
    is(f64::from_bits(1), json!(5e-324));
    is(f64::MAX, json!(f64::MAX));
    is(f64::INFINITY, json!("Infinity"));
    is(f32::NEG_INFINITY, json!("-Infinity"));
    is(f64::from_bits(0x7ff8 << 48), json!("NaN"));
    is(f64::from_bits(0xfff8 << 48), json!("-NaN"));
    is(f64::from_bits(0x7ff0_0000_0000_0001), json!("NaN:0x7ff0000000000001"));
    is(f32::from_bits(0x7fc0_0000), json!("NaN"));
    is(f32::from_bits(0xffc0_0000), json!("-NaN"));
    is(f32::from_bits(0xff80_0001), json!("NaN:0xff800001"));
    is_taken(json!(3), 3.0_f64);
    is_taken(json!("-2.5e3"), -2500.0_f32);
    is_refused::<f64>(json!("inf"), "the number \"inf\" is no f64");
    is_refused::<f64>(json!("NaN:0x7ff0000000000000"), "the number \"NaN:0x7ff0000000000000\" is no f64");
    is_refused::<f32>(json!("NaN:0x7ff0000000000001"), "the number \"NaN:0x7ff0000000000001\" is no f32");
    // Each 16,381st of all there are.
    for bits in (0..=u32::MAX).step_by(16_381) {
        let (ty, types) = schema::<f32>();
        let codec = JsonCodec::new(types.definitions());
        let json = codec.decode(&ty, &bits.to_le_bytes()).unwrap();
        let read: Value = serde_json::from_str(&json.to_string()).unwrap();
        assert_eq!(codec.encode(&ty, &read).unwrap(), bits.to_le_bytes(), "{json}");
    }
}

#[test]
fn texts_and_bytes_are_strings() {
    is('ß', json!("ß"));
    is("a \"text\"\n".to_owned(), json!("a \"text\"\n"));
    is(vec![0_u8, 255, 254], json!("AP/+"));
    is(Vec::<u8>::new(), json!(""));
    is([1_u8, 2, 3, 4], json!("AQIDBA=="));
    is(serde_bytes::ByteBuf::from([251]), json!("+w=="));
    is_taken(json!("-w"), vec![251_u8]);
    is_taken(json!([251, "0", 1]), vec![251_u8, 0, 1]);
    is_taken(json!([1, 2]), [1_u8, 2]);
    is(BTreeSet::from([1_u8, 2]), json!([1, 2]));
    is_refused::<Vec<u8>>(json!("§"), "expected base64, or an array of numbers, found \"§\"");
    is_refused::<[u8; 2]>(json!("AQ=="), "expected 2 bytes, found 1 byte");
    is_refused::<char>(json!("ab"), "expected char, found \"ab\"");
    is_refused::<String>(json!(1), "expected String, found the number 1");
}

#[test]
fn options_are_null_or_the_value_unless_that_may_be_null() {
    is(None::<u8>, json!(null));
    is(Some(5_u8), json!(5));
    is(None::<()>, json!(null));
    is(Some(()), json!([null]));
    is(Some(Marker), json!([null]));
    is(None::<Option<u8>>, json!(null));
    is(Some(None::<u8>), json!([null]));
    is(Some(Some(5_u8)), json!([5]));
    is(Some(Some(None::<()>)), json!([[null]]));
    is(Some(vec![None::<u8>]), json!([null]));
    is_refused::<Option<Option<u8>>>(
        json!(5),
        "expected null, or an array of one element, found the number 5",
    );
}

#[test]
fn what_has_parts_is_an_array_or_an_object() {
    is((), json!(null));
    is(Marker, json!(null));
    is(Metres(7), json!(7));
    is(Pair(1, Marker), json!([1, null]));
    is((1_u8, true), json!([1, true]));
    is([[1_u16, 2], [3, 4]], json!([[1, 2], [3, 4]]));
    is(vec![(); 3], json!([null, null, null]));
    is(Item { name: "bread", price: 2.5, note: None }, json!({"name": "bread", "price": 2.5, "note": null}));
    is_taken(json!({"price": 2.5, "name": "bread"}), Item { name: "bread", price: 2.5, note: None });
    is(Figure::Nothing, json!("Nothing"));
    is(Figure::Circle(0.5), json!({"Circle": 0.5}));
    is(Figure::Line(1, 2), json!({"Line": [1, 2]}));
    is(Figure::Text { text: "t" }, json!({"Text": {"text": "t"}}));
    is(Figure::Empty {}, json!({"Empty": {}}));
    is_taken(json!({"Nothing": null}), Figure::Nothing);
    is(Ok::<u8, String>(1), json!({"Ok": 1}));
}

#[test]
fn maps_are_objects_where_their_keys_can_be_names() {
    is(BTreeMap::from([("b".to_owned(), 1_u8), ("".to_owned(), 2)]), json!({"": 2, "b": 1}));
    is(BTreeMap::from([('x', 1_u8)]), json!({"x": 1}));
    is(BTreeMap::from([(false, 1_u8), (true, 2)]), json!({"false": 1, "true": 2}));
    is(BTreeMap::from([(-1_i32, 1_u8)]), json!({"-1": 1}));
    is(BTreeMap::from([(u128::MAX, 1_u8)]), json!({"340282366920938463463374607431768211455": 1}));
    is(BTreeMap::from([(Colour::Red, 1_u8), (Colour::Green, 2)]), json!({"Red": 1, "Green": 2}));
    is(BTreeMap::from([((1_u8, 2_u8), 3_u8)]), json!([[[1, 2], 3]]));
    is(BTreeMap::from([(Some(1_u8), 3_u8)]), json!([[1, 3]]));
    is(HashMap::from([((), 3_u8)]), json!([[null, 3]]));
    is_taken(json!([[-1, 1]]), BTreeMap::from([(-1_i32, 1_u8)]));
    is_taken(json!([]), BTreeMap::<String, u8>::new());
    is_taken(json!([["Green", 1]]), BTreeMap::from([(Colour::Green, 1_u8)]));
    is_refused::<BTreeMap<u8, u8>>(json!({"01": 1}), "[\"01\"]: the number \"01\" is no u8");
    is_refused::<BTreeMap<bool, u8>>(json!({"yes": 1}), "[\"yes\"]: expected bool, found the string \"yes\"");
    is_refused::<BTreeMap<(u8, u8), u8>>(
        json!({}),
        "expected an array of pairs, since such keys are no names, found an object",
    );
    is_refused::<BTreeMap<u8, u8>>(
        json!([[1, 2, 3]]),
        "[0]: expected a pair of key and value, found an array of 3",
    );
}

#[test]
fn a_key_that_comes_twice_makes_pairs_of_a_map() {
    let (ty, types) = schema::<BTreeMap<i64, u8>>();
    let codec = JsonCodec::new(types.definitions());
    let bytes = [3, 2, 1, 4, 2, 2, 3];
    let json = codec.decode(&ty, &bytes).unwrap();
    assert_eq!(json, json!([[1, 1], [2, 2], [1, 3]]));
    assert_eq!(codec.encode(&ty, &json).unwrap(), bytes);
}

#[test]
fn errors_name_the_place_and_what_there_is() {
    let order = |item: Value| json!({"items": [{"name": "a", "price": 1}, item], "colours": {}});
    is_refused::<Order>(
        order(json!({"name": "b", "price": [true]})),
        "items[1].price: expected f64, found an array",
    );
    is_refused::<Order>(order(json!({"name": "b"})), "items[1]: the field price is missing");
    is_refused::<Order>(
        order(json!({"name": "b", "price": 1, "prize": 1})),
        "items[1]: there is no field prize; there is name, price, note",
    );
    is_refused::<Order>(order(json!(7)), "items[1]: expected Item, an object, found the number 7");
    is_refused::<Order>(
        json!({"items": [], "colours": {"Blue": 1}}),
        "colours[\"Blue\"]: there is no variant Blue; there is Red, Green",
    );
    is_refused::<Figure>(json!({"Text": {"text": 5}}), "Text.text: expected String, found the number 5");
    is_refused::<Figure>(
        json!("Circle"),
        "expected {\"Circle\": …}, since the variant holds something, found \"Circle\"",
    );
    is_refused::<Figure>(
        json!({}),
        "expected Figure, the name of a variant or an object of one variant, found an object of 0",
    );
    is_refused::<(u8, u8)>(json!([1]), "expected an array of 2 elements, found one of 1");
    is_refused::<Marker>(json!(1), "expected Marker, null, found the number 1");
    is_refused::<std::convert::Infallible>(json!("x"), "there is no variant x; there is none at all");
}

#[test]
fn what_is_shown_of_a_peers_text_is_short_and_steers_no_terminal() {
    let name = format!("\u{1b}[31m{}", "x".repeat(1000));
    is_refused::<Figure>(
        json!(name),
        &format!(
            "there is no variant \u{fffd}[31m{}…; there is Nothing, Circle, Line, Text, Empty",
            "x".repeat(55)
        ),
    );
}

#[test]
fn arguments_come_by_name_or_in_their_order() {
    let interface = Interface::builder("S", "")
        .method("m", |m| m.argument::<u8>("a").streaming::<u8>("many").argument::<Option<u8>>("b"))
        .method("n", |m| m)
        .build();
    let codec = JsonCodec::new(&interface.types);
    let [m, n] = interface.methods.as_slice() else { panic!("two methods") };
    for (json, bytes) in [
        (json!({"a": 1, "b": 2}), vec![1, 1, 2]),
        (json!({"b": 2, "a": 1}), vec![1, 1, 2]),
        (json!({"a": 1}), vec![1, 0]),
        (json!([1, null]), vec![1, 0]),
    ] {
        assert_eq!(codec.encode_arguments(m, &json), Ok(bytes), "{json}");
    }
    assert_eq!(codec.decode_arguments(m, &[1, 0]), Ok(json!({"a": 1, "b": null})));
    for json in [json!(null), json!({}), json!([])] {
        assert_eq!(codec.encode_arguments(n, &json), Ok(vec![]), "{json}");
    }
    for (json, words) in [
        (json!([1]), "the argument b is missing"),
        (json!({"b": 1}), "the argument a is missing"),
        (json!({"a": 1, "c": 1}), "there is no argument c; there is a, b"),
        (json!({"a": true}), "a: expected u8, found true"),
        (json!([1, 2, 3]), "expected 2 arguments, found 3 elements"),
        (
            json!(7),
            "expected the arguments, as an object by their names or an array in their order, found the number 7",
        ),
    ] {
        assert_eq!(codec.encode_arguments(m, &json).unwrap_err().to_string(), words);
    }
}

#[test]
fn a_client_has_no_json() {
    let ty = Type::client("Progress");
    let codec = JsonCodec::new(&[]);
    let words = "a client of Progress has no JSON: it is a reference within one connection";
    assert_eq!(codec.decode(&ty, &[0]).unwrap_err().to_string(), words);
    assert_eq!(codec.encode(&ty, &json!(0)).unwrap_err().to_string(), words);
}

#[test]
fn bytes_that_are_no_value_are_refused_at_their_place() {
    for (ty, bytes, words) in [
        (Type::Bool, &[2][..], "a truth value or an option is neither 0 nor 1 (at byte 0)"),
        (Type::U16, &[0xff, 0xff, 4], "a number is too large for its type (at byte 0)"),
        (Type::U64, &[0xff; 10], "a number is too large for its type (at byte 0)"),
        (Type::U32, &[1, 1], "the bytes go on after the value (at byte 1)"),
        (Type::String, &[2, 0xff, 0xff], "a text is not UTF-8 (at byte 0)"),
        (Type::Char, &[2, b'a', b'b'], "a character is one character (at byte 0)"),
        (Type::Char, &[0], "a character is one character (at byte 0)"),
        (
            Type::Sequence(Box::new(Type::Bool)),
            &[2, 1],
            "[1]: the bytes end before the value does (at byte 2)",
        ),
        (Type::Sequence(Box::new(Type::U8)), &[9, 1], "the bytes end before the value does (at byte 1)"),
        (Type::F64, &[0; 7], "the bytes end before the value does (at byte 0)"),
    ] {
        assert_eq!(JsonCodec::new(&[]).decode(&ty, bytes).unwrap_err().to_string(), words, "{ty:?}");
    }
    // The longest forms are numbers too.
    assert_eq!(JsonCodec::new(&[]).decode(&Type::U16, &[0xff, 0xff, 3]), Ok(json!(65535)));
    assert_eq!(JsonCodec::new(&[]).decode(&Type::U16, &[0x80, 0x80, 0]), Ok(json!(0)));
}

#[test]
fn what_has_a_default_that_only_its_reader_knows_has_to_be_given() {
    let text = "trait Shop { async fn price(&self, order: Order, #[ipc(default)] currency: String); }
        struct Order { item: u32, #[serde(default)] count: u8, note: Option<u8> }";
    let interfaces = traitwire_idl::parse(text).unwrap();
    let [shop] = interfaces.as_slice() else { panic!("one interface") };
    let codec = JsonCodec::new(&shop.types);
    let refused = |what: &str| {
        format!(
            "{what} is missing: it has a default, but the schema does not say which, so that a value has to be given"
        )
    };
    for (json, expected) in [
        (json!({"order": {"item": 1, "count": 2}, "currency": ""}), Ok(vec![1, 2, 0, 0])),
        (json!({"order": {"item": 1, "count": 2}}), Err(refused("the argument currency"))),
        (json!([{"item": 1, "count": 2}]), Err(refused("the argument currency"))),
        (json!([{"item": 1}, ""]), Err(refused("order: the field count"))),
        (json!([{"count": 1}, ""]), Err("order: the field item is missing".to_owned())),
        // Mistyped, rather than missing.
        (
            json!([{"itme": 1, "count": 1}, ""]),
            Err("order: there is no field itme; there is item, count, note".to_owned()),
        ),
    ] {
        let encoded = codec.encode_arguments(&shop.methods[0], &json);
        assert_eq!(encoded.map_err(|error| error.to_string()), expected, "{json}");
    }
}

#[test]
fn text_is_held_to_its_size_in_memory() {
    for (text, size) in
        [("[0,0,0]", 4 * 80), (r#"{"key": "text"}"#, 2 * 80 + 3 + 4), (r#"[{"a": {}}, "b"]"#, 4 * 80 + 2)]
    {
        let limits = JsonLimits::default();
        assert!(parse(text, limits.with_max_size(size)).is_ok(), "{text}");
        let error = parse(text, limits.with_max_size(size - 1)).unwrap_err();
        assert!(error.is_data() && error.to_string().contains("(max_size)"), "{text}: {error}");
    }
}

#[test]
fn text_with_a_key_twice_or_too_deep_is_refused_and_says_where() {
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let (deepest, deep) = (deep(127), deep(128));
    for (text, expected) in [
        (r#"{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}"#, None),
        (r#"[1, -2, 3.5, 18446744073709551615, "\u0061", true, null, {}]"#, None),
        (&deepest, None),
        (&deep, Some("arrays and objects lie more than 127 deep in one another at line 1 column 128")),
        (r#"{"a": 1, "a": 1}"#, Some("the key \"a\" comes twice at line 1 column 12")),
        (r#"{"a": 1, "\u0061": 1}"#, Some("the key \"a\" comes twice at line 1 column 17")),
        ("[{\"x\": [{\"b\": {},\n\"b\": 0}]}]", Some("the key \"b\" comes twice at line 2 column 3")),
        (
            "{\"\u{1b}\": 1}",
            Some("control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3"),
        ),
        ("{\"\\u001b\": 1, \"\\u001b\": 2}", Some("the key \"\u{fffd}\" comes twice at line 1 column 22")),
        ("1 2", Some("trailing characters at line 1 column 3")),
        ("{\"a\": ", Some("EOF while parsing a value at line 1 column 6")),
    ] {
        match (parse(text, JsonLimits::default()), expected) {
            (Ok(value), None) => assert_eq!(value, serde_json::from_str::<Value>(text).unwrap()),
            (Err(error), Some(expected)) => assert_eq!(error.to_string(), expected, "{text}"),
            (parsed, _) => panic!("{text}: {parsed:?}"),
        }
    }
}
