//! `traitwire check`: what changed between two versions of interfaces, and who may be upgraded first. Never changes a
//! file but the lock that it is told to write.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use traitwire::dynamic::Value;
use traitwire::idl::Interface;
use traitwire::idl::compat::{Safety, compare};

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::source::{SOURCES, interfaces};

/// Says what changed between two versions, and which changes break calls
#[derive(Debug, Args)]
#[command(after_help = SOURCES)]
pub(crate) struct Check {
    /// The old version, or with --lock the present one
    old: String,
    /// The new version
    #[arg(required_unless_present = "lock", conflicts_with = "lock")]
    new: Option<String>,
    /// Compare with this file, which is written where it is not there yet
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// With --lock: write the file anew, after whatever has changed was shown
    #[arg(long, requires = "lock")]
    update: bool,
    /// Fail also where one side must be upgraded before the other
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) async fn run(self) -> Outcome {
        let (old, new) = match (&self.lock, &self.new) {
            (Some(lock), _) => {
                let now = interfaces(&self.old).await?;
                if !lock.exists() {
                    write(lock, &now)?;
                    return Ok(output::print(&format!("{} is written", lock.display()))?);
                }
                (interfaces(&lock.display().to_string()).await?, now)
            }
            (None, Some(new)) => (interfaces(&self.old).await?, interfaces(new).await?),
            (None, None) => {
                return Err(Failure::usage("two versions are compared", "traitwire check OLD NEW"));
            }
        };
        let safety = self.show(&old, &new)?;
        if let Some(lock) = self.lock.as_deref().filter(|_| self.update) {
            return write(lock, &new);
        }
        match safety {
            Safety::Safe => Ok(()),
            Safety::ServersFirst | Safety::ClientsFirst if !self.strict => Ok(()),
            _ => Err(Failure::Changed),
        }
    }

    /// Prints the changes, and says what holds for all of them together.
    fn show(&self, old: &[Interface], new: &[Interface]) -> Outcome<Safety> {
        let (mut lines, mut all) = (Vec::new(), Vec::new());
        let mut safety = Safety::Safe;
        for before in old {
            let Some(now) = new.iter().find(|now| now.name == before.name) else {
                safety = safety.and(Safety::ClientsFirst);
                let reason = "old clients still call it";
                lines.push(format!("{}: service removed, {}: {reason}", before.name, Safety::ClientsFirst));
                let safety = Safety::ClientsFirst.to_string();
                all.push(json!({"place": before.name, "kind": "service removed", "safety": safety, "reason": reason}));
                continue;
            };
            let changes =
                compare(before, now).map_err(|error| Failure::usage(error.to_string(), "a smaller one"))?;
            safety = safety.and(changes.safety());
            for change in &changes.changes {
                lines.push(change.to_string());
                all.push(json!({
                    "place": change.place,
                    "kind": change.kind.to_string(),
                    "safety": change.safety.to_string(),
                    "reason": change.reason,
                    "fix": change.fix,
                    "methods": change.methods,
                }));
            }
        }
        for added in new.iter().filter(|now| !old.iter().any(|before| before.name == now.name)) {
            safety = safety.and(Safety::ServersFirst);
            let reason = "an old server does not have it";
            lines.push(format!("{}: service added, {}: {reason}", added.name, Safety::ServersFirst));
            let safety = Safety::ServersFirst.to_string();
            all.push(
                json!({"place": added.name, "kind": "service added", "safety": safety, "reason": reason}),
            );
        }
        if self.json {
            let report = json!({"safety": safety.to_string(), "changes": Value::Array(all)});
            output::print(&output::text(&report, true))?;
        } else {
            lines.iter().try_for_each(|line| output::print(&output::clean(line)))?;
            output::print(&format!("all together: {safety}"))?;
        }
        Ok(safety)
    }
}

fn write(lock: &Path, interfaces: &[Interface]) -> Outcome {
    let text = interfaces.iter().map(Interface::print).collect::<Vec<_>>().join("\n");
    Ok(std::fs::write(lock, text)?)
}
