//! Values of one version's types arrive as what serde itself makes of them in the other version: JSON, which names
//! its fields too, is the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use traitwire::Server;

mod first {
    use super::*;
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub struct Id(pub u16);

    #[ipc_type]
    pub struct Inner {
        pub number: i8,
        pub gone: String,
    }

    #[ipc_type]
    pub struct Nothing {}

    #[ipc_type]
    #[derive(Eq, PartialOrd, Ord)]
    pub enum Kind {
        One,
        Two,
        Three,
        Gone,
    }

    #[ipc_type]
    pub enum Shape {
        Point,
        Circle(f32),
        Pair(u8, Inner),
        Box { width: u8, depth: Option<u8> },
    }

    #[ipc_type]
    pub enum Tree {
        Leaf(u8),
        Node { left: Box<Tree>, right: Box<Tree> },
    }

    #[ipc_type]
    pub struct Page<T> {
        pub items: Vec<T>,
        pub next: u32,
    }

    #[ipc_type]
    pub struct All {
        pub a: Inner,
        pub id: Id,
        pub plain: u64,
        pub nothing: Vec<Nothing>,
        pub empty: Nothing,
        pub shapes: Vec<Shape>,
        pub tree: Tree,
        pub page: Page<Page<Inner>>,
        pub map: BTreeMap<String, Vec<Option<Inner>>>,
        pub kinds: BTreeSet<Kind>,
        pub bytes: Vec<u8>,
        pub array: [u8; 3],
        pub tuple: (char, bool, Inner),
        pub time: Duration,
        pub host: IpAddr,
        pub maybe: Option<u8>,
        pub sure: u8,
        pub old: u8,
        pub last: Option<Box<Inner>>,
    }

    #[ipc_service]
    pub trait Judge {
        async fn seen(&self, all: All) -> String;
    }
}

mod second {
    use super::*;
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub struct Inner {
        /// At the first byte, where it is missing.
        #[serde(default = "seven")]
        pub front: u32,
        pub extra: Option<Vec<u8>>,
        pub number: i64,
        #[serde(default)]
        pub end: BTreeMap<u8, u8>,
    }

    fn seven() -> u32 {
        7
    }

    #[ipc_type]
    #[serde(default)]
    pub struct Nothing {
        pub front: u8,
        pub more: Vec<Nothing>,
    }

    impl Default for Nothing {
        fn default() -> Self {
            Self { front: 9, more: vec![Self { front: 1, more: Vec::new() }] }
        }
    }

    #[ipc_type]
    #[derive(Eq, PartialOrd, Ord)]
    pub enum Kind {
        Zero,
        Three,
        #[serde(alias = "Two")]
        Second,
        One,
        #[serde(other)]
        Unknown,
    }

    #[ipc_type]
    pub enum Shape {
        Box {
            #[serde(default)]
            front: u8,
            depth: Option<u16>,
            #[serde(alias = "width")]
            breadth: i16,
        },
        Pair(u16, Inner),
        Circle(f64),
        Point,
    }

    #[ipc_type]
    pub enum Tree {
        Node {
            right: Box<Tree>,
            #[serde(default)]
            note: String,
            left: Box<Tree>,
        },
        Leaf(u8),
    }

    #[ipc_type]
    pub struct Page<T> {
        #[serde(default)]
        pub front: u8,
        pub next: u64,
        pub items: Vec<T>,
    }

    #[ipc_type]
    pub struct Plain(pub u64);

    #[ipc_type]
    pub struct All {
        /// Both its first field and this one are missing at one place.
        #[serde(default)]
        pub front: Nothing,
        #[serde(default = "inner")]
        pub z: Inner,
        pub a: Inner,
        pub sure: Option<u16>,
        pub plain: Plain,
        pub id: u32,
        pub empty: Nothing,
        pub nothing: Vec<Nothing>,
        pub tree: Tree,
        pub shapes: Vec<Shape>,
        pub page: Page<Page<Inner>>,
        pub map: BTreeMap<String, Vec<Option<Inner>>>,
        pub kinds: BTreeSet<Kind>,
        pub bytes: Vec<u8>,
        pub array: [i16; 3],
        pub tuple: (char, bool, Inner),
        pub time: Duration,
        pub host: IpAddr,
        pub maybe: Option<u128>,
        #[serde(alias = "old")]
        pub new: u8,
        pub last: Option<Box<Inner>>,
        #[serde(default)]
        pub end: Option<Kind>,
    }

