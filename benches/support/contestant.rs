//! Traitwire as a contestant: a service of small and large calls, its server and its client.

use std::pin::Pin;
use std::task::{Context, Poll};

use traitwire::{Server, Stream, ipc_service};

use super::workload::Caller;

/// What every workload calls.
#[ipc_service]
pub(crate) trait Bench {
    /// A small call.
    async fn add(&self, a: i32, b: i32) -> i32;
    /// A call of any size, the same in both directions.
    async fn echo(&self, data: Vec<u8>) -> Vec<u8>;
    /// Counts up to a number.
    fn count(&self, to: u64) -> impl Stream<Item = u64>;
    /// The server's process, for its CPU clock.
    async fn process(&self) -> u32;
}

struct Plain;

struct Count(std::ops::Range<u64>);

impl Stream for Count {
    type Item = u64;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        Poll::Ready(self.0.next())
    }
}

impl Bench for Plain {
    async fn add(&self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }

    fn count(&self, to: u64) -> impl Stream<Item = u64> {
        Count(0..to)
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

    async fn count(&self, to: u64) -> Option<u64> {
        let mut items = BenchClient::count(self, to);
        let mut count = 0;
        while let Some(item) = items.next().await {
            assert_eq!(item.expect("the stream goes on"), count);
            count += 1;
        }
        Some(count)
    }

    async fn server(&self) -> Option<u32> {
        BenchClient::process(self).await.ok()
    }

    async fn close(self) {
        self.channel().close().await;
    }
}
