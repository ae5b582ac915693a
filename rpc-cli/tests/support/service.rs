//! A service for the commands to talk to.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use traitwire::middleware::{Next, Request, from_fn};
use traitwire::{
    Code, Context, Executed, RpcError, Server, ServerHandle, Stream, Streaming, ipc_service, ipc_type,
};

/// Why a number cannot be had.
#[ipc_type]
pub(crate) enum Trouble {
    /// Nothing can be divided by it.
    Zero,
    /// It is not in the books.
    Unknown(String),
}

/// What is known of a number.
#[ipc_type]
pub(crate) struct Entry {
    /// The number itself.
    pub(crate) number: u64,
    /// What it is called, if it has a name.
    pub(crate) name: Option<String>,
    /// How often it was asked for.
    pub(crate) asked: BTreeMap<String, u32>,
}

/// Numbers of all kinds.
#[ipc_service]
pub(crate) trait Numbers {
    /// Adds two numbers.
    #[ipc(idempotent)]
    async fn add(&self, a: i64, b: i64) -> i64;
    /// Divides, if it can be done.
    async fn divide(&self, a: i64, b: i64) -> Result<i64, Trouble>;
    /// Looks a number up.
    async fn look_up(&self, number: u64) -> Entry;
    /// Counts down to zero.
    fn countdown(&self, from: u32) -> impl Stream<Item = u32>;
    /// Adds all that comes.
    async fn sum(&self, values: Streaming<i64>) -> i64;
    /// Each number, doubled.
    fn double(&self, values: Streaming<i64>) -> impl Stream<Item = i64>;
    /// Who calls, as the metadata have it.
    async fn whoami(&self, context: &Context) -> String;
    /// Writes something down.
    #[ipc(oneway)]
    async fn note(&self, text: String);
    /// Takes for ever.
    async fn wait(&self) -> bool;
    /// Comes to an end by its server's fault.
    async fn panic(&self) -> bool;
    /// What a terminal should not obey.
    async fn steer(&self) -> String;
    /// Takes so many milliseconds.
    async fn nap(&self, milliseconds: u32);
}

struct Books {
    /// Somebody has had a nap.
    naps: Sender<()>,
}

impl Numbers for Books {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, Trouble> {
        a.checked_div(b).ok_or(Trouble::Zero)
    }

    async fn look_up(&self, number: u64) -> Entry {
        let name = (number == 42).then(|| "the answer".to_owned());
        Entry { number, name, asked: BTreeMap::from([("today".to_owned(), 1)]) }
    }

    fn countdown(&self, from: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter((0..from).rev())
    }

    async fn sum(&self, mut values: Streaming<i64>) -> i64 {
        let mut sum = 0;
        while let Some(Ok(value)) = values.next().await {
            sum += value;
        }
        sum
    }

    fn double(&self, values: Streaming<i64>) -> impl Stream<Item = i64> {
        use tokio_stream::StreamExt as _;
        values.map_while(Result::ok).map(|value| value * 2)
    }

    async fn whoami(&self, context: &Context) -> String {
        context.metadata().get_str("name").unwrap_or("nobody").to_owned()
    }

    async fn note(&self, _: String) {}

    async fn wait(&self) -> bool {
        std::future::pending().await
    }

    async fn panic(&self) -> bool {
        panic!("as it was asked to")
    }

    async fn steer(&self) -> String {
        "\u{9b}31m\u{1b}[31m".to_owned()
    }

    async fn nap(&self, milliseconds: u32) {
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
        // Not every test wants to know.
        let _ = self.naps.send(());
    }
}

/// The service, as long as a test runs.
pub(crate) struct Running {
    pub(crate) address: String,
    /// One for each nap that is over.
    #[allow(dead_code, reason = "each test file includes this one, and not all ask")]
    pub(crate) naps: Receiver<()>,
    handle: Option<ServerHandle>,
    runtime: Runtime,
    _place: TempDir,
}

impl Running {
    pub(crate) fn start() -> Self {
        let (nap, naps) = channel();
        let place = tempfile::Builder::new().prefix("tw").tempdir().expect("a place");
        let runtime = Runtime::new().expect("a runtime");
        let socket = format!("unix:{}/numbers.sock", place.path().display());
        // Whoever is called Nemo is refused, after all has been done.
        let refusing = from_fn(|request: Request, next: Next| async move {
            let is_refused = request.metadata().get_str("name") == Some("Nemo");
            let answer = next.run(request).await;
            let refused = RpcError::new(Code::InvalidArgument, "nobody is called Nemo");
            if is_refused { Err(refused.with_executed(Executed::Yes)) } else { answer }
        });
        let server = Server::builder().layer(refusing).service(NumbersServer::new(Books { naps: nap }));
        let server = runtime.block_on(server.bind(socket.as_str())).expect("it listens");
        let address = server.endpoint().to_string();
        let handle = runtime.block_on(async { server.spawn() });
        Self { address, naps, handle: Some(handle), runtime, _place: place }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            let _ = self.runtime.block_on(handle.shutdown(Duration::ZERO));
        }
    }
}