    fn inner() -> Inner {
        Inner { front: 8, extra: Some(vec![1]), number: -1, end: [(1, 2)].into() }
    }

    #[ipc_service]
    pub trait Judge {
        async fn seen(&self, all: All) -> String;
    }

    pub struct Impl;

    impl Judge for Impl {
        async fn seen(&self, all: All) -> String {
            format!("{all:?}")
        }
    }
}

fn inner() -> impl Strategy<Value = first::Inner> {
    (any::<i8>(), ".{0,3}").prop_map(|(number, gone)| first::Inner { number, gone })
}

fn shape() -> impl Strategy<Value = first::Shape> {
    prop_oneof![
        Just(first::Shape::Point),
        (-1000_i16..1000).prop_map(|value| first::Shape::Circle(f32::from(value) / 7.0)),
        (any::<u8>(), inner()).prop_map(|(number, inner)| first::Shape::Pair(number, inner)),
        (any::<u8>(), any::<Option<u8>>()).prop_map(|(width, depth)| first::Shape::Box { width, depth }),
    ]
}

fn tree() -> impl Strategy<Value = first::Tree> {
    any::<u8>().prop_map(first::Tree::Leaf).prop_recursive(5, 20, 2, |tree| {
        (tree.clone(), tree)
            .prop_map(|(left, right)| first::Tree::Node { left: Box::new(left), right: Box::new(right) })
    })
}

fn page<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = first::Page<T>> {
    (vec(item, 0..3), any::<u32>()).prop_map(|(items, next)| first::Page { items, next })
}

fn kind() -> impl Strategy<Value = first::Kind> {
    use first::Kind::{Gone, One, Three, Two};
    prop_oneof![Just(One), Just(Two), Just(Three), Just(Gone)]
}

fn all() -> impl Strategy<Value = first::All> {
    let one =
        (inner(), any::<u16>(), any::<u64>(), 0_usize..3, vec(shape(), 0..4), tree(), page(page(inner())));
    let two = (
        btree_map(".{0,2}", vec(proptest::option::of(inner()), 0..3), 0..3),
        btree_set(kind(), 0..4),
        vec(any::<u8>(), 0..20),
        any::<[u8; 3]>(),
        (any::<char>(), any::<bool>(), inner()),
        (any::<u32>(), 0_u32..1_000_000_000),
        any::<IpAddr>(),
    );
    let three = (any::<Option<u8>>(), any::<u8>(), any::<u8>(), proptest::option::of(inner()));
    (one, two, three).prop_map(|(one, two, three)| {
        let (a, id, plain, nothing, shapes, tree, page) = one;
        let (map, kinds, bytes, array, tuple, (seconds, nanos), host) = two;
        let (maybe, sure, old, last) = three;
        let nothing = (0..nothing).map(|_| first::Nothing {}).collect();
        let (id, empty, time) = (first::Id(id), first::Nothing {}, Duration::new(seconds.into(), nanos));
        let last = last.map(Box::new);
        first::All {
            a,
            id,
            plain,
            nothing,
            empty,
            shapes,
            tree,
            page,
            map,
            kinds,
            bytes,
            array,
            tuple,
            time,
            host,
            maybe,
            sure,
            old,
            last,
        }
    })
}

#[tokio::test]
async fn what_arrives_is_what_serde_makes_of_it() {
    let server = Server::builder().service(second::JudgeServer::new(second::Impl));
    let _handle = server.bind("mem:typed").await.expect("an address").spawn();
    let judge = first::JudgeClient::connect("mem:typed").await.expect("a judge");
    let mut runner = TestRunner::deterministic();
    for _ in 0..2_000 {
        let sent = all().new_tree(&mut runner).expect("a value");
        let sent = proptest::strategy::ValueTree::current(&sent);
        let json = serde_json::to_value(&sent).expect("it is written");
        let expected: second::All = serde_json::from_value(json).expect("it is read");
        assert_eq!(judge.seen(sent.clone()).await, Ok(format!("{expected:?}")), "{sent:?}");
    }
}
