//! Code from interfaces: one [`Generator`] for each language. Never reads or writes a file.

mod problem;
mod program;
mod rust;

pub use problem::{GenerateError, GenerateProblem};
pub use rust::{ContextArgument, Rust};

#[cfg(feature = "generate")]
use crate::model::Interface;

/// A language that interfaces can be generated in.
#[cfg(feature = "generate")]
pub trait Generator {
    /// What the language is called, in lower case.
    fn language(&self) -> &'static str;

    /// The source files for these interfaces. Types that several of them have in common are generated once.
    ///
    /// # Errors
    /// Everything in the interfaces that the language cannot say, each with its place and what to do.
    fn generate(&self, interfaces: &[Interface]) -> Result<Vec<SourceFile>, GenerateError>;
}

/// A file to be written.
#[cfg(feature = "generate")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where, below the folder of what is generated, with `/` between folders.
    pub path: String,
    /// What is in it.
    pub text: String,
}
