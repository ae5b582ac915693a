//! Every way an argument or a result can travel.

#![allow(clippy::ptr_arg, reason = "whatever is lent must arrive")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use traitwire::{CallError, Context, ipc_service, ipc_type};

/// A place on a plane.
#[ipc_type]
#[derive(Copy, Eq)]
pub struct Point {
    /// To the right.
    pub x: i32,
    /// Upwards.
    pub y: i32,
}

/// What can go wrong.
#[ipc_type]
pub enum Refusal {
    /// It was empty.
    Empty,
    /// It was too long by so much.
    TooLong(usize),
    /// These bytes are at fault.
    Bytes(Vec<u8>),
}

/// Everything at once.
#[ipc_service]
pub trait Arguments: Send + 'static {
    /// Nothing in, nothing out.
    async fn nothing(&self);
    async fn scalars(&self, a: u8, b: i64, c: f64, d: char, e: bool, f: usize, g: isize, h: u128) -> String;
    async fn text(&self, text: &str) -> usize;
    async fn path(&self, path: &Path) -> PathBuf;
    async fn std_path(&self, path: &std::path::Path) -> PathBuf;
    async fn block(&self, block: &[u8]) -> Vec<u8>;
    async fn owned_block(&self, block: Vec<u8>, more: &Vec<u8>) -> Result<Vec<u8>, Vec<u8>>;
    async fn optional_block(&self, block: Option<Vec<u8>>) -> Option<Vec<u8>>;
    async fn lent(&self, point: &Point, name: &String) -> Point;
    async fn slice(&self, points: &[Point], names: &[String]) -> Vec<Point>;
    async fn array(&self, four: [u8; 4], pair: (i8, String)) -> [u8; 4];
    async fn maps(&self, map: BTreeMap<String, Vec<Point>>) -> BTreeMap<String, Vec<Point>>;
    async fn cow(&self, text: Cow<'static, str>) -> Cow<'static, str>;
    async fn fallible(&self, text: &str) -> Result<Point, Refusal>;
    async fn unit_or_error(&self, fail: bool) -> Result<(), Refusal>;
    async fn context(&self, before: i32, cx: &Context, after: &str) -> String;
    async fn only_context(&self, cx: &Context) -> String;
    fn future(&self, a: i32) -> impl Future<Output = i32>;
    fn send_future(&self, a: i32) -> impl Future<Output = Result<i32, Refusal>> + Send;
    /// Has a body.
    async fn default(&self, text: &str, times: usize) -> Result<String, Refusal> {
        if text.is_empty() {
            return Err(Refusal::Empty);
        }
        self.unit_or_error(false).await?;
        Ok(text.repeat(times))
    }
    fn default_future(&self, a: i32) -> impl Future<Output = i32> {
        async move { self.future(a).await + 1 }
    }
    #[ipc(idempotent, spawn, timeout = "2s 500ms", name = "r\u{f6}hre")]
    async fn attributes(&self) -> Duration;
}

struct Plain;

