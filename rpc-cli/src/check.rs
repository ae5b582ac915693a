//! `traitwire check`: what changed between two versions of interfaces, and who may be upgraded first. Never changes a
//! file but the lock that it is told to write.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use traitwire::dynamic::Value;
use traitwire::idl::Interface;
use traitwire::idl::compat::{Compatibility, compare_all};
use traitwire::idl::lock::{self, Allowed, LockError};

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
    /// Compare with this file, which is to say what is there now
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// With --lock: write the file, after whatever has changed was shown
    #[arg(long, requires = "lock", conflicts_with = "new")]
    update: bool,
    /// Fail also where one side, or older versions, must be upgraded before the other; not with --lock, where any change
    /// fails
    #[arg(long, conflicts_with = "lock")]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) async fn run(self) -> Outcome {
        let (old, new) = match (&self.lock, &self.new) {
            (Some(file), _) => {
                let now = interfaces(&self.old).await?;
                match lock::read(file) {
                    Err(LockError::Missing(_)) if self.update => {
                        return read_or_not(write(file, &now, self.json));
                    }
                    before => (before?, now),
                }
            }
            (None, Some(new)) => (interfaces(&self.old).await?, interfaces(new).await?),
            (None, None) => {
                return Err(Failure::usage("two versions are compared", "traitwire check OLD NEW"));
            }
        };
        let changes =
            compare_all(&old, &new).map_err(|error| Failure::usage(error.to_string(), "a smaller one"))?;
        read_or_not(self.show(&changes))?;
        if let Some(file) = self.lock.as_deref().filter(|_| self.update) {
            return read_or_not(write(file, &new, self.json));
        }
        let allowed = if self.strict { Allowed::Safe } else { Allowed::Ordered };
        match &self.lock {
            Some(file) => Ok(lock::compare(file, &old, &new, allowed)?),
            None if allowed.allows(changes.safety()) => Ok(()),
            None => Err(Failure::Changed),
        }
    }

    /// Prints the changes, and says what holds for all of them together.
    fn show(&self, changes: &Compatibility) -> Outcome {
        let safety = changes.safety();
        if self.json {
            let all = changes.changes.iter().map(|change| {
                json!({
                    "place": change.place,
                    "kind": change.kind.to_string(),
                    "safety": change.safety.to_string(),
                    "reason": change.reason,
                    "fix": change.fix,
                    "methods": change.methods,
                })
            });
            let mut report = json!({"safety": safety.to_string(), "changes": Value::Array(all.collect())});
            if let Some(why) = changes.explanation() {
                report["explanation"] = why.into();
            }
            output::print(&output::text(&report, true))?;
        } else {
            let mut lines = changes.changes.iter().map(ToString::to_string);
            lines.try_for_each(|line| output::print(&output::clean_name(&line)))?;
            let why = changes.explanation().map(|why| format!(": {why}")).unwrap_or_default();
            output::print(&format!("all together: {safety}{why}"))?;
        }
        Ok(())
    }
}

/// The exit code and the file do not depend on whether somebody reads what is printed.
fn read_or_not(printed: Outcome) -> Outcome {
    match printed {
        Err(failure) if failure.is_unread() => Ok(()),
        printed => printed,
    }
}

/// Writes the file, and says so where people read it.
fn write(file: &Path, interfaces: &[Interface], json: bool) -> Outcome {
    lock::write(file, interfaces)?;
    if json {
        return Ok(());
    }
    Ok(output::print(&format!("{} is written", file.display()))?)
}
