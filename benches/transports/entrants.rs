//! Who takes part, over what, and the two processes of each.

use std::fmt;
use std::path::PathBuf;

use traitwire::Endpoint;

use crate::beside;
use crate::multiplexer::{self, Multiplexer};
use crate::ping_pong;
use crate::running::this_program;
use crate::stream::Listener;
use crate::support::contestant::{BenchClient, bind};
use crate::support::workload::{Work, run};
use crate::support::{on_worker, say};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    pub(crate) transport: &'static str,
    program: Program,
}

/// What an entrant's processes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    This,
    Frameworks,
}

pub(crate) const PING_PONG: &str = "ping-pong";
pub(crate) const MULTIPLEXER: &str = "multiplexer";
pub(crate) const TRAITWIRE: &str = "traitwire";

const fn own(name: &'static str, transport: &'static str) -> Entrant {
    Entrant { name, transport, program: Program::This }
}

const fn other(name: &'static str, transport: &'static str) -> Entrant {
    Entrant { name, transport, program: Program::Frameworks }
}

/// The first one is what the ratios are to.
pub(crate) const ENTRANTS: [Entrant; 11] = [
    own(PING_PONG, "unix"),
    own(MULTIPLEXER, "unix"),
    own(TRAITWIRE, "unix"),
    own(PING_PONG, "tcp"),
    own(MULTIPLEXER, "tcp"),
    own(TRAITWIRE, "tcp"),
    own(TRAITWIRE, "shm"),
    own(TRAITWIRE, "local"),
    own(TRAITWIRE, "fifo"),
    own(TRAITWIRE, "exec"),
    own(TRAITWIRE, "mem"),
];

/// Who takes part `--beside frameworks`.
pub(crate) const FRAMEWORKS: [Entrant; 6] = [
    other("tarpc", "unix"),
    other("tonic", "unix"),
    other("capnp-rpc", "unix"),
    other("tarpc", "tcp"),
    other("tonic", "tcp"),
    other("capnp-rpc", "tcp"),
];

impl Entrant {
    /// The executable that serves and calls.
    pub(crate) fn program(self) -> PathBuf {
        match self.program {
            Program::This => this_program(),
            Program::Frameworks => beside::executable(),
        }
    }

    /// A fresh address in a directory of the benchmark's own.
    pub(crate) fn address(self, directory: &str, number: usize) -> String {
        let process = std::process::id();
        match self.transport {
            "tcp" => "tcp://127.0.0.1:0".to_owned(),
            "unix" | "fifo" | "shm" => format!("{}:{directory}/{number}", self.transport),
            "exec" => {
                let this = self.program().display().to_string();
                let words = [this.as_str(), "serve", self.name, "stdio:"];
                Endpoint::from_words(words).expect("these are words").to_string()
            }
            scheme => format!("{scheme}:traitwire-bench-{process}-{number}"),
        }
    }

    /// Whether the server is a process that has to be started; else the client sees to it.
    pub(crate) fn has_server(self) -> bool {
        !matches!(self.transport, "exec" | "mem")
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.transport)
    }
}

/// Serves until it is killed. Says where as soon as clients can connect.
pub(crate) fn serve(name: &str, address: &str) {
    let (name, address) = (name.to_owned(), address.to_owned());
    on_worker(async move {
        if name == TRAITWIRE {
            let server = bind(&address).await;
            if address != "stdio:" {
                say(&server.endpoint().to_string());
            }
            return server.run().await.expect("it serves until it is killed");
        }
        let listener = Listener::bind(&address).await.expect("the address can be bound");
        say(&listener.address(&address).expect("it has one"));
        let served = match name.as_str() {
            PING_PONG => ping_pong::serve(listener).await,
            _ => multiplexer::serve(listener).await,
        };
        served.expect("it serves until it is killed");
    });
}

/// Runs one workload and prints its figures.
pub(crate) fn bench(name: &str, address: &str, work: &str) {
    let (name, address) = (name.to_owned(), address.to_owned());
    let work = Work::parse(work).expect("a workload's name");
    let measurement = on_worker(async move {
        if address.starts_with("mem:") {
            bind(&address).await.spawn();
        }
        match name.as_str() {
            PING_PONG => ping_pong::bench(work, &address).await.expect("the server answers"),
            MULTIPLEXER => run::<Multiplexer>(work, &address).await,
            _ => run::<BenchClient>(work, &address).await,
        }
    });
    say(&measurement.to_string());
}
