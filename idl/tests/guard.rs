//! Bytes made to harm a decoder, and honest ones.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use traitwire_idl::{
    DecodeLimits, Definition, Field, Guard, GuardErrorKind as Kind, Interface, Schema, Shape, Type, Types,
    Variant,
};

#[derive(Serialize, Deserialize)]
struct Nest(Option<Box<Nest>>);

impl Schema for Nest {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Nest",
            |_| Vec::new(),
            "",
            |types| Shape::Newtype(Option::<Box<Self>>::describe(types)),
        )
    }
}

#[derive(Serialize, Deserialize)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

impl Schema for Tree {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Tree",
            |_| Vec::new(),
            "",
            |types| {
                let children = Vec::<Self>::describe(types);
                Shape::Struct(vec![Field::new("name", Type::String), Field::new("children", children)])
            },
        )
    }
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash)]
struct Empty {}

impl Schema for Empty {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>("Empty", |_| Vec::new(), "", |_| Shape::Struct(Vec::new()))
    }
}

#[derive(Serialize, Deserialize)]
enum Expr {
    Number(f64),
    Sum(Vec<Expr>),
    Let { name: String, value: Box<Expr>, marks: HashSet<()>, table: HashMap<u16, Option<bool>> },
    Pixels([u8; 16], Vec<(u8, f32)>, char, i128),
    Nothing,
}

impl Schema for Expr {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Expr",
            |_| Vec::new(),
            "",
            |types| {
                Shape::Enum(vec![
                    Variant::new("Number", Shape::Newtype(Type::F64)),
                    Variant::new("Sum", Shape::Newtype(Vec::<Self>::describe(types))),
                    Variant::new(
                        "Let",
                        Shape::Struct(vec![
                            Field::new("name", Type::String),
                            Field::new("value", Self::describe(types)),
                            Field::new("marks", HashSet::<()>::describe(types)),
                            Field::new("table", HashMap::<u16, Option<bool>>::describe(types)),
                        ]),
                    ),
                    Variant::new(
                        "Pixels",
                        Shape::Tuple(vec![
                            <[u8; 16]>::describe(types),
                            Vec::<(u8, f32)>::describe(types),
                            Type::Char,
                            Type::I128,
                        ]),
                    ),
                    Variant::new("Nothing", Shape::Unit),
                ])
            },
        )
    }
}

fn guard<T: Schema>() -> Option<Guard> {
    let mut types = Types::default();
    let root = T::describe(&mut types);
    Guard::new(&[root], types.definitions())
}

