//! `frames.json`: what a client and a server say to each other, frame by frame, in some scenes. Recorded between the
//! real two; the documents' own example is `tests/protocol.rs`.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use traitwire::{
    Channel, Connector, Dial, Endpoint, Peer, Priority, RpcError, Server, Stream, Streaming, Wire,
    ipc_service, ipc_type,
};

use super::{hex, matches_golden};

#[ipc_type]
pub(crate) enum Trouble {
    Zero,
    Because(String),
}

/// What is called in the scenes.
#[ipc_service]
pub(crate) trait Scene {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn divide(&self, a: i64, b: i64) -> Result<i64, Trouble>;
    async fn panic(&self);
    async fn echo(&self, bytes: Vec<u8>) -> Vec<u8>;
    #[ipc(oneway)]
    async fn note(&self, text: String);
    async fn wait(&self);
    fn countdown(&self, from: u32) -> impl Stream<Item = u32>;
    async fn sum(&self, start: u64, values: Streaming<u32>) -> u64;
    fn quotients(&self, values: Streaming<i64>) -> impl Stream<Item = Result<i64, Trouble>>;
    async fn open(&self, name: &str) -> Result<impl Stream<Item = char>, Trouble>;
    async fn ring(&self, bell: BellClient) -> u32;
}

/// What the caller passes to `ring`.
#[ipc_service]
pub(crate) trait Bell {
    async fn strike(&self, times: u32) -> u32;
}

struct Stage;

impl Scene for Stage {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, Trouble> {
        a.checked_div(b).ok_or(Trouble::Zero)
    }

    async fn panic(&self) {
        panic!("on purpose")
    }

    async fn echo(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn note(&self, _: String) {}

    async fn wait(&self) {
        std::future::pending().await
    }

    fn countdown(&self, from: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter((0..from).rev())
    }

    async fn sum(&self, start: u64, mut values: Streaming<u32>) -> u64 {
        let mut sum = start;
        while let Some(Ok(value)) = values.next().await {
            sum += u64::from(value);
        }
        sum
    }

    fn quotients(&self, values: Streaming<i64>) -> impl Stream<Item = Result<i64, Trouble>> {
        use tokio_stream::StreamExt as _;
        values.map_while(Result::ok).map(|value| 100_i64.checked_div(value).ok_or(Trouble::Zero))
    }

    async fn open(&self, name: &str) -> Result<impl Stream<Item = char>, Trouble> {
        match name {
            "" => Err(Trouble::Because("it has no name".to_owned())),
            name => Ok(tokio_stream::iter(name.chars().collect::<Vec<_>>())),
        }
    }

    async fn ring(&self, bell: BellClient) -> u32 {
        bell.strike(3).await.unwrap_or_default()
    }
}

struct Brass;

impl Bell for Brass {
    async fn strike(&self, times: u32) -> u32 {
        times * 2
    }
}

/// What has been said on a connection, by whom, in the client's order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<Said>>>);

struct Said {
    side: Side,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Client,
    Server,
}

impl Record {
    fn note(&self, side: Side, bytes: &[u8]) {
        let mut said = self.0.lock().unwrap();
        match said.last_mut() {
            Some(last) if last.side == side => last.bytes.extend_from_slice(bytes),
            _ => said.push(Said { side, bytes: bytes.to_vec() }),
        }
    }

