//! A contract of more than 60 methods with every type and every form: written as text and generated, and written by
//! hand as a trait. Both are one: the schemas agree, and each side's clients call the other's servers.
#![deny(warnings)]

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use tokio_stream::{StreamExt as _, iter};
use traitwire::__private::Dispatch as _;
use traitwire::idl::{Fingerprint, Interface, parse};
use traitwire::{CallError, Code, Server, Stream, Streaming};

#[path = "everything/by_hand.rs"]
mod by_hand;

mod generated {
    pub(crate) type Count = u64;
    pub(crate) type Table = std::collections::HashMap<String, Vec<i64>>;

    traitwire::include_interface!("tests/include/everything.idl");
}

/// A service that implements the contract of a module, and what a client of that module makes of any service.
macro_rules! side {
    ($module:ident, $side:ident { $($name:ident: $ty:ty = $value:expr;)+ }) => {
        mod $side {
            use super::*;
            use super::$module::*;

            pub(super) struct Service;

            impl Everything for Service {
                $(
                    async fn $name(&self, value: $ty) -> $ty {
                        value
                    }
                )+

                async fn text(&self, text: &str) -> String {
                    text.to_owned()
                }

                async fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
                    bytes.to_vec()
                }

                async fn no_arguments(&self) -> u8 {
                    7
                }

                async fn many_arguments(
                    &self,
                    r#type: u8,
                    b: Order,
                    c: &str,
                    d: Option<Key>,
                    (): (),
                    f: f32,
                ) -> (u8, f32) {
                    assert_eq!((b, c, d), (order(), "c", Some(key(1))));
                    (r#type, f)
                }

                async fn fallible(&self, fail: bool) -> Result<Order, Trouble> {
                    if fail { Err(Trouble::Other("told to".into())) } else { Ok(order()) }
                }

                async fn nothing_or_error(&self, fail: bool) -> Result<(), Trouble> {
                    if fail { Err(Trouble::Lost) } else { Ok(()) }
                }

                async fn text_as_error(&self) -> Result<u8, String> {
                    Err("no".into())
                }

                async fn defaulted(&self, first: u8, second: u8, third: Mode) -> u8 {
                    first + second + u8::from(third == Mode::Slow)
                }

                async fn again(&self) -> u8 {
                    8
                }

                async fn forgotten(&self, value: u8) {
                    assert_eq!(value, 9);
                }

                async fn call_new(&self) -> u8 {
                    10
                }

                fn items(&self, count: u32) -> impl Stream<Item = u32> {
                    iter(0..count)
                }

                fn items_or_errors(&self, count: u32) -> impl Stream<Item = Result<Order, Trouble>> {
                    iter((0..count).map(|_| Ok(order())).chain([Err(Trouble::Lost)]))
                }

                async fn refusable(&self, refuse: bool) -> Result<impl Stream<Item = String>, Trouble> {
                    if refuse { Err(Trouble::Lost) } else { Ok(iter(["a".to_owned(), "b".to_owned()])) }
                }

                async fn sum(&self, values: Streaming<i64>) -> i64 {
                    values.filter_map(Result::ok).fold(0, |sum, value| sum + value).await
                }

                fn upper(
                    &self,
                    texts: Streaming<String, Trouble>,
                    prefix: &str,
                ) -> impl Stream<Item = String> {
                    texts.map(move |text| match text {
                        Ok(text) => format!("{prefix}{}", text.to_uppercase()),
                        Err(CallError::Service(trouble)) => format!("{trouble:?}"),
                        Err(CallError::Rpc(error)) => error.to_string(),
                    })
                }

                async fn call_back(&self, listener: ListenerClient, holder: Holder) -> u64 {
                    let one = listener.told(Event::Progress(1)).await.unwrap();
                    let held = holder.listener.expect("there is one");
                    assert_eq!(held, listener);
                    one + held.told(Event::OddOne).await.unwrap()
                }

                async fn listener(&self) -> Option<ListenerClient> {
                    Some(ListenerClient::local(Ear))
                }
            }

            struct Ear;

            impl Listener for Ear {
                async fn told(&self, what: Event) -> u64 {
                    match what {
                        Event::Progress(percent) => u64::from(percent),
                        Event::OddOne => 100,
                        other => panic!("{other:?}"),
                    }
                }
            }

            fn order() -> Order {
                Order {
                    id: u64::MAX,
                    lines: vec![("bread".into(), 2)],
                    raw: vec![0, 255],
                    paid: true,
                    note: Some("soon".into()),
                    by: [(1, Point(1, -1))].into(),
                }
            }

            fn events() -> Vec<Event> {
                vec![
                    Event::Started,
                    Event::Progress(50),
                    Event::Moved(Point(0, 0), Point(1, 1)),
                    Event::Ended { at: Duration::from_millis(1), with: Some(Trouble::Lost) },
                    Event::OddOne,
                    Event::Unknown,
                ]
            }

            fn tree() -> Tree {
                Tree::Node(Box::new(Tree::Leaf(1)), Box::new(Tree::Many(vec![Tree::Leaf(2), Tree::Leaf(3)])))
            }

            fn key(number: u8) -> Key {
                Key { name: "key".into(), parts: [number].into() }
            }

            pub(super) async fn call_everything(address: &str) {
                let client = EverythingClient::connect(address).await.unwrap();
                $(
                    let value: $ty = $value;
                    let answer = client.$name(value.clone()).await.unwrap();
                    assert_eq!(answer, value, stringify!($name));
                )+
                assert_eq!(client.text("ä").await.unwrap(), "ä");
                assert_eq!(client.bytes(&[1; 100_000]).await.unwrap(), [1; 100_000]);
                assert_eq!(client.no_arguments().await.unwrap(), 7);
                let answer = client.many_arguments(1, order(), "c", Some(key(1)), (), 0.5).await.unwrap();
                assert_eq!(answer, (1, 0.5));
                assert_eq!(client.fallible(false).await.unwrap(), order());
                let trouble = Trouble::Other("told to".into());
                assert_eq!(client.fallible(true).await, Err(CallError::Service(trouble)));
                assert_eq!(client.nothing_or_error(false).await, Ok(()));
                assert_eq!(client.nothing_or_error(true).await, Err(CallError::Service(Trouble::Lost)));
                assert_eq!(client.text_as_error().await, Err(CallError::Service("no".to_owned())));
                assert_eq!(client.defaulted(1, 2, Mode::Slow).await.unwrap(), 4);
                assert_eq!(client.again().await.unwrap(), 8);
                client.forgotten(9).await.unwrap();
                assert_eq!(client.call_new().await.unwrap(), 10);
                let items: Vec<_> = client.items(3).collect().await;
                assert_eq!(items, [Ok(0), Ok(1), Ok(2)]);
                let items: Vec<_> = client.items_or_errors(1).collect().await;
                assert_eq!(items, [Ok(order()), Err(CallError::Service(Trouble::Lost))]);
                let items: Vec<_> = client.refusable(false).collect().await;
                assert_eq!(items, [Ok("a".to_owned()), Ok("b".to_owned())]);
                let items: Vec<_> = client.refusable(true).collect().await;
                assert_eq!(items, [Err(CallError::Service(Trouble::Lost))]);
                assert_eq!(client.sum(iter([1, 2, 39])).await.unwrap(), 42);
                let texts = iter([Ok("a".to_owned()), Err(Trouble::Lost)]);
                let items: Vec<_> = client.upper(texts, "> ").collect().await;
                assert_eq!(items, [Ok("> A".to_owned()), Ok("Lost".to_owned())]);
                let listener = ListenerClient::local(Ear);
                let holder = Holder { listener: Some(listener.clone()) };
                assert_eq!(client.call_back(listener, holder).await.unwrap(), 101);
                let listener = client.listener().await.unwrap().expect("there is one");
                assert_eq!(listener.told(Event::Progress(5)).await.unwrap(), 5);
                // What is refused here is refused by the peer's handler, with its name as the peer knows it.
                let lost = listener.told(Event::Started).await.unwrap_err();
                assert!(matches!(lost, CallError::Rpc(error) if error.code() == Code::Panicked));
            }
        }
    };
}

