//! The other frameworks: a package of its own, built when it is asked for. Never measures anything.

use std::path::{Path, PathBuf};
use std::process::Command;

const MANIFEST: &str = include_str!("../frameworks/Cargo.toml");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn target() -> PathBuf {
    root().join("target/frameworks")
}

/// What serves and calls by them, once it is built.
pub(crate) fn executable() -> PathBuf {
    target().join("release/frameworks")
}

/// Builds them, with the exact versions of their own lock file.
pub(crate) fn build() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--locked", "--manifest-path"]);
    command.arg(root().join("benches/frameworks/Cargo.toml")).arg("--target-dir").arg(target());
    if command.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err("the other frameworks could not be built: see above. Cargo gets tarpc, tonic, capnp-rpc and what they need \
         from its registry, which it has to reach the first time; without --beside nothing of that is needed"
        .to_owned())
}

/// The version of a framework.
pub(crate) fn version(name: &str) -> Option<&'static str> {
    let line =
        MANIFEST.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(" = ")))?;
    let (_, version) = line.split_once("\"=")?;
    version.split('"').next()
}
