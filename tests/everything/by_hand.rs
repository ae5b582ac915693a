//! The contract of `tests/include/everything.idl`, written by hand as one writes it in Rust.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use traitwire::{Streaming, ipc_service, ipc_type};

pub(crate) type Count = usize;
pub(crate) type Table = BTreeMap<String, Vec<i64>>;
pub(crate) type PageOrder = Page<Order>;
pub(crate) type PageVecU8 = Page<Vec<u8>>;

/// Everything that an interface can say.
///
/// In one place.
#[ipc_service]
pub(crate) trait Everything {
    /// Gives back what it gets.
    ///
    /// As all of these do.
    async fn boolean(&self, value: bool) -> bool;
    async fn small(&self, value: u8) -> u8;
    async fn unsigned16(&self, value: u16) -> u16;
    async fn unsigned32(&self, value: u32) -> u32;
    async fn unsigned64(&self, value: usize) -> usize;
    async fn unsigned128(&self, value: u128) -> u128;
    async fn signed8(&self, value: i8) -> i8;
    async fn signed16(&self, value: i16) -> i16;
    async fn signed32(&self, value: i32) -> i32;
    async fn signed64(&self, value: i64) -> i64;
    async fn signed128(&self, value: i128) -> i128;
    async fn float32(&self, value: f32) -> f32;
    async fn float64(&self, value: f64) -> f64;
    async fn character(&self, value: char) -> char;
    async fn nothing(&self, value: ()) -> ();
    async fn maybe(&self, value: Option<u8>) -> Option<u8>;
    async fn maybe_maybe(&self, value: Option<Option<String>>) -> Option<Option<String>>;
    async fn numbers(&self, value: Vec<u16>) -> Vec<u16>;
    async fn texts(&self, value: Vec<String>) -> Vec<String>;
    async fn blocks(&self, value: Vec<Vec<u8>>) -> Vec<Vec<u8>>;
    async fn set(&self, value: HashSet<String>) -> HashSet<String>;
    async fn table(&self, value: BTreeMap<String, Vec<i64>>) -> BTreeMap<String, Vec<i64>>;
    async fn array(&self, value: [u32; 3]) -> [u32; 3];
    async fn nested_array(&self, value: [[bool; 2]; 2]) -> [[bool; 2]; 2];
    async fn single(&self, value: (u8,)) -> (u8,);
    async fn triple(&self, value: (u8, String, Option<char>)) -> (u8, String, Option<char>);
    async fn deep(
        &self,
        value: HashMap<(u8, Option<bool>), HashMap<u32, HashSet<char>>>,
    ) -> HashMap<(u8, Option<bool>), HashMap<u32, HashSet<char>>>;
    async fn unit_struct(&self, value: Mark) -> Mark;
    async fn newtype(&self, value: Meters) -> Meters;
    async fn tuple_struct(&self, value: Point) -> Point;
    async fn empty_struct(&self, value: Empty) -> Empty;
    async fn structure(&self, value: Order) -> Order;
    async fn enumeration(&self, value: Vec<Event>) -> Vec<Event>;
    async fn closed(&self, value: Closed) -> Closed;
    async fn list(&self, value: List) -> List;
    async fn tree(&self, value: Tree) -> Tree;
    async fn page_of_orders(&self, value: Page<Order>) -> Page<Order>;
    async fn page_of_bytes(&self, value: Page<Vec<u8>>) -> Page<Vec<u8>>;
    async fn keyed(&self, value: HashMap<Key, HashSet<Key>>) -> HashMap<Key, HashSet<Key>>;
    async fn duration(&self, value: Duration) -> Duration;
    async fn range(&self, value: Range<u64>) -> Range<u64>;
    async fn outcomes(&self, value: Vec<Result<u8, Trouble>>) -> Vec<Result<u8, Trouble>>;
    async fn odd_names(&self, value: OddNames) -> OddNames;
    async fn settings(&self, value: Settings) -> Settings;
    async fn text(&self, text: &str) -> String;
    async fn bytes(&self, bytes: &[u8]) -> Vec<u8>;
    async fn no_arguments(&self) -> u8;
    async fn many_arguments(&self, r#type: u8, b: Order, c: &str, d: Option<Key>, e: (), f: f32)
    -> (u8, f32);
    /// Fails if it is told to.
    async fn fallible(&self, fail: bool) -> Result<Order, Trouble>;
    async fn nothing_or_error(&self, fail: bool) -> Result<(), Trouble>;
    async fn text_as_error(&self) -> Result<u8, String>;
    async fn defaulted(&self, first: u8, #[ipc(default)] second: u8, #[ipc(default)] third: Mode) -> u8;
    #[ipc(idempotent)]
    async fn again(&self) -> u8;
    #[ipc(oneway)]
    async fn forgotten(&self, value: u8);
    #[ipc(name = "new")]
    async fn call_new(&self) -> u8;
    fn items(&self, count: u32) -> impl Stream<Item = u32>;
    fn items_or_errors(&self, count: u32) -> impl Stream<Item = Result<Order, Trouble>>;
    async fn refusable(&self, refuse: bool) -> Result<impl Stream<Item = String>, Trouble>;
    async fn sum(&self, values: Streaming<i64>) -> i64;
    fn upper(&self, texts: Streaming<String, Trouble>, prefix: &str) -> impl Stream<Item = String>;
    async fn call_back(&self, listener: ListenerClient, holder: Holder) -> u64;
    async fn listener(&self) -> Option<ListenerClient>;
}

/// Is told of things.
#[ipc_service]
pub(crate) trait Listener {
    async fn told(&self, what: Event) -> u64;
}

#[ipc_type]
pub(crate) struct Mark;
/// With a unit.
#[ipc_type]
pub(crate) struct Meters(pub(crate) f64);
#[ipc_type]
pub(crate) struct Point(pub(crate) i32, pub(crate) i32);
#[ipc_type]
pub(crate) struct Empty {}

/// Every field is a form of its own.
#[ipc_type]
pub(crate) struct Order {
    /// Counts up.
    pub(crate) id: u64,
    pub(crate) lines: Vec<(String, u32)>,
    pub(crate) raw: Vec<u8>,
    #[serde(default)]
    pub(crate) paid: bool,
    #[serde(alias = "comment", alias = "remark")]
    pub(crate) note: Option<String>,
    pub(crate) by: HashMap<u8, Point>,
}

#[ipc_type]
pub(crate) enum Event {
    Started,
    /// How far it is.
    Progress(u8),
    Moved(Point, Point),
    Ended {
        /// When.
        at: Duration,
        with: Option<Trouble>,
    },
    #[serde(rename = "odd one")]
    OddOne,
    #[serde(other)]
    Unknown,
}

#[ipc_type]
#[serde(deny_unknown_fields)]
pub(crate) struct Closed {
    pub(crate) only: u8,
}

#[ipc_type]
pub(crate) struct List {
    pub(crate) head: u32,
    pub(crate) tail: Option<Box<List>>,
}

#[ipc_type]
pub(crate) enum Tree {
    Leaf(u8),
    Node(Box<Tree>, Box<Tree>),
    Many(Vec<Tree>),
}

/// Part of a list.
#[ipc_type]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<u64>,
}

#[ipc_type]
#[derive(Eq, Hash)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) parts: BTreeSet<u8>,
}

#[ipc_type]
pub(crate) enum Trouble {
    Lost,
    Other(String),
}

#[ipc_type]
pub(crate) struct OddNames {
    pub(crate) r#type: u8,
    #[serde(rename = "two words")]
    pub(crate) two_words: u8,
    #[serde(rename = "camelCase")]
    pub(crate) camel_case: u8,
}

#[ipc_type]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) size: u32,
    pub(crate) note: Option<String>,
}

#[ipc_type]
#[derive(Default)]
pub(crate) enum Mode {
    #[default]
    Fast,
    Slow,
}

#[ipc_type]
pub(crate) struct Holder {
    pub(crate) listener: Option<ListenerClient>,
}
