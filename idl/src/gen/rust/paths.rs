//! How generated code names what it does not define: by full paths, or by short ones that are brought into scope.
//! Never names what is generated.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::model::Definition;
use crate::text::standard;

use super::super::program::Program;

/// What is in scope everywhere.
const PRELUDE: &[&str] =
    &["Box", "Default", "Eq", "Hash", "Option", "Ord", "PartialOrd", "Result", "String", "Vec"];

/// The paths of the standard library's types that have a definition, and that serde knows.
const STANDARD: &[(&str, &str)] = &[
    ("Result", "::std::result::Result"),
    ("Duration", "::std::time::Duration"),
    ("SystemTime", "::std::time::SystemTime"),
    ("Range", "::std::ops::Range"),
    ("RangeInclusive", "::std::ops::RangeInclusive"),
    ("RangeFrom", "::std::ops::RangeFrom"),
    ("RangeTo", "::std::ops::RangeTo"),
    ("Bound", "::std::ops::Bound"),
    ("OsString", "::std::ffi::OsString"),
    ("IpAddr", "::std::net::IpAddr"),
    ("SocketAddr", "::std::net::SocketAddr"),
];

/// For each definition the path of the standard library's type that it is, if it is one.
pub(super) fn standard_paths(program: &Program) -> Vec<Option<&'static str>> {
    let path = |(index, definition): (usize, &Definition)| {
        // What a reader makes of unknown fields is the standard library's business.
        let is_same = |standard: Definition| standard.shape == definition.shape && definition.docs.is_empty();
        let is_one = !program.doubles.contains(&index)
            && standard(&definition.name, &definition.arguments).is_some_and(is_same);
        let (_, path) = STANDARD.iter().find(|(name, _)| is_one && *name == definition.name)?;
        Some(*path)
    };
    program.definitions.iter().enumerate().map(path).collect()
}

/// How paths are written.
#[derive(Debug)]
pub(super) struct Paths {
    traitwire: String,
    /// The full paths that short ones stand for.
    imported: Option<RefCell<BTreeSet<String>>>,
}

impl Paths {
    pub(super) fn full(traitwire: &str) -> Self {
        Self { traitwire: traitwire.to_owned(), imported: None }
    }

    #[cfg(feature = "generate")]
    pub(super) fn short(traitwire: &str) -> Self {
        Self { traitwire: traitwire.to_owned(), imported: Some(RefCell::default()) }
    }

    /// A full path of the standard library, as it is written here.
    pub(super) fn std(&self, full: &str) -> String {
        self.path(full.to_owned())
    }

    /// Something that traitwire exports.
    pub(super) fn ours(&self, name: &str) -> String {
        self.path(format!("{}::{name}", self.traitwire))
    }

    /// Something of ours that the macros know by its name and take out, so that bringing it into scope would be idle.
    pub(super) fn known(&self, name: &str) -> String {
        match self.imported {
            Some(_) => name.to_owned(),
            None => self.ours(name),
        }
    }

    fn path(&self, full: String) -> String {
        let Some(imported) = &self.imported else { return full };
        let last = full.rsplit("::").next().unwrap_or(&full).to_owned();
        if !PRELUDE.contains(&last.as_str()) {
            imported.borrow_mut().insert(full);
        }
        last
    }

    /// `crate = "…"`, where the macros have to be told.
    pub(super) fn crate_key(&self) -> Option<String> {
        (self.traitwire != "::traitwire").then(|| format!("crate = {:?}", self.traitwire))
    }

    /// What the lints of a reader's crate need not say of generated code; a whole file says it at its head.
    pub(super) fn allowed(&self) -> &'static str {
        if self.imported.is_some() { "" } else { "#[allow(dead_code, missing_docs, unreachable_pub)]\n" }
    }

    /// What brings short paths into scope, and what is taken from the module outside.
    pub(super) fn imports(&self, outside: &[String]) -> String {
        let Some(imported) = &self.imported else { return String::new() };
        let imported = imported.borrow();
        let imported = imported.iter().map(|path| path.trim_start_matches("::").to_owned());
        let outside = outside.iter().map(|name| format!("super::{name}"));
        outside.chain(imported).map(|path| format!("use {path};\n")).collect()
    }
}
