//! The order of events: in each round every entrant runs every workload once.

use std::path::{Path, PathBuf};

use crate::beside;
use crate::entrants::{ENTRANTS, Entrant, FRAMEWORKS};
use crate::running::{Running, figures};
use crate::sizes::{self, SIZES};
use crate::support::workload::Work;
use crate::syscalls::{self, Attached, Counter};
use crate::table::Results;

/// What is to be measured.
pub(crate) struct Plan {
    rounds: usize,
    seconds: f64,
    works: Vec<Work>,
    entrants: Vec<Entrant>,
    kind: Kind,
}

/// What comes of it.
enum Kind {
    Times,
    /// Of echoes of several sizes, as a table of their own, with a plot here.
    Sizes(PathBuf),
    /// No times at all, since counting takes some.
    SystemCalls,
}

impl Kind {
    /// A counter takes hold of a server that runs already.
    fn takes(&self, entrant: Entrant) -> bool {
        !matches!(self, Kind::SystemCalls) || (entrant.has_server() && entrant.transport != "fifo")
    }
}

impl Plan {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut plan = Self {
            rounds: 3,
            seconds: 1.0,
            works: Work::ALL.to_vec(),
            entrants: Vec::new(),
            kind: Kind::Times,
        };
        let (mut others, mut transports) = (&FRAMEWORKS[..0], None);
        let mut words = words.iter().filter(|word| **word != "--bench");
        while let Some(&flag) = words.next() {
            let value = *words.next().ok_or(format!("{flag} needs a value"))?;
            let wrong = || format!("{flag} cannot be {value}");
            match flag {
                "--rounds" => plan.rounds = value.parse().map_err(|_| wrong())?,
                "--seconds" => plan.seconds = value.parse().map_err(|_| wrong())?,
                "--works" => {
                    plan.works =
                        value.split(',').map(Work::parse).collect::<Option<_>>().ok_or_else(wrong)?;
                }
                "--sizes" => {
                    plan.works = SIZES.map(Work::Echo).to_vec();
                    plan.kind = Kind::Sizes(value.into());
                }
                "--count" if value == "syscalls" => {
                    plan.works = vec![Work::W1, Work::W2];
                    plan.kind = Kind::SystemCalls;
                }
                "--transports" => transports = Some(value.split(',').collect::<Vec<_>>()),
                "--beside" if value == "frameworks" => others = &FRAMEWORKS,
                _ => {
                    let known = "--rounds, --seconds, --works, --sizes, --count, --transports, --beside";
                    return Err(format!("{flag} is none of {known}"));
                }
            }
        }
        plan.entrants = ENTRANTS.iter().chain(others).copied().collect();
        plan.entrants.retain(|entrant| {
            plan.kind.takes(*entrant)
                && transports.as_ref().is_none_or(|chosen| chosen.contains(&entrant.transport))
        });
        // Who goes over the same stands together.
        let place = |entrant: &Entrant| ENTRANTS.iter().position(|own| own.transport == entrant.transport);
        plan.entrants.sort_by_key(place);
        if plan.entrants.is_empty() {
            return Err(format!("nobody goes over any of {}", transports.unwrap_or_default().join(", ")));
        }
        if !others.is_empty() {
            beside::build()?;
        }
        Ok(plan)
    }

    pub(crate) fn run(&self) {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        if let Kind::SystemCalls = self.kind {
            return self.count(directory.path());
        }
        let mut results = Results::new(&self.entrants);
        for round in 0..self.rounds {
            eprintln!("round {} of {}", round + 1, self.rounds);
            // Nobody is always the first.
            let order = (0..self.entrants.len()).map(|at| (at + round) % self.entrants.len());
            for at in order {
                let number = round * self.entrants.len() + at;
                let address = self.entrants[at].address(&directory.path().to_string_lossy(), number);
                self.turn(self.entrants[at], &address, |figure, value| results.add(at, figure, value));
            }
        }
        match &self.kind {
            Kind::Sizes(plot) => sizes::report(&results, self.rounds, plot),
            Kind::Times | Kind::SystemCalls => results.print(),
        }
    }

    fn count(&self, directory: &Path) {
        let Some(counter) = Counter::found() else {
            return println!("skipped: neither perf trace nor strace can count here");
        };
        syscalls::print_heading(counter);
        let entrants =
            self.entrants.iter().flat_map(|entrant| self.works.iter().map(move |work| (entrant, *work)));
        for (number, (entrant, work)) in entrants.enumerate() {
            let address = entrant.address(&directory.to_string_lossy(), number);
            let program = entrant.program();
            let mut server = Running::start(&program, &["serve", entrant.name, &address], &[]);
            let address = server.line();
            let [server_file, client_file] =
                ["server", "client"].map(|side| directory.join(format!("{number}-{side}-counts")));
            let attached = Attached::to(counter, server.id(), server_file);
            let mut client = counter.command(&client_file);
            client.arg(program).args(["bench", entrant.name, &address, &work.to_string()]);
            client.env("PEERS_SECS", self.seconds.to_string());
            let printed = client.output().expect("it could be started before").stdout;
            let sides = [("client", counter.read(&client_file)), ("server", attached.counts())];
            let printed = String::from_utf8_lossy(&printed);
            let line = printed.lines().rfind(|line| line.starts_with('{'));
            match line.and_then(|line| figures(line).find(|(name, _)| *name == "calls")) {
                Some((_, calls)) => syscalls::print(*entrant, work, calls, sides),
                None => eprintln!("{entrant} {work}: no result"),
            }
        }
    }

    fn turn(&self, entrant: Entrant, address: &str, mut figure: impl FnMut(&str, f64)) {
        let program = entrant.program();
        let serving = ["serve", entrant.name, address];
        let server = entrant.has_server().then(|| Running::start(&program, &serving, &[]));
        let (address, process) = match server {
            Some(mut server) => (server.line(), Some(server)),
            None => (address.to_owned(), None),
        };
        for work in &self.works {
            let mut environment = vec![("PEERS_SECS", self.seconds.to_string())];
            environment.extend(process.as_ref().map(|server| ("PEER_SERVER_PID", server.id().to_string())));
            let words = ["bench", entrant.name, &address, &work.to_string()];
            let printed = Running::start(&program, &words, &environment).everything();
            let Some(line) = printed.lines().rfind(|line| line.starts_with('{')) else {
                eprintln!("{entrant} {work}: no result");
                continue;
            };
            for (name, value) in figures(line) {
                figure(&format!("{work} {name}"), value);
            }
        }
    }
}
