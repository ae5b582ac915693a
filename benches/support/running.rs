//! Processes of a benchmark, most of them this same executable, and what they print. Never outlives them.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// This same executable.
pub(crate) fn this_program() -> PathBuf {
    std::env::current_exe().expect("this program has a path")
}

/// A process that does not outlive its use.
pub(crate) struct Running(Child);

impl Running {
    /// An executable with these arguments.
    pub(crate) fn start(program: &Path, words: &[&str], environment: &[(&str, String)]) -> Self {
        let mut command = Command::new(program);
        command.args(words).envs(environment.iter().map(|(name, value)| (name, value)));
        Self(command.stdout(Stdio::piped()).spawn().expect("a program that was built can be started"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The first line it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let output = self.0.stdout.as_mut().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a line of text");
        line.trim_end().to_owned()
    }

    /// All that it prints until it ends.
    pub(crate) fn everything(mut self) -> String {
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

/// The figures of a measurement's line of JSON: names and numbers, and nothing nested.
pub(crate) fn figures(line: &str) -> impl Iterator<Item = (&str, f64)> {
    line.trim_matches(['{', '}'])
        .split(',')
        .filter_map(|pair| pair.split_once(':'))
        .filter_map(|(name, value)| Some((name.trim_matches('"'), value.parse().ok()?)))
}
