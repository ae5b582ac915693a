//! The order of events: in each round every entrant runs every workload once.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::entrants::{ENTRANTS, Entrant};
use crate::support::workload::Work;
use crate::table::Results;

/// What is to be measured.
pub(crate) struct Plan {
    rounds: usize,
    seconds: f64,
    works: Vec<Work>,
    entrants: Vec<Entrant>,
}

impl Plan {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let entrants = ENTRANTS.to_vec();
        let mut plan = Self { rounds: 3, seconds: 1.0, works: Work::ALL.to_vec(), entrants };
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
                "--transports" => {
                    let chosen: Vec<&str> = value.split(',').collect();
                    plan.entrants.retain(|entrant| chosen.contains(&entrant.transport));
                    if plan.entrants.is_empty() {
                        return Err(wrong());
                    }
                }
                _ => {
                    return Err(format!("{flag} is none of --rounds, --seconds, --works, --transports"));
                }
            }
        }
        Ok(plan)
    }

    pub(crate) fn run(&self) {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
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
        results.print();
    }

    fn turn(&self, entrant: Entrant, address: &str, mut figure: impl FnMut(&str, f64)) {
        let server = entrant.has_server().then(|| Running::start(&["serve", entrant.name, address], &[]));
        let (address, process) = match server {
            Some(mut server) => (server.line(), Some(server)),
            None => (address.to_owned(), None),
        };
        for work in &self.works {
            let mut environment = vec![("PEERS_SECS", self.seconds.to_string())];
            environment.extend(process.as_ref().map(|server| ("PEER_SERVER_PID", server.0.id().to_string())));
            let words = ["bench", entrant.name, &address, &work.to_string()];
            let printed = Running::start(&words, &environment).everything();
            let Some(line) = printed.lines().rfind(|line| line.starts_with('{')) else {
                eprintln!("{entrant} {work}: no result");
                continue;
            };
            // Our own line of JSON: names and numbers, and nothing nested.
            for (name, value) in
                line.trim_matches(['{', '}']).split(',').filter_map(|pair| pair.split_once(':'))
            {
                if let Ok(value) = value.parse() {
                    figure(&format!("{work} {}", name.trim_matches('"')), value);
                }
            }
        }
    }
}

/// A process that does not outlive its use.
struct Running(Child);

impl Running {
    fn start(words: &[&str], environment: &[(&str, String)]) -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(this);
        command.args(words).envs(environment.iter().map(|(name, value)| (name, value)));
        Self(command.stdout(Stdio::piped()).spawn().expect("this program can be started"))
    }

    /// The first line it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        let output = self.0.stdout.as_mut().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a line of text");
        line.trim_end().to_owned()
    }

    /// All that it prints until it ends.
    fn everything(mut self) -> String {
        let mut text = String::new();
        let output = self.0.stdout.as_mut().expect("it is piped");
        output.read_to_string(&mut text).expect("text");
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
