//! Cap'n Proto's RPC between two parties. Its clients and calls stay on the thread that made them, so both sides
//! run on one thread; the wrappers are what says so to tokio, and each panics on another.

use std::rc::Rc;

use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{Disconnector, RpcSystem, new_client};
use futures::io::{BufReader, BufWriter};
use send_wrapper::SendWrapper;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use crate::bench_capnp::bench;
use crate::stream::{self, Listener, Reader, Writer};
use crate::support::workload::Caller;

struct Plain;

impl bench::Server for Plain {
    async fn add(
        self: Rc<Self>,
        params: bench::AddParams,
        mut results: bench::AddResults,
    ) -> Result<(), capnp::Error> {
        let params = params.get()?;
        results.get().set_sum(params.get_a().wrapping_add(params.get_b()));
        Ok(())
    }

    async fn echo(
        self: Rc<Self>,
        params: bench::EchoParams,
        mut results: bench::EchoResults,
    ) -> Result<(), capnp::Error> {
        results.get().set_data(params.get()?.get_data()?);
        Ok(())
    }
}

fn network(
    (reader, writer): (Reader, Writer),
    side: Side,
) -> Box<VatNetwork<impl futures::AsyncRead + Unpin>> {
    let (reader, writer) = (BufReader::new(reader.compat()), BufWriter::new(writer.compat_write()));
    Box::new(VatNetwork::new(reader, writer, side, capnp::message::ReaderOptions::default()))
}

pub(crate) async fn serve(listener: Listener) {
    let service = SendWrapper::new(new_client::<bench::Client, _>(Plain));
    loop {
        let halves = listener.accept().await.expect("it listens");
        let system = RpcSystem::new(network(halves, Side::Server), Some(service.client.clone()));
        tokio::spawn(SendWrapper::new(system));
    }
}

#[derive(Clone)]
pub(crate) struct Client(SendWrapper<Connected>);

#[derive(Clone)]
struct Connected {
    bench: bench::Client,
    end: Rc<Disconnector<Side>>,
}

impl Client {
    fn new(halves: (Reader, Writer)) -> Self {
        let mut system = RpcSystem::new(network(halves, Side::Client), None);
        let (bench, end) = (system.bootstrap(Side::Server), Rc::new(system.get_disconnector()));
        tokio::spawn(SendWrapper::new(system));
        Self(SendWrapper::new(Connected { bench, end }))
    }
}

impl Caller for Client {
    async fn connect(address: &str) -> Self {
        Self::new(stream::connect(address).await.expect("the server is there"))
    }

    async fn add(&self, a: i32, b: i32) -> i32 {
        let call = async {
            let mut request = self.0.bench.add_request();
            request.get().set_a(a);
            request.get().set_b(b);
            Ok::<_, capnp::Error>(request.send().promise.await?.get()?.get_sum())
        };
        SendWrapper::new(call).await.expect("the call succeeds")
    }

    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        let call = async {
            let mut request = self.0.bench.echo_request();
            request.get().set_data(&data);
            Ok::<_, capnp::Error>(request.send().promise.await?.get()?.get_data()?.to_vec())
        };
        SendWrapper::new(call).await.expect("the call succeeds")
    }

    async fn count(&self, _: u64) -> Option<u64> {
        None
    }

    async fn server(&self) -> Option<u32> {
        None
    }

    async fn close(self) {
        SendWrapper::new(self.0.take().close()).await;
    }
}

impl Connected {
    async fn close(self) {
        drop(self.bench);
        // The last one says that it goes.
        if let Ok(end) = Rc::try_unwrap(self.end) {
            end.await.expect("it can be closed");
        }
    }
}
