//! Traitwire as a contestant: a service of small and large calls, its server and its client.

use traitwire::{Server, ipc_service};

use super::workload::Caller;

/// What every workload calls.
#[ipc_service]
pub(crate) trait Bench {
    /// A small call.
    async fn add(&self, a: i32, b: i32) -> i32;
    /// A call of any size, the same in both directions.
    async fn echo(&self, data: Vec<u8>) -> Vec<u8>;
    /// The server's process, for its CPU clock.
    async fn process(&self) -> u32;
}

struct Plain;

impl Bench for Plain {
    async fn add(&self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }

    async fn process(&self) -> u32 {
        std::process::id()
    }
}

/// Binds the service to an address.
pub(crate) async fn bind(address: &str) -> Server {
    let server = Server::builder().service(BenchServer::new(Plain));
    server.bind(address).await.expect("the address can be served")
}

impl Caller for BenchClient {
    async fn connect(address: &str) -> Self {
        BenchClient::connect(address).await.expect("the server is there")
    }

    async fn add(&self, a: i32, b: i32) -> i32 {
        BenchClient::add(self, a, b).await.expect("the call succeeds")
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        BenchClient::echo(self, data).await.expect("the call succeeds")
    }

    async fn server(&self) -> Option<u32> {
        BenchClient::process(self).await.ok()
    }

    async fn close(self) {
        self.channel().close().await;
    }
}
