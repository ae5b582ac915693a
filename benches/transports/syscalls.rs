//! System calls that a call costs on each side, counted from outside: by `perf trace` where it is allowed, which
//! slows nothing down, else by `strace`, under which writes gather more calls than they would alone. Never counts
//! what a side does before it is called.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::entrants::Entrant;
use crate::support::workload::Work;

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    Perf,
    Strace,
}

/// System calls by name.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What the columns add up.
const GROUPS: [(&str, &[&str]); 4] = [
    ("reads", &["read", "readv", "recvfrom", "recvmsg"]),
    ("writes", &["write", "writev", "sendto", "sendmsg"]),
    ("epoll_wait", &["epoll_wait", "epoll_pwait", "epoll_pwait2"]),
    ("futex", &["futex"]),
];

/// Until a counter has taken hold of a process that runs already; it does not say when it has.
const TAKING_HOLD: Duration = Duration::from_millis(700);

impl Counter {
    /// The best that works here.
    pub(crate) fn found() -> Option<Self> {
        let works = |counter: &Self| {
            let file = std::env::temp_dir().join(format!("traitwire-syscalls-{}", std::process::id()));
            let ran = counter.command(&file).arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
            let counted = fs::read_to_string(&file).map(|text| counter.parse(&text)).unwrap_or_default();
            let _ = fs::remove_file(&file);
            ran.is_ok_and(|status| status.success()) && !counted.is_empty()
        };
        [Counter::Perf, Counter::Strace].into_iter().find(works)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Counter::Perf => "perf trace",
            Counter::Strace => "strace",
        }
    }

    /// Counts into a file what is given to it: a command, or `-p` and a process.
    pub(crate) fn command(self, file: &Path) -> Command {
        let (program, words): (_, &[&str]) = match self {
            Counter::Perf => ("perf", &["trace", "-s", "-o"]),
            Counter::Strace => ("strace", &["-f", "-c", "-o"]),
        };
        let mut command = Command::new(program);
        command.args(words).arg(file);
        command
    }

    /// Rows of one table for each thread, or of one for all.
    fn parse(self, text: &str) -> Counts {
        let mut counts = Counts::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let row: Option<(&str, u64)> = match (self, &words[..]) {
                // Name, calls, errors, times.
                (Counter::Perf, [name, calls, errors, _, ..]) => {
                    errors.parse::<u64>().ok().and_then(|_| Some((*name, calls.parse().ok()?)))
                }
                // Share, seconds, time of one, calls, errors if any, name.
                (Counter::Strace, [share, _, _, calls, .., name]) => {
                    share.parse::<f64>().ok().and_then(|_| Some((*name, calls.parse().ok()?)))
                }
                _ => None,
            };
            if let Some((name, calls)) = row.filter(|(name, _)| *name != "total") {
                *counts.entry(name.to_owned()).or_default() += calls;
            }
        }
        counts
    }

    /// What a file of a counter that has ended says.
    pub(crate) fn read(self, file: &Path) -> Counts {
        self.parse(&fs::read_to_string(file).unwrap_or_default())
    }
}

/// A counter that holds on to a process that runs already.
pub(crate) struct Attached {
    counter: Counter,
    file: PathBuf,
    process: Child,
}

impl Attached {
    pub(crate) fn to(counter: Counter, process: u32, file: PathBuf) -> Self {
        let mut command = counter.command(&file);
        let command = command.arg("-p").arg(process.to_string());
        let process = command.stderr(Stdio::null()).spawn().expect("it could be started before");
        std::thread::sleep(TAKING_HOLD);
        Self { counter, file, process }
    }

    /// Lets go, and says what it counted.
    pub(crate) fn counts(mut self) -> Counts {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        pid.map(|pid| kill_process(pid, Signal::INT));
        let _ = self.process.wait();
        self.counter.read(&self.file)
    }
}

/// One line of the table for each side.
pub(crate) fn print(entrant: Entrant, work: Work, calls: f64, sides: [(&str, Counts); 2]) {
    for (side, counts) in sides {
        let total: u64 = counts.values().sum();
        let groups =
            GROUPS.map(|(_, names)| -> u64 { names.iter().filter_map(|name| counts.get(*name)).sum() });
        let others = total - groups.iter().sum::<u64>();
        let each = groups.iter().chain([&others]).map(|count| format!("{:.3}", *count as f64 / calls));
        println!("| {entrant} | {work} | {side} | {} |", each.collect::<Vec<_>>().join(" | "));
    }
}

pub(crate) fn print_heading(counter: Counter) {
    println!("system calls a call, counted by {}\n", counter.name());
    println!("| | work | side | {} | others |", GROUPS.map(|(name, _)| name).join(" | "));
    println!("|---|---|---|{}", "--:|".repeat(GROUPS.len() + 1));
}
