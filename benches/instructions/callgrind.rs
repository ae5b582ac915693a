//! This program again, under callgrind.

use std::io::ErrorKind;
use std::process::Command;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Whether only the parts within `measured` count.
    pub(crate) partly: bool,
    pub(crate) run: fn(u64),
}

/// Calls of the shorter run.
pub(crate) const COUNT: u64 = 2_000;

pub(crate) enum Counted {
    Instructions(u64),
    NoValgrind,
    Failed(String),
}

/// The instructions of a scenario's run of `count` calls.
pub(crate) fn instructions(scenario: &Scenario, count: u64) -> Counted {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    if scenario.partly {
        // Only what runs within `measured`.
        command.arg("--toggle-collect=*measured*");
    }
    let this = std::env::current_exe().expect("this program has a path");
    let count = count.to_string();
    match command.arg(this).args(["run", scenario.name, &count]).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Counted::NoValgrind,
        Err(error) => Counted::Failed(error.to_string()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let collected =
                said.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
            match collected {
                Some(instructions) if output.status.success() => Counted::Instructions(instructions),
                _ => Counted::Failed(said.lines().last().unwrap_or("it says nothing").to_owned()),
            }
        }
    }
}

/// What callgrind counts of a scenario that is measured partly. Its name is what it is found by.
#[inline(never)]
pub(crate) fn measured<R>(part: impl FnOnce() -> R) -> R {
    std::hint::black_box(part())
}
