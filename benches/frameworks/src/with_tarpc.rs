//! tarpc: bincode in frames with a length, and on the server a task for each call.

use futures::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::serde_transport::{Transport, tcp, unix};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{ClientMessage, Response, client, context};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::stream::Listener;
use crate::support::workload::Caller;

#[tarpc::service]
pub(crate) trait Bench {
    async fn add(a: i32, b: i32) -> i32;
    async fn echo(data: ByteBuf) -> ByteBuf;
}

#[derive(Clone)]
struct Plain;

impl Bench for Plain {
    async fn add(self, _: context::Context, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    async fn echo(self, _: context::Context, data: ByteBuf) -> ByteBuf {
        data
    }
}

type Calls = ClientMessage<BenchRequest>;
type Replies = Response<BenchResponse>;

pub(crate) async fn serve(listener: Listener) {
    match listener {
        Listener::Unix(listener) => {
            let mut incoming = unix::listen_on(listener, Bincode::default).await.expect("it listens");
            while let Some(Ok(transport)) = incoming.next().await {
                answer(transport);
            }
        }
        Listener::Tcp(listener) => {
            let mut incoming = tcp::listen_on(listener, Bincode::default).await.expect("it listens");
            while let Some(Ok(transport)) = incoming.next().await {
                transport.get_ref().set_nodelay(true).expect("it is a socket");
                answer(transport);
            }
        }
    }
}

fn answer<S>(transport: Transport<S, Calls, Replies, Bincode<Calls, Replies>>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let calls = BaseChannel::with_defaults(transport).execute(Plain.serve());
    tokio::spawn(calls.for_each(|call| async {
        tokio::spawn(call);
    }));
}

#[derive(Clone)]
pub(crate) struct Client(BenchClient);

impl Caller for Client {
    async fn connect(address: &str) -> Self {
        let config = client::Config::default();
        let client = match address.strip_prefix("tcp://") {
            Some(target) => {
                let transport = tcp::connect(target, Bincode::default).await.expect("the server is there");
                transport.get_ref().set_nodelay(true).expect("it is a socket");
                BenchClient::new(config, transport).spawn()
            }
            None => {
                let path = address.trim_start_matches("unix:");
                let transport = unix::connect(path, Bincode::default).await.expect("the server is there");
                BenchClient::new(config, transport).spawn()
            }
        };
        Self(client)
    }

    async fn add(&self, a: i32, b: i32) -> i32 {
        self.0.add(context::current(), a, b).await.expect("the call succeeds")
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        let echoed = self.0.echo(context::current(), ByteBuf::from(data)).await;
        echoed.expect("the call succeeds").into_vec()
    }

    async fn count(&self, _: u64) -> Option<u64> {
        None
    }

    async fn server(&self) -> Option<u32> {
        None
    }

    async fn close(self) {}
}