impl Arguments for Plain {
    async fn nothing(&self) {}
    async fn scalars(&self, a: u8, b: i64, c: f64, d: char, e: bool, f: usize, g: isize, h: u128) -> String {
        format!("{a} {b} {c} {d} {e} {f} {g} {h}")
    }
    async fn text(&self, text: &str) -> usize {
        tokio::task::yield_now().await;
        text.len()
    }
    async fn path(&self, path: &Path) -> PathBuf {
        path.join("b")
    }
    async fn std_path(&self, path: &std::path::Path) -> PathBuf {
        path.join("c")
    }
    async fn block(&self, block: &[u8]) -> Vec<u8> {
        tokio::task::yield_now().await;
        block.to_vec()
    }
    async fn owned_block(&self, block: Vec<u8>, more: &Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        if more.is_empty() { Err(block) } else { Ok([block, more.clone()].concat()) }
    }
    async fn optional_block(&self, block: Option<Vec<u8>>) -> Option<Vec<u8>> {
        block
    }
    async fn lent(&self, point: &Point, name: &String) -> Point {
        Point { x: point.x + name.len() as i32, y: point.y }
    }
    async fn slice(&self, points: &[Point], names: &[String]) -> Vec<Point> {
        points
            .iter()
            .rev()
            .copied()
            .chain(names.iter().map(|name| Point { x: name.len() as i32, y: 0 }))
            .collect()
    }
    async fn array(&self, four: [u8; 4], pair: (i8, String)) -> [u8; 4] {
        four.map(|byte| byte.wrapping_add_signed(pair.0))
    }
    async fn maps(&self, map: BTreeMap<String, Vec<Point>>) -> BTreeMap<String, Vec<Point>> {
        map
    }
    async fn cow(&self, text: Cow<'static, str>) -> Cow<'static, str> {
        text
    }
    async fn fallible(&self, text: &str) -> Result<Point, Refusal> {
        match text.len() {
            0 => Err(Refusal::Empty),
            1 => Ok(Point { x: 1, y: 1 }),
            more => Err(Refusal::TooLong(more - 1)),
        }
    }
    async fn unit_or_error(&self, fail: bool) -> Result<(), Refusal> {
        if fail { Err(Refusal::Bytes(vec![1, 2])) } else { Ok(()) }
    }
    async fn context(&self, before: i32, cx: &Context, after: &str) -> String {
        let _ = cx;
        format!("{before}{after}")
    }
    async fn only_context(&self, cx: &Context) -> String {
        format!("{cx:?}")
    }
    async fn future(&self, a: i32) -> i32 {
        a * 2
    }
    async fn send_future(&self, a: i32) -> Result<i32, Refusal> {
        Ok(a)
    }
    async fn attributes(&self) -> Duration {
        Duration::from_secs(1)
    }
}

#[tokio::test]
async fn every_way_arrives() {
    let client = ArgumentsClient::local(Plain);
    client.nothing().await.unwrap();
    assert_eq!(client.scalars(1, -2, 0.5, 'ä', true, 3, -4, 5).await.unwrap(), "1 -2 0.5 ä true 3 -4 5");
    assert_eq!(client.text("four").await.unwrap(), 4);
    assert_eq!(client.path(Path::new("a")).await.unwrap(), Path::new("a/b"));
    assert_eq!(client.std_path(Path::new("a")).await.unwrap(), Path::new("a/c"));
    assert_eq!(client.block(b"bytes").await.unwrap(), b"bytes");
    assert_eq!(client.owned_block(vec![1], &vec![2]).await.unwrap(), [1, 2]);
    assert_eq!(client.owned_block(vec![1], &vec![]).await, Err(CallError::Service(vec![1])));
    assert_eq!(client.optional_block(Some(vec![7])).await.unwrap(), Some(vec![7]));
    let (p, q) = (Point { x: 1, y: 2 }, Point { x: 3, y: 4 });
    assert_eq!(client.lent(&p, &"ab".to_owned()).await.unwrap(), q_of(3, 2));
    assert_eq!(client.slice(&[p, q], &["abc".to_owned()]).await.unwrap(), [q, p, q_of(3, 0)]);
    assert_eq!(client.array([1, 2, 3, 4], (1, String::new())).await.unwrap(), [2, 3, 4, 5]);
    let map = BTreeMap::from([("k".to_owned(), vec![p])]);
    assert_eq!(client.maps(map.clone()).await.unwrap(), map);
    assert_eq!(client.cow("static".into()).await.unwrap(), "static");
    assert_eq!(client.fallible("").await, Err(CallError::Service(Refusal::Empty)));
    assert_eq!(client.fallible("x").await.unwrap(), q_of(1, 1));
    assert_eq!(client.fallible("xyz").await, Err(CallError::Service(Refusal::TooLong(2))));
    assert_eq!(client.unit_or_error(true).await, Err(CallError::Service(Refusal::Bytes(vec![1, 2]))));
    assert_eq!(client.context(1, "after").await.unwrap(), "1after");
    assert!(!client.only_context().await.unwrap().is_empty());
    assert_eq!(client.future(4).await.unwrap(), 8);
    assert_eq!(client.send_future(4).await.unwrap(), 4);
    assert_eq!(client.default("ab", 2).await.unwrap(), "abab");
    assert_eq!(client.default("", 2).await, Err(CallError::Service(Refusal::Empty)));
    assert_eq!(client.default_future(4).await.unwrap(), 9);
    assert_eq!(client.attributes().await.unwrap(), Duration::from_secs(1));
}

fn q_of(x: i32, y: i32) -> Point {
    Point { x, y }
}

#[tokio::test]
async fn clients_and_servers_are_values() {
    fn is_value<T: Send + Sync + Clone + std::fmt::Debug + 'static>(_: &T) {}
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let client = ArgumentsClient::local(Plain);
    is_value(&client);
    assert_eq!(client, client.clone());
    assert_ne!(client, ArgumentsClient::local(Plain));
    assert_eq!(ArgumentsClient::new(client.channel().clone()), client);
    let server = ArgumentsServer::from_arc(Arc::new(Plain));
    is_value(&server);
    assert_eq!(format!("{server:?}"), "ArgumentsServer");
    let hasty = client.with_timeout(Duration::from_secs(5));
    assert_eq!(is_send(hasty.text("sent")).await.unwrap(), 4);
}

#[test]
fn the_description_says_what_the_trait_says() {
    use traitwire::__private::Dispatch as _;
    let server = ArgumentsServer::new(Plain);
    let description = server.description();
    let interface = description.interface();
    assert_eq!((interface.name.as_str(), interface.docs.as_str()), ("Arguments", "Everything at once."));
    assert_eq!(interface.methods[0].docs, "Nothing in, nothing out.");
    let context = interface.methods.iter().find(|method| method.name == "context").unwrap();
    let names: Vec<_> = context.arguments.iter().map(|argument| argument.name.as_str()).collect();
    assert_eq!(names, ["before", "after"]);
    let last = interface.methods.last().unwrap();
    assert!(last.idempotent && last.name == "röhre");
    let attributes = description.methods().last().unwrap().attributes;
    assert!(attributes.spawn && attributes.timeout == Some(Duration::from_millis(2500)));
    assert!(server.slot(interface.methods.len() as u32).is_none());
    assert!(server.slot(0).is_some());
}
