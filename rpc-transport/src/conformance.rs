//! What every transport has to do, as a suite over addresses: for the transports here, and for your own.
//! Never speaks the protocol: bytes alone are compared. And never waits for ever: each case has a bound.
//!
//! A transport is enrolled in a test file, and each case becomes a test:
//!
//! ```
//! use traitwire_transport::conformance::Subject;
//! # fn unique() -> String { String::from("name") }
//!
//! traitwire_transport::conformance! {
//!     mem: Subject::bound(format!("mem:{}", unique()));
//! }
//! ```
//!
//! The expression is evaluated for each case. A scheme whose server is another program is enrolled with
//! [`Subject::served`], by `dialled NAME: …` in place of `NAME: …`; that program calls [`serve_echo`].

use std::any::Any;
use std::fmt;
use std::fs;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use traitwire_core::transport::{Bind, Dial, Listener, Wire};
use traitwire_core::{Code, Endpoint, RpcError};

/// Sent first by [`serve_echo`]: the beginning of a hello, for transports that look for it.
pub const GREETING: [u8; 8] = traitwire_core::proto::MAGIC;

/// Bound of one case.
const CASE: Duration = Duration::from_secs(30);
/// Bound of what has to be quick.
const SOON: Duration = Duration::from_secs(2);

/// A transport under test, at an address that nobody else uses.
pub struct Subject {
    address: String,
    is_bound: bool,
    directory: Option<(PathBuf, Box<dyn Any + Send + Sync>)>,
    has_half_close: bool,
}

impl Subject {
    /// An address that the suite binds and dials.
    pub fn bound(address: impl Into<String>) -> Self {
        Self { address: address.into(), is_bound: true, directory: None, has_half_close: true }
    }

    /// An address at which [`serve_echo`] answers whenever it is dialled.
    pub fn served(address: impl Into<String>) -> Self {
        Self { is_bound: false, ..Self::bound(address) }
    }

    /// The directory that holds the address's files: empty, and empty again once all is closed. `guard` is
    /// what removes it in the end.
    pub fn with_directory(mut self, directory: impl Into<PathBuf>, guard: impl Any + Send + Sync) -> Self {
        self.directory = Some((directory.into(), Box::new(guard)));
        self
    }

    /// For transports that cannot end one direction and keep the other.
    pub fn without_half_close(mut self) -> Self {
        self.has_half_close = false;
        self
    }

    async fn bind(&self) -> Box<dyn Listener> {
        rebound(&self.address).await.unwrap_or_else(|error| panic!("bind: {error}"))
    }

    async fn serve(&self) -> Serving {
        if !self.is_bound {
            let address = self.address.parse().unwrap_or_else(|error| panic!("{error}"));
            return Serving { address, task: tokio::spawn(async {}) };
        }
        let listener = self.bind().await;
        Serving { address: listener.endpoint().clone(), task: tokio::spawn(serve_echo(listener)) }
    }

    fn assert_clean(&self) {
        let Some((directory, _)) = &self.directory else { return };
        let left: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("address", &self.address).finish_non_exhaustive()
    }
}

struct Serving {
    address: Endpoint,
    task: JoinHandle<()>,
}

