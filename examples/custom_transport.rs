//! A transport of one's own: TCP that counts what arrives. Whatever can be read and written becomes a
//! transport in the same way: two halves make a `Wire`; a `Connector` opens wires, a `Listener` accepts them.
//!
//! `cargo run --example custom_transport`

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use traitwire::{Code, Connector, Endpoint, Listener, Peer, RpcError, Server, Wire, ipc_service};

// The transport begins here.

/// A stream whose bytes are counted as they are read.
struct Counted<S>(S, &'static AtomicUsize);

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context, into: &mut ReadBuf) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.0).poll_read(cx, into);
        self.1.fetch_add(into.filled().len() - before, Ordering::Relaxed);
        polled
    }
}

fn wire(stream: TcpStream, count: &'static AtomicUsize, peer: &Endpoint) -> Wire {
    let (reader, writer) = stream.into_split();
    Wire::new(Counted(reader, count), writer, Peer::new(peer.clone()))
}

struct Dialler(Endpoint);

#[async_trait]
impl Connector for Dialler {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let refused = |cause| RpcError::new(Code::Unavailable, "cannot connect").with_source(&cause);
        let stream = TcpStream::connect(self.0.target_str()?).await.map_err(refused)?;
        Ok(wire(stream, &ANSWERED, &self.0))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

struct Door(TcpListener, Endpoint);

#[async_trait]
impl Listener for Door {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        let (stream, _) = self.0.accept().await?;
        Ok(Some(wire(stream, &ASKED, &self.1)))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.1
    }
}

// The transport ends here; the rest is as with any other.

static ASKED: AtomicUsize = AtomicUsize::new(0);
static ANSWERED: AtomicUsize = AtomicUsize::new(0);

/// Says things again.
#[ipc_service]
pub trait Parrot {
    /// The same words, `times` times.
    async fn repeat(&self, words: &str, times: u32) -> String;
}

struct Polly;

impl Parrot for Polly {
    async fn repeat(&self, words: &str, times: u32) -> String {
        words.repeat(times as usize)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // The scheme is a name of one's own: it is only printed.
    let endpoint = Endpoint::new("counted", listener.local_addr()?.to_string())?;

    let door = Door(listener, endpoint.clone());
    let handle = Server::builder().service(ParrotServer::new(Polly)).bind(door).await?.spawn();
    let parrot = ParrotClient::connect(Dialler(endpoint.clone())).await?;
    let counts = || (ASKED.load(Ordering::Relaxed), ANSWERED.load(Ordering::Relaxed));

    let hellos = counts();
    println!("connected to {endpoint}: the hellos took {} and {} bytes", hellos.0, hellos.1);
    let said = parrot.repeat("Polly wants a cracker. ", 1000).await?;
    let now = counts();
    println!("asked in {} bytes, answered in {}: {:.22}…", now.0 - hellos.0, now.1 - hellos.1, said);

    handle.shutdown(Duration::from_secs(1)).await?;
    let error = ParrotClient::connect(Dialler(endpoint)).await.expect_err("the door is closed");
    println!("afterwards: {error}");
    Ok(())
}