    /// All there is, cut into hellos and frames. A frame stands where its last byte was said.
    fn frames(&self) -> Vec<Value> {
        let mut frames = Vec::new();
        let mut pending: BTreeMap<bool, (bool, Vec<u8>)> = BTreeMap::new();
        for Said { side, bytes } in self.0.lock().unwrap().iter() {
            let is_client = *side == Side::Client;
            let (greeted, rest) = pending.entry(is_client).or_default();
            rest.extend_from_slice(bytes);
            loop {
                let length = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
                let size = match *greeted {
                    false if rest.len() >= 16 => 16 + length(12),
                    true if rest.len() >= 10 => 10 + length(0),
                    _ => break,
                };
                if rest.len() < size {
                    break;
                }
                let mut said: Vec<u8> = rest.drain(..size).collect();
                let from = if is_client { "client" } else { "server" };
                if std::mem::replace(greeted, true) {
                    frames.push(json!({
                        "from": from,
                        "kind": KINDS[usize::from(said[4]) - 1],
                        "flags": said[5],
                        "id": u32::from_le_bytes(said[6..10].try_into().unwrap()),
                        "payload": hex(&said[10..]),
                    }));
                } else {
                    if !is_client {
                        forget_generation(&mut said);
                    }
                    frames.push(json!({"from": from, "kind": "hello", "bytes": hex(&said)}));
                }
            }
        }
        frames
    }
}

const KINDS: [&str; 17] = [
    "CALL",
    "CALL_DATA",
    "REPLY",
    "REPLY_DATA",
    "CANCEL",
    "PING",
    "PONG",
    "GO_AWAY",
    "CALL_ITEMS",
    "REPLY_ITEMS",
    "CALL_END",
    "CALL_STOP",
    "CALL_CREDIT",
    "REPLY_CREDIT",
    "GIVE",
    "RETURN",
    "TAKEN",
];

/// No two servers have the same: 7 stands for it, as in the document.
fn forget_generation(hello: &mut Vec<u8>) {
    let mut at = 16;
    let mut skip = |count: usize| {
        for _ in 0..count {
            while hello[at] & 0x80 != 0 {
                at += 1;
            }
            at += 1;
        }
        at
    };
    let (start, end) = (skip(6), skip(1));
    hello.splice(start..end, [7]);
    let length = (hello.len() - 16) as u32;
    hello[12..16].copy_from_slice(&length.to_le_bytes());
}

struct Tap<H> {
    half: H,
    side: Side,
    record: Record,
}

impl<R: AsyncRead + Unpin> AsyncRead for Tap<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.half).poll_read(cx, buffer);
        self.record.note(self.side, &buffer.filled()[before..]);
        polled
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Tap<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.half).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            self.record.note(self.side, &bytes[..count]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_shutdown(cx)
    }
}

struct Tapped {
    inner: Box<dyn Connector>,
    record: Record,
}

#[async_trait]
impl Connector for Tapped {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let wire = self.inner.connect().await?;
        let tap = |side| (side, self.record.clone());
        let ((server, reading), (client, writing)) = (tap(Side::Server), tap(Side::Client));
        let reader = Tap { half: wire.reader, side: server, record: reading };
        let writer = Tap { half: wire.writer, side: client, record: writing };
        Ok(Wire::new(reader, writer, Peer::new(self.inner.endpoint().clone())))
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }

    fn options(&self) -> traitwire::Options {
        self.inner.options()
    }
}

/// Plays a scene between a client and a server of its own.
async fn scene<F: Future<Output = ()>>(
    name: &str,
    options: &str,
    play: impl FnOnce(SceneClient) -> F,
) -> Value {
    let address = format!("mem:golden-{}{options}", name.replace(' ', "-"));
    let server = Server::builder().service(SceneServer::new(Stage)).bind(address.as_str()).await.unwrap();
    let handle = server.spawn();
    let (inner, record) = (address.as_str().dial().unwrap(), Record::default());
    let channel = Channel::connect(Tapped { inner, record: record.clone() }).await.unwrap();
    play(SceneClient::new(channel.clone())).await;
    channel.close().await;
    handle.shutdown(Duration::from_secs(1)).await.unwrap();
    json!({"name": name, "options": options.trim_start_matches('?'), "frames": record.frames()})
}