fn refused<T: Schema>(bytes: &[u8]) -> Kind {
    let start = Instant::now();
    let error = guard::<T>().unwrap().check(bytes, DecodeLimits::default()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    error.kind
}

fn accepted<T: Schema + Serialize>(value: &T) {
    let mut bytes = postcard::to_stdvec(value).unwrap();
    let length = bytes.len();
    bytes.push(0xff);
    let guard = guard::<T>().unwrap();
    assert_eq!(guard.check(&bytes, DecodeLimits::default()), Ok(length));
    for end in 0..length {
        let kind = guard.check(&bytes[..end], DecodeLimits::default()).unwrap_err().kind;
        assert_eq!(kind, Kind::Truncated);
    }
}

fn nest(depth: u32) -> Nest {
    (1..depth).fold(Nest(None), |inner, _| Nest(Some(Box::new(inner))))
}

fn tree(depth: u32) -> Tree {
    (1..depth).fold(Tree { name: "leaf".into(), children: Vec::new() }, |inner, depth| Tree {
        name: depth.to_string(),
        children: vec![Tree { name: String::new(), children: Vec::new() }, inner],
    })
}

#[test]
fn what_cannot_harm_needs_no_guard() {
    assert!(guard::<(u8, String, Vec<u64>, HashMap<String, Option<Vec<f32>>>)>().is_none());
    assert!(guard::<()>().is_none());
    assert!(guard::<[Empty; 4]>().is_none());
    assert!(guard::<HashMap<(), u8>>().is_none());
    assert!(guard::<Result<Vec<Option<()>>, Empty>>().is_none());
    assert!(guard::<HashMap<(), Empty>>().is_some());
    assert!(guard::<Vec<[u64; 0]>>().is_some());
    assert!(guard::<Option<Box<Nest>>>().is_some());
}

#[test]
fn depth_is_bounded() {
    let too_deep = Kind::TooDeep { limit: 128 };
    assert_eq!(refused::<Nest>(&[1; 100_000]), too_deep);
    let bytes: Vec<u8> = [0, 1].repeat(100_000);
    assert_eq!(refused::<Tree>(&bytes), too_deep);
    assert_eq!(refused::<Expr>(&[1; 100_000]), too_deep);
    assert_eq!(refused::<Nest>(&postcard::to_stdvec(&nest(129)).unwrap()), too_deep);
    accepted(&nest(128));
    accepted(&tree(128));
    // What lies side by side is not deep.
    accepted(&Expr::Sum((0..1000).map(|_| Expr::Nothing).collect()));
}

#[test]
fn empty_elements_are_counted_over_the_whole_message() {
    let mut endless = vec![0xff; 9];
    endless.push(1);
    let too_many = Kind::TooManyEmptyElements { limit: 65_536 };
    assert_eq!(refused::<Vec<()>>(&endless), too_many);
    assert_eq!(refused::<HashMap<(), ()>>(&endless), too_many);
    assert_eq!(refused::<HashSet<Empty>>(&endless), too_many);
    assert_eq!(refused::<Vec<(Empty, [u8; 0])>>(&endless), too_many);
    accepted(&vec![(); 65_536]);
    accepted(&vec![vec![(); 32_768], vec![(); 32_768]]);
    let bytes = postcard::to_stdvec(&vec![vec![(); 32_768], vec![(); 32_769]]).unwrap();
    assert_eq!(refused::<Vec<Vec<()>>>(&bytes), too_many);
}

#[test]
fn lengths_beyond_the_bytes_cost_nothing() {
    let mut endless = vec![0xff; 9];
    endless.push(1);
    for bytes in [&endless[..], &[0xff, 0xff, 0xff, 0x7f, 0, 0]] {
        assert_eq!(refused::<(Vec<Option<u8>>, Vec<()>)>(bytes), Kind::Truncated);
        assert_eq!(refused::<(Vec<f64>, Vec<()>)>(bytes), Kind::Truncated);
        assert_eq!(refused::<(String, Vec<()>)>(bytes), Kind::Truncated);
    }
}

#[test]
fn numbers_and_tags_are_those_of_the_codec() {
    assert_eq!(refused::<(bool, Vec<()>)>(&[2, 0]), Kind::BadTag);
    assert_eq!(refused::<Nest>(&[2]), Kind::BadTag);
    assert_eq!(refused::<Expr>(&[5]), Kind::BadTag);
    assert_eq!(refused::<(u16, Vec<()>)>(&[0xff, 0xff, 4, 0]), Kind::BadVarint);
    assert_eq!(refused::<(u16, Vec<()>)>(&[0xff, 0xff, 0xff, 0]), Kind::BadVarint);
    accepted(&(u16::MAX, i16::MIN, u32::MAX, i32::MIN, vec![()]));
    accepted(&(u64::MAX, i64::MIN, u128::MAX, i128::MIN, vec![()]));
    accepted(&(true, 'ß', "text".to_owned(), (f32::NAN, f64::MAX), vec![()]));
}

#[test]
fn honest_values_pass() {
    let table = HashMap::from([(1, None), (700, Some(true)), (65_535, Some(false))]);
    accepted(&Expr::Sum(vec![
        Expr::Number(1.5),
        Expr::Let {
            name: "x".into(),
            value: Box::new(Expr::Pixels([7; 16], vec![(1, 2.0); 300], '🦀', -5)),
            marks: HashSet::from([()]),
            table,
        },
        Expr::Sum(Vec::new()),
        Expr::Nothing,
    ]));
}

#[test]
fn schemas_without_values_or_without_end_are_no_danger() {
    let definition = |shape| Definition::new("", shape);
    let itself = [definition(Shape::Tuple(vec![Type::Named(0), Type::Named(0)]))];
    let limits = DecodeLimits::default().with_max_depth(u32::MAX).with_max_empty_elements(u32::MAX);
    let guard = Guard::new(&[Type::Named(0)], &itself).unwrap();
    assert_eq!(guard.check(&[0; 1000], limits).unwrap_err().kind, Kind::Truncated);
    // Each holds the next twice; the last takes no bytes.
    let twice = |count: usize, last| {
        let mut types: Vec<_> = (1..count)
            .map(|next| definition(Shape::Tuple(vec![Type::Named(next), Type::Named(next)])))
            .collect();
        types.push(definition(last));
        types
    };
    let guard = Guard::always(&[Type::Named(0)], &twice(100_000, Shape::Unit));
    assert_eq!(guard.check(&[], limits), Ok(0));
    let guard = Guard::always(&[Type::Named(0)], &twice(64, Shape::Newtype(Type::Bool)));
    assert_eq!(guard.check(&[0; 1000], limits).unwrap_err().kind, Kind::Truncated);
    let missing = Guard::always(&[Type::Named(7)], &[]);
    assert_eq!(missing.check(&[0], limits).unwrap_err().kind, Kind::BadTag);
}

#[test]
fn random_bytes_do_no_harm() {
    let guards = [guard::<Expr>(), guard::<Tree>(), guard::<Nest>(), guard::<Vec<HashSet<()>>>()];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let start = Instant::now();
    for _ in 0..100_000 {
        // Small bytes walk deeper than even ones.
        let mask = if next() % 2 == 0 { 0xff } else { 0x07 };
        let bytes: Vec<u8> = (0..next() % 64).map(|_| next() as u8 & mask).collect();
        for guard in guards.iter().flatten() {
            if let Ok(taken) = guard.check(&bytes, DecodeLimits::default()) {
                assert!(taken <= bytes.len());
            }
        }
        // The guard agrees with the codec on what it accepts, and never refuses what the codec takes.
        let decoded = postcard::take_from_bytes::<Expr>(&bytes).ok();
        let taken = guards[0].as_ref().unwrap().check(&bytes, DecodeLimits::default());
        if let Some((_, rest)) = decoded {
            assert_eq!(taken, Ok(bytes.len() - rest.len()));
        }
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

fn described() -> Interface {
    Interface::builder("Example", "docs")
        .method("m", |m| m.argument::<Expr>("a").output::<HashMap<String, Vec<Tree>>>().error::<Nest>())
        .method("describe", |m| m.output::<Interface>().idempotent())
        .build()
}

#[test]
fn an_interface_of_a_peer_is_checked_before_it_is_decoded() {
    let interface = described();
    let mut bytes = postcard::to_stdvec(&interface).unwrap();
    assert_eq!(Interface::check_encoded(&bytes, 64), Ok(()));
    assert_eq!(postcard::from_bytes::<Interface>(&bytes).unwrap(), interface);
    bytes.push(0);
    let error = Interface::check_encoded(&bytes, 64).unwrap_err();
    assert_eq!((error.offset, error.kind), (bytes.len() - 1, Kind::TrailingBytes));
    bytes.truncate(bytes.len() - 2);
    assert_eq!(Interface::check_encoded(&bytes, 64).unwrap_err().kind, Kind::Truncated);
    // No name, no docs, one method; in its output an option of an option, and so on.
    let mut bytes = vec![0, 0, 1, 0, 0, 0];
    bytes.extend([16; 100_000]);
    assert_eq!(Interface::check_encoded(&bytes, 64).unwrap_err().kind, Kind::TooDeep { limit: 64 });
}

/// What a later version of a peer says beside what this one knows.
#[test]
fn what_a_later_interface_says_more_is_skipped() {
    let interface =
        Interface::builder("S", "").method("m", |m| m.argument::<u8>("a").output::<Nest>()).build();
    let bytes = postcard::to_stdvec(&interface).unwrap();
    let plain: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == 0).collect();
    let mut extended = 0;
    for at in plain {
        let more = [&bytes[..at], &[3, 1, 2, 255], &bytes[at + 1..]].concat();
        // Where the byte is the length of an extension, and of nothing else.
        if Interface::check_encoded(&more, 64).is_ok()
            && postcard::from_bytes::<Interface>(&more).is_ok_and(|read| read == interface)
        {
            extended += 1;
        }
    }
    // The interface, its method, its argument, and the definition.
    assert_eq!(extended, 4);
}
