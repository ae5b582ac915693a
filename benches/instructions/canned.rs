//! One side whole, against a peer that costs next to nothing: it answers each frame with the same bytes.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use traitwire::{Connector, Endpoint, Listener, Peer, RpcError, Server, Wire};
use traitwire_core::transport::BusyPoll;

use crate::service::{
    AdderBlockingClient, AdderClient, AdderServer, Plain, call, client_hello, reply, server_hello,
};

/// Calls of a client whose server only exists as bytes.
pub(crate) async fn client(count: u64) {
    let server = Canned::new(&server_hello(), reply(), Hello::IsNotAnswered);
    let client = AdderClient::connect(server).await.expect("it says hello");
    for _ in 0..count {
        assert_eq!(client.add(2, 3).await.expect("it succeeds"), 5);
    }
}

/// Calls of a thread that waits, over a transport that it looks at itself.
pub(crate) fn blocking_client(count: u64) {
    let mut server = Canned::new(&server_hello(), reply(), Hello::IsNotAnswered);
    server.is_looked_at = true;
    let client = AdderBlockingClient::connect(server).expect("it says hello");
    for _ in 0..count {
        assert_eq!(client.add(2, 3).expect("it succeeds"), 5);
    }
}

/// Calls that a server gets from a client that only exists as bytes.
pub(crate) async fn server(count: u64) {
    // The server's hello brings the first call; then each reply brings the next.
    let client = Canned::new(&client_hello(), call(), Hello::IsAnswered);
    let script = Arc::clone(&client.script);
    let server = Server::builder().service(AdderServer::new(Plain));
    server.bind(client).await.expect("it always can be").spawn();
    script.answers(count).await;
}

struct Canned {
    endpoint: Endpoint,
    script: Arc<Script>,
    accepted: bool,
    is_looked_at: bool,
}

/// What the other side's hello is to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hello {
    IsAnswered,
    IsNotAnswered,
}

/// What the peer does.
struct Script {
    /// Bytes of a client's hello. The first call may be written with it.
    hello: usize,
    answer: Vec<u8>,
    state: Mutex<State>,
    done: Notify,
}

/// As shared memory would be, at less cost.
impl BusyPoll for Script {
    fn has_bytes(&self) -> bool {
        !self.lock().ready.is_empty()
    }

    fn disarm(&self) {
        self.lock().wakes = false;
    }

    fn arm(&self) -> bool {
        let mut state = self.lock();
        state.wakes = state.ready.is_empty();
        state.wakes
    }

    fn untaken(&self) -> usize {
        0
    }
}

struct State {
    hello: Hello,
    /// Bytes to be read.
    ready: Vec<u8>,
    /// They have only just come: as with a socket, a wake-up lies between that and their being read.
    fresh: bool,
    waiting: Option<Waker>,
    /// Whoever waits is woken.
    wakes: bool,
    /// Answers still to be given.
    left: u64,
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answers(&self, count: u64) {
        self.lock().left = count;
        self.done.notified().await;
    }
}

impl Canned {
    fn new(ready: &[u8], answer: Vec<u8>, hello: Hello) -> Self {
        let state =
            State { hello, ready: ready.to_vec(), fresh: false, waiting: None, wakes: true, left: u64::MAX };
        let script =
            Script { hello: client_hello().len(), answer, state: Mutex::new(state), done: Notify::new() };
        let endpoint = Endpoint::new("canned", "peer").expect("it is an address");
        Self { endpoint, script: Arc::new(script), accepted: false, is_looked_at: false }
    }

    fn wire(&self) -> Wire {
        let end = || End(Arc::clone(&self.script));
        let wire = Wire::new(end(), end(), Peer::new(self.endpoint.clone()));
        match self.is_looked_at {
            true => wire.with_busy_poll(Arc::clone(&self.script) as Arc<dyn BusyPoll>),
            false => wire,
        }
    }
}

#[async_trait]
impl Connector for Canned {
    async fn connect(&self) -> Result<Wire, RpcError> {
        Ok(self.wire())
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

#[async_trait]
impl Listener for Canned {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        match std::mem::replace(&mut self.accepted, true) {
            false => Ok(Some(self.wire())),
            true => std::future::pending().await,
        }
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

struct End(Arc<Script>);

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.ready.is_empty() {
            state.waiting = Some(cx.waker().clone());
            state.wakes = true;
            return Poll::Pending;
        }
        if std::mem::take(&mut state.fresh) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        buf.put_slice(&state.ready);
        state.ready.clear();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        match state.left.checked_sub(1) {
            _ if std::mem::replace(&mut state.hello, Hello::IsAnswered) == Hello::IsNotAnswered
                && bytes.len() == self.0.hello => {}
            Some(left) => {
                state.left = left;
                state.ready.extend_from_slice(&self.0.answer);
                match state.wakes.then(|| state.waiting.take()) {
                    Some(Some(reader)) => reader.wake(),
                    Some(None) => state.fresh = true,
                    // It is looked for.
                    None => {}
                }
            }
            None => self.0.done.notify_one(),
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
