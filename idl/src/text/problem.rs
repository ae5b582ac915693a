//! Mistakes in a text: collected while it is read, and told together. Never knows what is a mistake.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Display};

use proc_macro2::Span;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// The line of the text, counted from 1; 0 if the whole text is meant.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        write!(f, "{}{HELP}{}", self.message, self.help)
    }
}

/// Why a text describes no interface: all its mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    problems: Vec<Problem>,
}

impl TextError {
    pub(super) fn of_text(message: impl Display, help: impl Display) -> Self {
        let (message, help) = (message.to_string(), help.to_string());
        Self { problems: vec![Problem { line: 0, column: 0, message, help }] }
    }

    /// The mistakes, in the order of the text; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            f.write_str(if index > 0 { "\n" } else { "" })?;
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl Error for TextError {}

/// What stands between an error's message and its help.
const HELP: &str = "\n  = help: ";

/// An error of the grammar that says what to do.
pub(super) fn error(place: Span, message: impl Display, help: impl Display) -> syn::Error {
    syn::Error::new(place, format!("{message}{HELP}{help}"))
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// Notes a mistake at this place.
    pub(super) fn refuse(&self, place: Span, message: impl Display, help: impl Display) {
        let start = place.start();
        self.0.borrow_mut().push(Problem {
            line: start.line,
            column: start.column + 1,
            message: message.to_string(),
            help: help.to_string(),
        });
    }

    /// Notes a mistake of the text as a whole.
    pub(super) fn refuse_text(&self, message: &str, help: &str) {
        self.0.borrow_mut().extend(TextError::of_text(message, help).problems);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Notes where the text has not the form it should have. `help` is for errors that bring none.
    pub(super) fn syntax(&self, error: &syn::Error, help: impl Display) {
        for error in error.clone() {
            let text = error.to_string();
            match text.split_once(HELP) {
                Some((message, own)) => self.refuse(error.span(), message, own),
                None => self.refuse(error.span(), text, &help),
            }
        }
    }

    pub(super) fn finish(self) -> Result<(), TextError> {
        let mut problems = self.0.into_inner();
        // What is wrong in a generic type is found again with each of its instances.
        problems.sort();
        problems.dedup();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(TextError { problems }),
        }
    }
}
