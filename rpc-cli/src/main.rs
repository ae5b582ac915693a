//! The command `traitwire`: looks at services and calls them, by what they say of themselves. Each subcommand is a
//! file; here they are named. Never knows a service's trait.
#![forbid(unsafe_code)]

mod bench;
mod call;
mod check;
mod completions;
mod connection;
mod describe;
mod failure;
mod generate;
mod interrupt;
mod list;
mod output;
mod source;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::failure::{EXIT_CODES, Outcome};

/// Looks at services, calls them and measures them.
#[derive(Debug, Parser)]
#[command(name = "traitwire", version, after_help = EXIT_CODES, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Describe(describe::Describe),
    Call(call::Call),
    Bench(bench::Bench),
    Check(check::Check),
    Generate(generate::Generate),
    Completions(completions::Completions),
}

impl Command {
    /// Time to end after an interrupt.
    fn grace(&self) -> Duration {
        match self {
            // They give up calls, and tell what was measured.
            Self::Call(_) | Self::Bench(_) => Duration::from_secs(2),
            _ => Duration::ZERO,
        }
    }

    async fn run(self) -> Outcome {
        match self {
            Self::List(command) => command.run().await,
            Self::Describe(command) => command.run().await,
            Self::Call(command) => command.run().await,
            Self::Bench(command) => command.run().await,
            Self::Check(command) => command.run().await,
            Self::Generate(command) => command.run().await,
            Self::Completions(command) => command.run(),
        }
    }
}

fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::from(error).report(),
    };
    interrupt::watch(&runtime, command.grace());
    let outcome = runtime.block_on(command.run());
    // Somebody may still wait for standard input; nobody waits for them.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