/// All that are recorded.
async fn scenes() -> Vec<Value> {
    const PARTS: &str = "?max_frame=1KiB";
    vec![
        scene("a call", "", async |client| assert_eq!(client.add(2, -3).await, Ok(-1))).await,
        scene("an error of the method", "", async |client| drop(client.divide(1, 0).await)).await,
        scene("a failure", "", async |client| drop(client.panic().await)).await,
        scene("policy", "", async |client| {
            let client = client.with_metadata("tenant", "seven").with_priority(Priority::High);
            client.with_timeout(Duration::from_millis(250)).add(1, 1).await.unwrap();
        })
        .await,
        scene("low priority", "", async |client| {
            client.with_priority(Priority::Low).add(1, 1).await.unwrap();
        })
        .await,
        scene("too late", "", async |client| {
            drop(client.with_timeout(Duration::from_millis(5)).wait().await);
        })
        .await,
        scene("given up", "", async |client| {
            let waiting = client.wait();
            tokio::select! {
                biased;
                _ = waiting => {}
                () = tokio::task::yield_now() => {}
            }
            client.add(1, 1).await.unwrap();
        })
        .await,
        scene("oneway", "", async |client| {
            client.note("remember".to_owned()).await.unwrap();
            // Until nobody has anything to do: else the reply and the next call could stand in either order.
            tokio::time::sleep(Duration::from_millis(1)).await;
            client.add(1, 1).await.unwrap();
        })
        .await,
        scene("bodies in parts", PARTS, async |client| {
            let block: Vec<u8> = (0..2500_u32).map(|at| at as u8).collect();
            assert_eq!(client.echo(block.clone()).await, Ok(block));
        })
        .await,
        scene("a result stream", "", async |client| {
            let mut counted = client.countdown(3);
            while counted.next().await.is_some() {}
        })
        .await,
        scene("a result stream with little credit", "?stream_window=1KiB", async |client| {
            let mut counted = client.countdown(1000);
            while counted.next().await.is_some() {}
        })
        .await,
        scene("a result stream that nobody reads to its end", "?stream_window=1KiB", async |client| {
            let mut counted = client.countdown(1000);
            counted.next().await.unwrap().unwrap();
            drop(counted);
            client.add(1, 1).await.unwrap();
        })
        .await,
        scene("a stream that is refused", "", async |client| {
            drop(client.open("").next().await);
            let mut letters = client.open("ab");
            while letters.next().await.is_some() {}
        })
        .await,
        scene("an argument stream", "", async |client| {
            assert_eq!(client.sum(10, tokio_stream::iter([1, 2, 300])).await, Ok(313));
        })
        .await,
        scene("streams in both directions", "", async |client| {
            let mut quotients = client.quotients(tokio_stream::iter([7, 0, -3]));
            while quotients.next().await.is_some() {}
        })
        .await,
        scene("a client that is passed", "", async |client| {
            assert_eq!(client.ring(BellClient::local(Brass)).await, Ok(6));
        })
        .await,
        scene("a schema", "", async |client| {
            let interface =
                traitwire::dynamic::JsonClient::new(client.channel().clone(), "Scene").await.unwrap();
            assert_eq!(interface.interface().name, "Scene");
        })
        .await,
    ]
}

#[tokio::test(start_paused = true)]
async fn frames_are_those_that_were_recorded() {
    let about = "What a client and a server say, by scenes; made and verified by tests/golden. Bytes are in \
                 hexadecimal. A frame has its header's fields and its payload (PROTOCOL.md, 2); a server's hello \
                 always has the generation 7 here.";
    let scenes = scenes().await;
    let mut text = format!("{{\n\"about\": {},\n\"scenes\": [", json!(about));
    for (at, scene) in scenes.iter().enumerate() {
        text.push_str(if at > 0 { ",\n{" } else { "\n{" });
        text.push_str(&format!(
            "\"name\": {}, \"options\": {}, \"frames\": [",
            scene["name"], scene["options"]
        ));
        for (at, frame) in scene["frames"].as_array().unwrap().iter().enumerate() {
            text.push_str(if at > 0 { ",\n  " } else { "\n  " });
            text.push_str(&frame.to_string());
        }
        text.push_str("\n]}");
    }
    text.push_str("\n]\n}\n");
    matches_golden("frames.json", &text);
}
