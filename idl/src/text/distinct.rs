//! Names beside one another, which differ. Never knows what they name.

use std::collections::HashSet;

use super::problem::Problems;
use super::tree::Name;

/// Names of which each may stand once.
pub(super) struct Distinct<'p> {
    /// What has them.
    what: &'static str,
    met: HashSet<String>,
    problems: &'p Problems,
}

impl<'p> Distinct<'p> {
    pub(super) fn new(what: &'static str, problems: &'p Problems) -> Self {
        Self { what, met: HashSet::new(), problems }
    }

    /// Notes a mistake if the name has stood before.
    pub(super) fn meet(&mut self, Name { text, span }: &Name) {
        if !self.met.insert(text.clone()) {
            let message = format!("another {} is called `{text}` already", self.what);
            self.problems.refuse(*span, message, "give one of them another name");
        }
    }
}
