//! What is measured, in which order. In each round every transport takes its turn, and nobody is always first.

use std::path::PathBuf;

use crate::process::raise_files;
use crate::report::{self, Results};
use crate::running::{Running, this_program};
use crate::support::contestant::bind;
use crate::support::workload::{Echo, Work};
use crate::support::{on_worker, say};

pub(crate) const CONNECTIONS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
pub(crate) const IN_FLIGHT: [usize; 7] = [1, 4, 16, 64, 256, 512, 1_000];
pub(crate) const PAYLOADS: [usize; 8] = [16, 256, 4 << 10, 32 << 10, 256 << 10, 2 << 20, 16 << 20, 64 << 20];

/// Bytes of an echo while the calls in flight grow.
pub(crate) const SMALL: usize = 16;

/// More connections than this are not tried over shared memory: each has rings of its own.
const MOST_SHARED: usize = 1_000;

/// Files that a process has open beside its connections.
const OTHER_FILES: u64 = 100;

/// Of the server: room for all that is asked of it, and no pings, which would be activity.
const SERVED_WITH: &str =
    "max_connections=20000&max_handshakes=20000&keepalive=1h&max_message=80MiB&max_inflight=512MiB";
const CALLED_WITH: &str = "keepalive=1h&max_message=80MiB&max_inflight=512MiB&connect_timeout=1m";

/// A kind of growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sweep {
    Connections,
    InFlight,
    Payload,
}

impl Sweep {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "connections" => Some(Self::Connections),
            "in-flight" => Some(Self::InFlight),
            "payload" => Some(Self::Payload),
            _ => None,
        }
    }
}

pub(crate) struct Plan {
    rounds: usize,
    seconds: f64,
    pub(crate) transports: Vec<String>,
    pub(crate) sweeps: Vec<Sweep>,
    pub(crate) plots: PathBuf,
    /// Points of each sweep that a quick run leaves out.
    is_quick: bool,
    files: u64,
}

impl Plan {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut plan = Self {
            rounds: 3,
            seconds: 1.0,
            transports: ["unix", "tcp", "shm"].map(str::to_owned).to_vec(),
            sweeps: vec![Sweep::Connections, Sweep::InFlight, Sweep::Payload],
            plots: PathBuf::from("target/scale"),
            is_quick: false,
            files: raise_files(),
        };
        let mut words = words.iter().filter(|word| **word != "--bench");
        while let Some(&flag) = words.next() {
            if flag == "--quick" {
                (plan.is_quick, plan.rounds, plan.seconds) = (true, 1, 0.3);
                continue;
            }
            let value = *words.next().ok_or(format!("{flag} needs a value"))?;
            let wrong = || format!("{flag} cannot be {value}");
            match flag {
                "--rounds" => plan.rounds = value.parse().map_err(|_| wrong())?,
                "--seconds" => plan.seconds = value.parse().map_err(|_| wrong())?,
                "--plots" => plan.plots = value.into(),
                "--transports" => plan.transports = value.split(',').map(str::to_owned).collect(),
                "--sweeps" => {
                    let sweeps = value.split(',').map(Sweep::parse).collect::<Option<_>>();
                    plan.sweeps = sweeps.ok_or_else(wrong)?;
                }
                _ => {
                    let known = "--quick, --rounds, --seconds, --transports, --plots, --sweeps";
                    return Err(format!("{flag} is none of {known}"));
                }
            }
        }
        Ok(plan)
    }

    pub(crate) fn run(&self) {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let mut results = Results::default();
        for round in 0..self.rounds {
            for turn in 0..self.transports.len() {
                let transport = &self.transports[(turn + round) % self.transports.len()];
                eprintln!("round {} of {}: {transport}", round + 1, self.rounds);
                for sweep in &self.sweeps {
                    let place = folder.path().join(format!("{round}-{turn}")).display().to_string();
                    self.sweep(*sweep, transport, &place, &mut results);
                }
            }
        }
        report::print(self, &results);
    }

    fn sweep(&self, sweep: Sweep, transport: &str, place: &str, results: &mut Results) {
        let echoes: Vec<_> = match sweep {
            Sweep::Connections => return self.connections(transport, place, results),
            Sweep::InFlight => {
                let echo = |in_flight| (in_flight, Echo { bytes: SMALL, in_flight });
                self.points(&IN_FLIGHT).map(echo).collect()
            }
            Sweep::Payload => {
                self.points(&PAYLOADS).map(|bytes| (bytes, Echo { bytes, in_flight: 1 })).collect()
            }
        };
        let (server, address) = server(transport, &format!("{place}-{sweep:?}"));
        for (point, echo) in echoes {
            let printed = self.client(&["echo", &address, &Work::Echo(echo).to_string()], &server);
            results.add(sweep, transport, point, &printed);
        }
    }

    fn connections(&self, transport: &str, place: &str, results: &mut Results) {
        for count in self.points(&CONNECTIONS) {
            if let Some(obstacle) = self.obstacle(transport, count) {
                results.leave_out(transport, count, obstacle);
                continue;
            }
            // A server of its own: what the ones before have freed would hide what these need.
            let (server, address) = server(transport, &format!("{place}-{count}"));
            let printed = self.client(&["connections", &address, &count.to_string()], &server);
            results.add(Sweep::Connections, transport, count, &printed);
        }
    }

    /// What a client prints that runs to its end.
    fn client(&self, words: &[&str], server: &Running) -> String {
        let environment =
            [("PEERS_SECS", self.seconds.to_string()), ("PEER_SERVER_PID", server.id().to_string())];
        Running::start(&this_program(), words, &environment).everything()
    }

    /// Every point, or where there is little time every second one and the last.
    fn points(&self, all: &[usize]) -> impl Iterator<Item = usize> {
        let step = if self.is_quick { 2 } else { 1 };
        all.iter().copied().enumerate().filter(move |(at, _)| at % step == 0).map(|(_, point)| point)
    }

    fn obstacle(&self, transport: &str, count: usize) -> Option<String> {
        if transport == "shm" && count > MOST_SHARED {
            return Some(format!("{count} connections are not tried over shared memory"));
        }
        let needed = count as u64 + OTHER_FILES;
        (needed > self.files)
            .then(|| format!("{count} connections need {needed} open files, {} are allowed", self.files))
    }
}

/// A server of its own process, and where it can be called.
fn server(transport: &str, place: &str) -> (Running, String) {
    let address = match transport {
        "tcp" => "tcp://127.0.0.1:0".to_owned(),
        scheme => format!("{scheme}:{place}"),
    };
    let mut server = Running::start(&this_program(), &["serve", &format!("{address}?{SERVED_WITH}")], &[]);
    let address = format!("{}?{CALLED_WITH}", server.line());
    (server, address)
}

/// Serves until it is killed. Says where as soon as clients can connect.
pub(crate) fn serve(address: &str) {
    raise_files();
    let address = address.to_owned();
    on_worker(async move {
        let server = bind(&address).await;
        say(&server.endpoint().to_string());
        server.run().await.expect("it serves until it is killed");
    });
}
