//! `traitwire generate`: code from interfaces. Never replaces a file that it was not told to.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use traitwire::idl::{Generator, Rust};

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
        for file in files {
            let Some(folder) = &self.out else {
                output::print(file.text.trim_end())?;
                continue;
            };
            let path = folder.join(&file.path);
            if path.exists() && !self.force {
                return Err(Failure::usage(
                    format!("{} is there already", path.display()),
                    "--force replaces it",
                ));
            }
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&path, file.text)?;
            output::print(&path.display().to_string())?;
        }
        Ok(())
    }
}
