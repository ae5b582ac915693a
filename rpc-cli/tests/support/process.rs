//! The commands as processes.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// One that is yet to be started, with pipes.
pub(crate) fn traitwire() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_traitwire"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command has said, and its exit code.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).expect("it says text"),
            err: String::from_utf8(output.stderr).expect("it says text"),
            code: output.status.code().unwrap_or(-1),
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    traitwire().args(arguments).output().expect("it starts").into()
}

/// Runs a command to its end that reads this.
pub(crate) fn run_reading(arguments: &[&str], input: &str) -> Said {
    let mut child = traitwire().args(arguments).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it has one");
    // One that does not read it all has its reasons.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends").into()
}