impl Serving {
    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Answers every connection with [`GREETING`], then with what it is sent, until there is no further one.
pub async fn serve_echo(mut listener: Box<dyn Listener>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok(Some(wire)) => _ = connections.spawn(echo_back(wire)),
            Ok(None) => break,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    connections.join_all().await;
}

async fn echo_back(mut wire: Wire) -> io::Result<()> {
    wire.writer.write_all(&GREETING).await?;
    tokio::io::copy(&mut wire.reader, &mut wire.writer).await?;
    wire.writer.shutdown().await
}

async fn dialled(address: &Endpoint) -> Result<Wire, RpcError> {
    address.dial()?.connect().await
}

async fn greeted(address: &Endpoint) -> Wire {
    let mut wire = dialled(address).await.unwrap_or_else(|error| panic!("connect: {error}"));
    let mut greeting = [0; GREETING.len()];
    wire.reader.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    wire
}

async fn exchange(wire: &mut Wire, length: usize, seed: usize) {
    let sent: Vec<u8> = (0..length).map(|at| (at.wrapping_mul(31) >> 3 ^ seed) as u8).collect();
    let mut received = vec![0; length];
    let write = async {
        wire.writer.write_all(&sent).await?;
        wire.writer.flush().await
    };
    tokio::try_join!(write, wire.reader.read_exact(&mut received)).unwrap();
    assert!(received == sent, "the bytes that come back are those sent");
}

/// Whether the peer's end is seen: as the end of the stream, or as its breaking off.
async fn ends_soon(wire: &mut Wire) -> bool {
    let mut rest = Vec::new();
    timeout(SOON, wire.reader.read_to_end(&mut rest)).await.is_ok()
}

async fn rebound(address: &str) -> Result<Box<dyn Listener>, RpcError> {
    address.bind().await
}

/// The cases. Each takes a [`Subject`] of its own.
pub mod case {
    use super::*;

    /// Small messages come back.
    pub async fn echo(subject: Subject) {
        let serving = subject.serve().await;
        let mut wire = greeted(&serving.address).await;
        assert_eq!(wire.peer.endpoint, serving.address);
        for length in [1, 2, 100, 5_000] {
            exchange(&mut wire, length, length).await;
        }
        drop(wire);
        serving.stop().await;
        subject.assert_clean();
    }

    /// Far more than any buffer holds, in both directions at once.
    pub async fn both_ways_at_once(subject: Subject) {
        let serving = subject.serve().await;
        exchange(&mut greeted(&serving.address).await, 4 << 20, 1).await;
        serving.stop().await;
        subject.assert_clean();
    }

    /// Connections do not mix.
    pub async fn eight_clients(subject: Subject) {
        let serving = subject.serve().await;
        let clients = (0..8).map(|seed| {
            let address = serving.address.clone();
            async move {
                let mut wire = greeted(&address).await;
                for round in 0..4 {
                    exchange(&mut wire, 50_000 >> round, seed).await;
                }
            }
        });
        clients.collect::<tokio::task::JoinSet<()>>().join_all().await;
        serving.stop().await;
        subject.assert_clean();
    }

    /// Shutting the writer down ends that direction only, and ends it for the peer.
    pub async fn half_close(subject: Subject) {
        if !subject.has_half_close {
            return;
        }
        let serving = subject.serve().await;
        let mut wire = greeted(&serving.address).await;
        wire.writer.write_all(b"last words").await.unwrap();
        wire.writer.shutdown().await.unwrap();
        let mut rest = Vec::new();
        timeout(SOON, wire.reader.read_to_end(&mut rest)).await.expect("the end is seen").unwrap();
        assert_eq!(rest, b"last words");
        assert!(wire.writer.write_all(b"more").await.is_err());
        serving.stop().await;
    }

    /// Whichever side goes, the other sees the end.
    pub async fn the_end_is_seen(subject: Subject) {
        let mut listener = subject.bind().await;
        for client_goes in [true, false] {
            let address = listener.endpoint().clone();
            let (accepted, opened) = tokio::join!(listener.accept(), dialled(&address));
            let (mut there, mut here) = (accepted.unwrap().unwrap(), opened.unwrap());
            let stays = if client_goes {
                drop(here);
                &mut there
            } else {
                drop(there);
                &mut here
            };
            assert!(ends_soon(stays).await, "client goes: {client_goes}");
            let writing = async { while stays.writer.write_all(&[0; 4096]).await.is_ok() {} };
            timeout(SOON, writing).await.expect("writing to nobody fails");
        }
        drop(listener);
        subject.assert_clean();
    }

    /// Where nobody serves, dialling fails at once and says so.
    pub async fn nobody_there(subject: Subject) {
        let mut addresses = vec![subject.bind().await.endpoint().clone()];
        addresses.extend(subject.address.parse().ok().filter(|_| !subject.address.ends_with(":0")));
        for address in addresses {
            let begun = Instant::now();
            let error = dialled(&address).await.expect_err("nobody is there");
            assert_eq!(error.code(), Code::Unavailable, "{error}");
            assert!(error.address().is_some(), "{error}");
            assert!(begun.elapsed() < SOON);
        }
        subject.assert_clean();
    }

