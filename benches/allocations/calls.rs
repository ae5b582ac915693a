//! Calls over a Unix socket within one process, each side a thread, and what they allocate once they are warm.

use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use traitwire::{Server, ServerHandle, ipc_service};

use super::counting::{Side, count_for, counted};

/// Calls of several sizes.
#[ipc_service]
pub(crate) trait Sizes {
    /// Numbers only.
    async fn add(&self, a: i32, b: i32) -> i32;
    /// A result that the client has to allocate, and the handler too.
    async fn greet(&self, name: &str) -> String;
    /// A block, in and out.
    async fn echo(&self, data: Vec<u8>) -> Vec<u8>;
}

struct Plain;

impl Sizes for Plain {
    async fn add(&self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    async fn greet(&self, name: &str) -> String {
        format!("Hello, {name}!")
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }
}

/// A server in a thread, a client in this one, and nothing else that allocates for either.
pub(crate) struct Calls {
    runtime: Runtime,
    client: SizesClient,
    server: ServerHandle,
    _directory: TempDir,
}

const WARM_UP: u32 = 1_000;
const COUNTED: u32 = 1_000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}

impl Calls {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let address = format!("unix:{}", directory.path().join("socket").display());
        let (started, starts) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            count_for(Side::Server);
            runtime().block_on(async {
                let server = Server::builder().service(SizesServer::new(Plain));
                let server = server.bind(address).await.expect("the address can be served");
                started.send(server.handle()).expect("the client waits");
                server.run().await.expect("it serves until it is shut down");
            });
        });
        let server = starts.recv().expect("the server starts");
        count_for(Side::Client);
        let runtime = runtime();
        let client = runtime.block_on(SizesClient::connect(server.endpoint().clone()));
        Self { runtime, client: client.expect("the server is there"), server, _directory: directory }
    }

    /// Allocations per call of `add`, of the client and of the server.
    pub(crate) fn add(&self) -> [f64; 2] {
        self.count(async |client| assert_eq!(client.add(2, 3).await.expect("it succeeds"), 5))
    }

    /// Of `greet`.
    pub(crate) fn greet(&self) -> [f64; 2] {
        self.count(async |client| assert_eq!(client.greet("Rust").await.expect("it succeeds").len(), 12))
    }

    /// Of `echo` of 4 KiB, where the client sends what it got.
    pub(crate) fn echo(&self) -> [f64; 2] {
        let data = std::cell::Cell::new(vec![7; 4 << 10]);
        self.count(async |client| {
            data.set(client.echo(data.take()).await.expect("it succeeds"));
        })
    }

    fn count(&self, call: impl AsyncFn(&SizesClient)) -> [f64; 2] {
        self.runtime.block_on(async {
            for _ in 0..WARM_UP {
                call(&self.client).await;
            }
            let before = counted();
            for _ in 0..COUNTED {
                call(&self.client).await;
            }
            let after = counted();
            [0, 1].map(|side| (after[side] - before[side]) as f64 / f64::from(COUNTED))
        })
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.server.shutdown(Duration::from_secs(1)));
    }
}
