//! `traitwire completions`: the script by which a shell completes this command.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::CommandLine;
use crate::failure::Outcome;
use crate::output;

/// Prints the completion script of a shell.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "traitwire", &mut script);
        Ok(output::print(String::from_utf8_lossy(&script).trim_end())?)
    }
}
