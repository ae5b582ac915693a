//! Peers and listeners that follow a script, for what no real transport can be made to do.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use tokio::io::AsyncWrite;
use tokio::time::Instant;
use traitwire::{Bind, Connector, Dial, Endpoint, Listener, Options, Peer, RpcError, Wire};

use super::probe::{ProbeServer, Prober};
use super::raw::{Greeting, Raw};

/// What the framework's client expects of a server of the probe: its services, learnt from a real one.
pub async fn probe_greeting() -> Greeting {
    let address = super::victim::Place::Memory.address("");
    let server = traitwire::Server::builder().service(ProbeServer::new(Prober::default()));
    let _handle = server.bind(&address).await.expect("an address").spawn();
    let (_, greeting) = Raw::greet(&address).await.expect("a hello");
    greeting
}

type Script = dyn Fn(Raw) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A server that is a function of its end of the connection.
pub struct Scripted {
    endpoint: Endpoint,
    script: Arc<Script>,
    options: Options,
}

impl Scripted {
    pub fn new<F>(script: impl Fn(Raw) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let endpoint = Endpoint::new("scripted", "peer").expect("an address");
        let script = Arc::new(move |raw| Box::pin(script(raw)) as Pin<Box<dyn Future<Output = ()> + Send>>);
        Self { endpoint, script, options: Options::default() }
    }

    /// Says these bytes when the client has called, then closes.
    pub fn answers(before_call: Vec<u8>, after_call: Vec<u8>) -> Self {
        Self::new(move |mut raw| {
            let (before, after) = (before_call.clone(), after_call.clone());
            async move {
                let _ = raw.send(&before).await;
                if !after.is_empty() && raw.hello().await.is_ok() && raw.frame().await.is_ok() {
                    let _ = raw.send(&after).await;
                }
                let _ = raw.finish().await;
            }
        })
    }
}

#[async_trait]
impl Connector for Scripted {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let (here, there) = tokio::io::duplex(1 << 20);
        let wire = |end| {
            let (reader, writer) = tokio::io::split(end);
            Wire::new(reader, writer, Peer::new(self.endpoint.clone()))
        };
        tokio::spawn((self.script)(Raw::over(wire(there))));
        Ok(wire(here))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

/// A listener whose first attempts fail.
pub struct Failing {
    inner: Box<dyn Listener>,
    errors: VecDeque<i32>,
}

impl Failing {
    pub async fn at(address: &str, errors: impl IntoIterator<Item = i32>) -> Self {
        let inner = address.bind().await.expect("an address");
        Self { inner, errors: errors.into_iter().collect() }
    }
}

#[async_trait]
impl Listener for Failing {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        match self.errors.pop_front() {
            Some(error) => Err(io::Error::from_raw_os_error(error)),
            None => self.inner.accept().await,
        }
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }

    fn options(&self) -> Options {
        self.inner.options()
    }
}

/// A writer that works until it is told how to fail.
pub struct Breaking<W> {
    inner: W,
    broken: Arc<Mutex<Option<Broken>>>,
}

/// How a write fails.
#[derive(Debug, Clone, Copy)]
pub enum Broken {
    TakesNothing,
    Errs(io::ErrorKind),
}

impl<W> Breaking<W> {
    pub fn new(inner: W, broken: Arc<Mutex<Option<Broken>>>) -> Self {
        Self { inner, broken }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Breaking<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let broken = *self.broken.lock().expect("nobody panics with it");
        match broken {
            None => Pin::new(&mut self.inner).poll_write(cx, bytes),
            Some(Broken::TakesNothing) => Poll::Ready(Ok(0)),
            Some(Broken::Errs(kind)) => Poll::Ready(Err(kind.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Connects to an address and changes the wire.
pub struct Through {
    inner: Box<dyn Connector>,
    change: Box<dyn Fn(Wire) -> Wire + Send + Sync>,
}

impl Through {
    pub fn new(address: &str, change: impl Fn(Wire) -> Wire + Send + Sync + 'static) -> Self {
        Self { inner: address.dial().expect("an address"), change: Box::new(change) }
    }
}

#[async_trait]
impl Connector for Through {
    async fn connect(&self) -> Result<Wire, RpcError> {
        self.inner.connect().await.map(&self.change)
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}

/// Connects as it is told each time, and notes when.
pub struct Counted {
    endpoint: Endpoint,
    options: Options,
    connect: Box<dyn Fn() -> Result<Scripted, RpcError> + Send + Sync>,
    attempts: Arc<Mutex<Vec<Instant>>>,
}

impl Counted {
    pub fn new(
        options: Options,
        connect: impl Fn() -> Result<Scripted, RpcError> + Send + Sync + 'static,
    ) -> Self {
        let endpoint = Endpoint::new("scripted", "peer").expect("an address");
        Self { endpoint, options, connect: Box::new(connect), attempts: Arc::default() }
    }

    pub fn attempts(&self) -> Arc<Mutex<Vec<Instant>>> {
        Arc::clone(&self.attempts)
    }
}

#[async_trait]
impl Connector for Counted {
    async fn connect(&self) -> Result<Wire, RpcError> {
        self.attempts.lock().expect("nobody panics with it").push(Instant::now());
        (self.connect)()?.connect().await
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}
