//! What a language cannot say of an interface. Never decides what that is.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Display};

/// One thing that a language cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenerateProblem {
    /// Where: a service and its method, or a type and its field, such as `Orders.list` or `Page.items`.
    pub place: String,
    /// What is wrong there.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Display for GenerateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  = help: {}", self.place, self.message, self.help)
    }
}

/// Why no code is generated: everything that the language cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateError {
    problems: Vec<GenerateProblem>,
}

impl GenerateError {
    /// What cannot be said; at least one thing.
    pub fn problems(&self) -> &[GenerateProblem] {
        &self.problems
    }
}

impl Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            f.write_str(if index > 0 { "\n" } else { "" })?;
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl Error for GenerateError {}

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<GenerateProblem>>);

impl Problems {
    pub(super) fn refuse(&self, place: impl Display, message: impl Display, help: impl Display) {
        let (place, message, help) = (place.to_string(), message.to_string(), help.to_string());
        let problem = GenerateProblem { place, message, help };
        let mut problems = self.0.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    pub(super) fn into_error(self) -> GenerateError {
        GenerateError { problems: self.0.into_inner() }
    }

    /// Fails if something was found.
    pub(super) fn check(&self) -> Result<(), GenerateError> {
        let problems = self.0.borrow().clone();
        if problems.is_empty() { Ok(()) } else { Err(GenerateError { problems }) }
    }
}