    /// A second server is refused, and the first is none the worse for it.
    pub async fn second_bind(subject: Subject) {
        let serving = subject.serve().await;
        let mut wire = greeted(&serving.address).await;
        let error = rebound(&serving.address.to_string()).await.err().expect("the address is in use");
        assert_eq!(error.code(), Code::AddressInUse, "{error}");
        exchange(&mut wire, 1_000, 1).await;
        exchange(&mut greeted(&serving.address).await, 1_000, 2).await;
        serving.stop().await;
        subject.assert_clean();
    }

    /// An address is free again once its listener is dropped, and connections outlive the listener.
    pub async fn rebinding(subject: Subject) {
        let mut address = subject.address.clone();
        let mut earlier: Vec<(Wire, Wire)> = Vec::new();
        for round in 0..3 {
            let mut listener = rebound(&address).await.unwrap_or_else(|error| panic!("{round}: {error}"));
            let endpoint = listener.endpoint().clone();
            address = endpoint.to_string();
            let (accepted, opened) = tokio::join!(listener.accept(), dialled(&endpoint));
            earlier.push((accepted.unwrap().unwrap(), opened.unwrap()));
            drop(listener);
            subject.assert_clean();
            for (there, here) in &mut earlier {
                let mut byte = [0];
                there.writer.write_all(&[round]).await.unwrap();
                here.reader.read_exact(&mut byte).await.unwrap();
                assert_eq!(byte, [round]);
            }
        }
    }

    /// An `accept` given up has taken nobody's connection.
    pub async fn cancelled_accept(subject: Subject) {
        let mut listener = subject.bind().await;
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(2), listener.accept()).await.is_err());
        }
        let serving =
            Serving { address: listener.endpoint().clone(), task: tokio::spawn(serve_echo(listener)) };
        exchange(&mut greeted(&serving.address).await, 100, 1).await;
        serving.stop().await;
        subject.assert_clean();
    }

    /// A `connect` given up leaves nothing, and the server goes on.
    pub async fn cancelled_connect(subject: Subject) {
        let listener = subject.bind().await;
        let address = listener.endpoint().clone();
        for _ in 0..5 {
            // Nobody accepts yet; a transport that connects all the same is closed again here.
            let _ = timeout(Duration::from_millis(2), dialled(&address)).await;
        }
        let serving = Serving { address, task: tokio::spawn(serve_echo(listener)) };
        exchange(&mut greeted(&serving.address).await, 100, 1).await;
        serving.stop().await;
        subject.assert_clean();
    }
}

/// Runs one case on a runtime of its own, within its bound.
pub fn run<C: Future<Output = ()>>(case: impl FnOnce(Subject) -> C, subject: impl FnOnce() -> Subject) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(CASE, case(subject())).await.expect("the case takes too long") });
}

/// Makes the suite's tests for one or more transports: `NAME: SUBJECT;` or `dialled NAME: SUBJECT;`.
#[macro_export]
macro_rules! conformance {
    () => {};
    (dialled $name:ident: $subject:expr; $($rest:tt)*) => {
        $crate::conformance!(@cases $name, $subject, echo both_ways_at_once eight_clients half_close);
        $crate::conformance!($($rest)*);
    };
    ($name:ident: $subject:expr; $($rest:tt)*) => {
        $crate::conformance!(@cases $name, $subject,
            echo both_ways_at_once eight_clients half_close the_end_is_seen nobody_there second_bind
            rebinding cancelled_accept cancelled_connect);
        $crate::conformance!($($rest)*);
    };
    (@cases $name:ident, $subject:expr, $($case:ident)+) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $(#[test]
            fn $case() {
                $crate::conformance::run($crate::conformance::case::$case, || $subject);
            })+
        }
    };
}
