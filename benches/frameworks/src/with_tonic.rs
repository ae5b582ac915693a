//! tonic: gRPC over HTTP/2 without TLS, its messages written by hand.

use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Iter, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::stream::Listener;
use crate::support::workload::Caller;

#[allow(clippy::all, unreachable_pub, unused_qualifications)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/bench.Bench.rs"));
}

use generated::bench_client::BenchClient;
use generated::bench_server::{Bench, BenchServer};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Pair {
    #[prost(int32, tag = "1")]
    a: i32,
    #[prost(int32, tag = "2")]
    b: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Sum {
    #[prost(int32, tag = "1")]
    sum: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Block {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Limit {
    #[prost(uint64, tag = "1")]
    to: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Item {
    #[prost(uint64, tag = "1")]
    value: u64,
}

struct Plain;

#[tonic::async_trait]
impl Bench for Plain {
    type CountStream = Iter<Items>;

    async fn add(&self, request: Request<Pair>) -> Result<Response<Sum>, Status> {
        let Pair { a, b } = request.into_inner();
        Ok(Response::new(Sum { sum: a.wrapping_add(b) }))
    }

    async fn echo(&self, request: Request<Block>) -> Result<Response<Block>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn count(&self, request: Request<Limit>) -> Result<Response<Iter<Items>>, Status> {
        Ok(Response::new(tokio_stream::iter(Items(0..request.into_inner().to))))
    }
}

pub(crate) struct Items(std::ops::Range<u64>);

impl Iterator for Items {
    type Item = Result<Item, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|value| Ok(Item { value }))
    }
}

pub(crate) async fn serve(listener: Listener) {
    let server = Server::builder().add_service(BenchServer::new(Plain));
    let served = match listener {
        Listener::Unix(listener) => server.serve_with_incoming(UnixListenerStream::new(listener)).await,
        Listener::Tcp(listener) => {
            server.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))).await
        }
    };
    served.expect("it serves until it is killed");
}

/// Cloned for each call, as tonic recommends: a clone is one more handle of the connection.
#[derive(Clone)]
pub(crate) struct Client(BenchClient<Channel>);

impl Caller for Client {
    async fn connect(address: &str) -> Self {
        let uri = address.replacen("tcp://", "http://", 1);
        let endpoint = Endpoint::from_shared(uri).expect("the address is one");
        Self(BenchClient::new(endpoint.connect().await.expect("the server is there")))
    }

    async fn add(&self, a: i32, b: i32) -> i32 {
        self.0.clone().add(Pair { a, b }).await.expect("the call succeeds").into_inner().sum
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        self.0.clone().echo(Block { data }).await.expect("the call succeeds").into_inner().data
    }

    async fn count(&self, to: u64) -> Option<u64> {
        let mut items = self.0.clone().count(Limit { to }).await.expect("the call succeeds").into_inner();
        let mut count = 0;
        while let Some(item) = items.next().await {
            assert_eq!(item.expect("the stream goes on").value, count);
            count += 1;
        }
        Some(count)
    }

    async fn server(&self) -> Option<u32> {
        None
    }

    async fn close(self) {}
}
