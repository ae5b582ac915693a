//! Where a command takes interfaces from: a file with their text, such a file in a revision of git, or a service that
//! runs. Never keeps them.

use std::path::Path;
use std::process::Command;

use traitwire::idl::{self, Interface};

use crate::connection::{client, close, connect};
use crate::failure::{Failure, Outcome};

/// What a source may be, for the help of commands.
pub(crate) const SOURCES: &str = "\
Interfaces come from a file with their text (calculator.idl), from such a file in a revision of git
(git:HEAD~1:calculator.idl, from the folder where the command runs), or from a service that runs
(unix:/run/app.sock).";

/// The interfaces of a source.
pub(crate) async fn interfaces(source: &str) -> Outcome<Vec<Interface>> {
    if let Some(revision) = source.strip_prefix("git:") {
        return parse(source, &shown(revision)?);
    }
    // A pipe is a file too, as shells have it for `<(command)`.
    if Path::new(source).exists() && !Path::new(source).is_dir() {
        let text = std::fs::read_to_string(source).map_err(|error| {
            Failure::usage(format!("{source}: {error}"), "a file with the text of interfaces")
        })?;
        return parse(source, &text);
    }
    if !source.contains(':') {
        let help = "a file, git:REVISION:FILE, or the address of a service";
        if Path::new(source).is_dir() {
            return Err(Failure::usage(format!("{source}: it is a directory"), help));
        }
        return Err(Failure::usage(format!("{source}: there is no such file, and it is no address"), help));
    }
    let channel = connect(source, None).await?;
    let services = channel.services().await.map_err(Failure::Connect)?;
    let mut interfaces = Vec::new();
    for service in &services {
        interfaces.push(client(&channel, &service.name, None).await?.interface().clone());
    }
    close([channel]).await;
    Ok(interfaces)
}

fn parse(source: &str, text: &str) -> Outcome<Vec<Interface>> {
    idl::parse(text).map_err(|error| {
        Failure::usage(
            format!("{source}: {error}"),
            "docs/interface-text.md describes the text of interfaces",
        )
    })
}

/// A file as it is in a revision, by git itself.
fn shown(revision: &str) -> Outcome<String> {
    let help = "git:REVISION:FILE, the file from the folder where the command runs";
    let Some((commit, file)) = revision.rsplit_once(':') else {
        return Err(Failure::usage(format!("git:{revision} names no file"), help));
    };
    // Without `./` git begins at the top of the repository.
    let here = if file.starts_with('/') { "" } else { "./" };
    let revision = format!("{commit}:{here}{file}");
    let shown = Command::new("git").args(["show", "--end-of-options", &revision]).output();
    let shown = shown.map_err(|error| {
        Failure::usage(
            format!("git cannot be run: {error}"),
            "it is git itself that reads a revision: install it",
        )
    })?;
    match String::from_utf8(shown.stdout) {
        Ok(text) if shown.status.success() => Ok(text),
        Ok(_) => {
            let said = String::from_utf8_lossy(&shown.stderr);
            Err(Failure::usage(said.trim().to_owned(), help))
        }
        Err(_) => {
            Err(Failure::usage(format!("git:{revision} is not text"), "a file with the text of interfaces"))
        }
    }
}