macro_rules! sides {
    ($($methods:tt)+) => {
        side!(by_hand, hand { $($methods)+ });
        side!(generated, text { $($methods)+ });
    };
}

sides! {
    boolean: bool = true;
    small: u8 = u8::MAX;
    unsigned16: u16 = u16::MAX;
    unsigned32: u32 = u32::MAX;
    unsigned64: Count = Count::MAX;
    unsigned128: u128 = u128::MAX;
    signed8: i8 = i8::MIN;
    signed16: i16 = i16::MIN;
    signed32: i32 = i32::MIN;
    signed64: i64 = i64::MIN;
    signed128: i128 = i128::MIN;
    float32: f32 = f32::MIN_POSITIVE;
    float64: f64 = -0.1;
    character: char = 'ß';
    nothing: () = ();
    maybe: Option<u8> = Some(1);
    maybe_maybe: Option<Option<String>> = Some(None);
    numbers: Vec<u16> = vec![1, 2, 300];
    texts: Vec<String> = vec![String::new(), "two".into()];
    blocks: Vec<Vec<u8>> = vec![vec![], vec![0; 100]];
    set: HashSet<String> = ["a".to_owned(), "b".to_owned()].into();
    table: Table = [("a".to_owned(), vec![1]), ("b".to_owned(), vec![])].into();
    array: [u32; 3] = [1, 2, 3];
    nested_array: [[bool; 2]; 2] = [[true, false], [false, true]];
    single: (u8,) = (1,);
    triple: (u8, String, Option<char>) = (1, "two".into(), Some('3'));
    deep: HashMap<(u8, Option<bool>), HashMap<u32, HashSet<char>>> = [((1, None), [(2, ['x'].into())].into())].into();
    unit_struct: Mark = Mark;
    newtype: Meters = Meters(1.5);
    tuple_struct: Point = Point(-1, 2);
    empty_struct: Empty = Empty {};
    structure: Order = order();
    enumeration: Vec<Event> = events();
    closed: Closed = Closed { only: 1 };
    list: List = List { head: 1, tail: Some(Box::new(List { head: 2, tail: None })) };
    tree: Tree = tree();
    page_of_orders: PageOrder = PageOrder { items: vec![order()], next: Some(2) };
    page_of_bytes: PageVecU8 = PageVecU8 { items: vec![vec![1, 2]], next: None };
    keyed: HashMap<Key, HashSet<Key>> = [(key(1), [key(2)].into())].into();
    duration: Duration = Duration::new(1, 2);
    range: Range<u64> = 2..5;
    outcomes: Vec<Result<u8, Trouble>> = vec![Ok(1), Err(Trouble::Lost)];
    odd_names: OddNames = OddNames { r#type: 1, two_words: 2, camel_case: 3 };
    settings: Settings = Settings { mode: Mode::Slow, size: 7, note: None };
}

fn of_text() -> Vec<Interface> {
    parse(include_str!("include/everything.idl")).unwrap()
}

#[test]
fn the_schema_of_the_trait_is_that_of_the_text() {
    let server = by_hand::EverythingServer::new(hand::Service);
    let interface = server.description().interface();
    assert!(interface.methods.len() >= 60, "{}", interface.methods.len());
    assert_eq!(*interface, of_text()[0], "{}\n\n{}", interface.print(), of_text()[0].print());
    assert_eq!(Interface::parse(&interface.print()).unwrap(), *interface);
}

#[test]
fn fingerprints_of_what_is_generated_are_those_of_the_trait() {
    let (hand, text) =
        (by_hand::EverythingServer::new(hand::Service), generated::EverythingServer::new(text::Service));
    let fingerprints = |interface: &Interface| {
        let of = |method| Fingerprint::of_method(method, &interface.types);
        interface.methods.iter().map(|method| (method.name.clone(), of(method))).collect::<Vec<_>>()
    };
    let (hand, text) = (hand.description().interface(), text.description().interface());
    assert_eq!(fingerprints(hand), fingerprints(text));
    assert_eq!((&hand.name, &hand.docs), (&text.name, &text.docs));
}

/// Serves both kinds at once, each at an address of its own, and calls each with both kinds of clients.
async fn both_ways(hand_address: &str, text_address: &str) {
    let hand = by_hand::EverythingServer::new(hand::Service);
    let text = generated::EverythingServer::new(text::Service);
    let hand = Server::builder().service(hand).bind(hand_address).await.unwrap().spawn();
    let text = Server::builder().service(text).bind(text_address).await.unwrap().spawn();
    text::call_everything(hand_address).await;
    hand::call_everything(text_address).await;
    // And each its own.
    hand::call_everything(hand_address).await;
    text::call_everything(text_address).await;
    hand.shutdown(Duration::from_secs(5)).await.unwrap();
    text.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn both_call_each_other_in_one_process() {
    both_ways("mem:everything-by-hand", "mem:everything-generated").await;
}

#[cfg(unix)]
#[tokio::test]
async fn both_call_each_other_over_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let address = |name| format!("unix:{}", folder.path().join(name).display());
    both_ways(&address("hand"), &address("text")).await;
}
