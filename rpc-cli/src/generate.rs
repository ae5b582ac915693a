//! `traitwire generate`: code from interfaces. Never replaces a file that it was not told to,
//! and never writes some of them and not the others for a reason that could be known before.

use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use traitwire::idl::{Generator, Rust, SourceFile};

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::source::{SOURCES, interfaces};

/// Generates types, traits, clients and servers
#[derive(Debug, Args)]
#[command(after_help = SOURCES)]
pub(crate) struct Generate {
    /// Where the interfaces are
    source: String,
    /// The language
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    language: Language,
    /// The folder for the files; without it they are printed
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
}

impl Language {
    fn generator(self) -> Box<dyn Generator> {
        match self {
            Self::Rust => Box::new(Rust::new()),
        }
    }
}

impl Generate {
    pub(crate) async fn run(self) -> Outcome {
        let interfaces = interfaces(&self.source).await?;
        let files = self.language.generator().generate(&interfaces).map_err(|error| {
            Failure::usage(error.to_string(), "docs/interface-text.md says what each language can express")
        })?;
        match &self.out {
            None => files.iter().try_for_each(|file| Ok(output::print(file.text.trim_end())?)),
            Some(folder) => write(folder, &files, self.force),
        }
    }
}

/// Writes all files, or none where one may not be written.
fn write(folder: &Path, files: &[SourceFile], force: bool) -> Outcome {
    let mut paths = Vec::new();
    for file in files {
        let path = folder.join(below(&file.path)?);
        // A link that leads nowhere is there too.
        if path.symlink_metadata().is_ok() && !force {
            let message = format!("{} is there already, and nothing was written", path.display());
            return Err(Failure::usage(message, "--force replaces it"));
        }
        paths.push(path);
    }
    for (file, path) in files.iter().zip(paths) {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
        }
        std::fs::write(&path, &file.text).map_err(|error| Failure::file(&path, &error))?;
        output::print(&path.display().to_string())?;
    }
    Ok(())
}

/// The path, if it leads to a place below a folder.
fn below(path: &str) -> Outcome<&Path> {
    let is_plain = |component| matches!(component, Component::Normal(_));
    match Path::new(path) {
        below if !path.is_empty() && below.components().all(is_plain) => Ok(below),
        _ => Err(Failure::usage(
            format!(
                "a file would be written to {path:?}, which is not below the folder, and nothing was written"
            ),
            "give services and types names that make no such path",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Vec<SourceFile> {
        let file = |path: &&str| SourceFile { path: path.to_string(), text: "new".to_owned() };
        paths.iter().map(file).collect()
    }

    #[test]
    fn all_files_are_written_or_none() {
        for (second, is_there) in
            [("there.rs", true), ("../x.rs", false), ("/x.rs", false), ("", false), ("a/../x.rs", false)]
        {
            let folder = tempfile::tempdir().expect("a folder");
            if is_there {
                std::fs::write(folder.path().join(second), "old").expect("it is written");
            }
            let written = write(folder.path(), &files(&["deep/first.rs", second]), false);
            assert!(matches!(written, Err(Failure::Usage { .. })), "{second}: {written:?}");
            assert!(!folder.path().join("deep").exists(), "{second}");
        }
    }

    #[test]
    fn what_is_there_is_replaced_if_it_is_told_to_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/first.rs");
        for force in [false, true] {
            write(folder.path(), &files(&["deep/first.rs"]), force).expect("it is written");
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "new");
            std::fs::write(&path, "old").expect("it is written");
        }
    }
}
