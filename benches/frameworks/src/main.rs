//! Other frameworks as contestants in `benches/transports`: the same service, the same workloads, the same sockets.
//!
//! ```text
//! frameworks serve tarpc|tonic|capnp-rpc ADDRESS          # prints where, then serves until it is killed
//! frameworks bench tarpc|tonic|capnp-rpc ADDRESS WORK     # prints one line of JSON
//! ```
//!
//! `ADDRESS` is `unix:PATH` or `tcp://IP:PORT`. `cargo bench --bench transports -- --beside frameworks` builds and
//! runs this. Each framework is used as its own documentation shows it, with its settings as they are, which take
//! 1 MiB; TCP sends at once everywhere.

#[rustfmt::skip]
#[allow(clippy::all)]
mod bench_capnp;
#[path = "../../transports/stream.rs"]
mod stream;
#[path = "../../support"]
mod support {
    pub(crate) mod cpu;
    pub(crate) mod measurement;
    pub(crate) mod program;
    pub(crate) mod workload;
}
mod with_capnp;
mod with_tarpc;
mod with_tonic;

use stream::Listener;
use support::program::{as_task, on_worker, say};
use support::workload::{Work, run};
use tokio::runtime::Builder;

#[derive(Debug, Clone, Copy)]
enum Framework {
    Tarpc,
    Tonic,
    Capnp,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let framework = words.get(1).and_then(|name| Framework::parse(name));
    match (framework, &words[..]) {
        (Some(framework), ["serve", _, address]) => {
            framework.run(framework.serve((*address).to_owned()));
        }
        (Some(framework), ["bench", _, address, work]) if let Some(work) = Work::parse(work) => {
            framework.run(framework.bench((*address).to_owned(), work));
        }
        _ => {
            eprintln!("usage: frameworks serve FRAMEWORK ADDRESS | frameworks bench FRAMEWORK ADDRESS WORK");
            std::process::exit(2);
        }
    }
}

impl Framework {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "tarpc" => Some(Framework::Tarpc),
            "tonic" => Some(Framework::Tonic),
            "capnp-rpc" => Some(Framework::Capnp),
            _ => None,
        }
    }

    /// What Cap'n Proto makes stays on the thread that made it.
    fn run(self, future: impl Future<Output = ()> + Send + 'static) {
        match self {
            Framework::Tarpc | Framework::Tonic => on_worker(future),
            Framework::Capnp => {
                let runtime = Builder::new_current_thread().enable_all().build();
                as_task(runtime.expect("a runtime can be built"), future);
            }
        }
    }

    async fn serve(self, address: String) {
        let listener = Listener::bind(&address).await.expect("the address can be bound");
        say(&listener.address(&address).expect("it has one"));
        match self {
            Framework::Tarpc => with_tarpc::serve(listener).await,
            Framework::Tonic => with_tonic::serve(listener).await,
            Framework::Capnp => with_capnp::serve(listener).await,
        }
    }

    async fn bench(self, address: String, work: Work) {
        let measurement = match self {
            Framework::Tarpc => run::<with_tarpc::Client>(work, &address).await,
            Framework::Tonic => run::<with_tonic::Client>(work, &address).await,
            Framework::Capnp => run::<with_capnp::Client>(work, &address).await,
        };
        say(&measurement.to_string());
    }
}
