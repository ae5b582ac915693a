//! The items of a text by how they are mentioned: a look into a table, however many have one name. Never decides what
//! a type means.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::tree::File;
use crate::model::Type;

/// Which items are known by which names and arguments.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    of_name: HashMap<&'a str, OfName>,
    /// What each item is written with.
    arguments: Vec<Vec<Type>>,
    /// Items that are mentioned as an earlier one is.
    again: HashSet<usize>,
}

#[derive(Debug, Default)]
struct OfName {
    /// By the number of their parameters.
    generic: HashMap<usize, usize>,
    /// By the arguments that stand behind their names.
    written: HashMap<Vec<Type>, usize>,
    arities: BTreeSet<usize>,
}

/// How an item is mentioned.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mentioned {
    AsWritten(usize),
    /// With arguments for its parameters.
    Generic(usize),
}

impl<'a> Known<'a> {
    /// The names of all items, none of which can be found yet.
    pub(super) fn names(file: &'a File) -> Self {
        let mut of_name: HashMap<&str, OfName> = HashMap::new();
        for item in &file.items {
            let arities = &mut of_name.entry(&item.identifier.text).or_default().arities;
            arities.insert(item.arguments.len());
        }
        Self { of_name, arguments: vec![Vec::new(); file.items.len()], again: HashSet::new() }
    }

    /// Is there an item of this name?
    pub(super) fn has(&self, name: &str) -> bool {
        self.of_name.contains_key(name)
    }

    /// How many arguments items of this name have.
    pub(super) fn arities(&self, name: &str) -> BTreeSet<usize> {
        self.of_name.get(name).map(|of_name| of_name.arities.clone()).unwrap_or_default()
    }

    /// Has an item found by its name and any arguments, so many.
    pub(super) fn enter_generic(&mut self, name: &'a str, parameters: usize, index: usize) {
        let found = *self.of_name.entry(name).or_default().generic.entry(parameters).or_insert(index);
        self.note(index, found);
    }

    /// Has an item found by its name and these arguments.
    pub(super) fn enter_written(&mut self, name: &'a str, arguments: Vec<Type>, index: usize) {
        let found = *self.of_name.entry(name).or_default().written.entry(arguments).or_insert(index);
        self.note(index, found);
    }

    fn note(&mut self, index: usize, found: usize) {
        if found != index {
            self.again.insert(index);
        }
    }

    /// Is an earlier item mentioned in the same way?
    pub(super) fn is_again(&self, index: usize) -> bool {
        self.again.contains(&index)
    }

    pub(super) fn set_arguments(&mut self, index: usize, arguments: Vec<Type>) {
        self.arguments[index] = arguments;
    }

    /// The arguments that an item is written with.
    pub(super) fn arguments(&self, index: usize) -> &[Type] {
        &self.arguments[index]
    }

    /// The item that a name and arguments mean: one that is written with these, or a generic one.
    pub(super) fn find(&self, name: &str, arguments: &[Type]) -> Option<Mentioned> {
        let of_name = self.of_name.get(name)?;
        let written = of_name.written.get(arguments).copied().map(Mentioned::AsWritten);
        written.or_else(|| of_name.generic.get(&arguments.len()).copied().map(Mentioned::Generic))
    }
}
