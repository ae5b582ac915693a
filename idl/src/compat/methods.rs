//! What is said of services and methods as wholes, and of the names of arguments, which a connection does not look at.
//! Never looks at types.

use std::collections::{BTreeSet, HashSet};

use super::{Change, ChangeKind, Naming, Pair, Safety, advice, by_name};
use crate::model::{Interface, Method};
use crate::resolve::place::short;

/// Arguments that are named where some have other names.
const MOST_NAMES: usize = 4;

/// Adds what became of a service and its methods.
pub(super) fn of(pair: Pair<'_>, naming: &Naming<'_>, changes: &mut Vec<Change>) {
    let mut told = Told { service: &pair.latest().name, naming, changes };
    match pair {
        Pair::Both(old, new) => told.both(old, new),
        Pair::Removed(old) => {
            told.whole(old, ChangeKind::ServiceRemoved, Safety::ClientsFirst, "old clients still call it");
        }
        Pair::Added(new) => {
            let reason = "an old server does not have it";
            told.whole(new, ChangeKind::ServiceAdded, Safety::ServersFirst, reason);
        }
    }
}

/// What was told of a service.
struct Told<'a> {
    service: &'a str,
    naming: &'a Naming<'a>,
    changes: &'a mut Vec<Change>,
}

impl Told<'_> {
    fn add(&mut self, place: String, kind: ChangeKind, safety: Safety, reason: &str, methods: &[&str]) {
        let fix = advice::of(kind, safety, &BTreeSet::new());
        let methods = self.naming.names_of(self.service, methods);
        self.changes.push(Change { place, kind, safety, reason: reason.to_owned(), fix, methods });
    }

    fn whole(&mut self, interface: &Interface, kind: ChangeKind, safety: Safety, reason: &str) {
        let methods: Vec<_> = interface.methods.iter().map(|method| method.name.as_str()).collect();
        self.add(self.service.to_owned(), kind, safety, reason, &methods);
    }

    fn method(&mut self, name: &str, kind: ChangeKind, safety: Safety, reason: &str) {
        self.add(format!("{}.{name}", self.service), kind, safety, reason, &[name]);
    }

    fn both(&mut self, old: &Interface, new: &Interface) {
        if old.name != new.name {
            let reason = "services are found by their names";
            self.whole(new, ChangeKind::ServiceRenamed, Safety::Breaking, reason);
        }
        let (known, known_now) = (by_name(&old.methods, |it| &it.name), by_name(&new.methods, |it| &it.name));
        for method in new.methods.iter().filter(|method| !known.contains_key(&*method.name)) {
            let reason = "an old server does not have it";
            self.method(&method.name, ChangeKind::MethodAdded, Safety::ServersFirst, reason);
        }
        for method in &old.methods {
            match known_now.get(&*method.name) {
                Some(now) => self.attributes(method, now),
                None => {
                    let reason = "old clients still call it";
                    self.method(&method.name, ChangeKind::MethodRemoved, Safety::ClientsFirst, reason);
                }
            }
        }
    }

    /// What is said of a method that both have.
    fn attributes(&mut self, old: &Method, new: &Method) {
        let name = &*new.name;
        if old.idempotent != new.idempotent {
            let (kind, safety, reason) = if old.idempotent {
                let reason = "old clients repeat calls that may have been executed";
                (ChangeKind::IdempotentRemoved, Safety::ClientsFirst, reason)
            } else {
                let reason = "new clients repeat calls that an old server may have executed";
                (ChangeKind::IdempotentAdded, Safety::ServersFirst, reason)
            };
            self.method(name, kind, safety, reason);
        }
        // The server answers in either case, and whether anybody waits for that is the client's own affair.
        if old.oneway != new.oneway {
            let (kind, reason) = if old.oneway {
                (ChangeKind::OnewayRemoved, "new clients wait for the answer, old ones do not")
            } else {
                (ChangeKind::OnewayAdded, "old clients wait for the answer, new ones do not")
            };
            self.method(name, kind, Safety::Safe, reason);
        }
        if let Some((kind, safety, reason)) = renamed_arguments(old, new) {
            self.method(name, kind, safety, &reason);
        }
    }
}

/// What it means that arguments have other names at the places that both versions have, if some do.
fn renamed_arguments(old: &Method, new: &Method) -> Option<(ChangeKind, Safety, String)> {
    // A stream is not sent with the others, and has no place among them.
    let sent = |method: &'_ Method, stream: bool| {
        let of = method.arguments.iter().filter(move |argument| argument.stream == stream);
        of.map(|argument| argument.name.clone()).collect::<Vec<_>>()
    };
    let both = [false, true].map(|stream| (sent(old, stream), sent(new, stream)));
    let pairs = both.iter().flat_map(|(old, new)| old.iter().zip(new));
    let renamed: Vec<_> = pairs.filter(|(old, new)| old != new).collect();
    if renamed.is_empty() {
        return None;
    }
    let [known, known_now] =
        [Vec::from_iter(both.iter().flat_map(|it| &it.0)), Vec::from_iter(both.iter().flat_map(|it| &it.1))]
            .map(HashSet::<_>::from_iter);
    let have_moved = renamed.iter().any(|(old, new)| known.contains(new) || known_now.contains(old));
    let told = renamed.iter().take(MOST_NAMES);
    let mut told: Vec<_> = told
        .map(|(old, new)| format!("`{}` is read as `{}`", short((*old).clone()), short((*new).clone())))
        .collect();
    if renamed.len() > MOST_NAMES {
        told.push(format!("and {} more", renamed.len() - MOST_NAMES));
    }
    let (kind, safety, consequence) = if have_moved {
        let consequence = "arguments have changed places, and calls between the versions are misread";
        (ChangeKind::ArgumentsMoved, Safety::Breaking, consequence)
    } else {
        let consequence = "calls go on, if they mean the same; who calls by name, as in JSON, and who reads the code has new names";
        (ChangeKind::ArgumentsRenamed, Safety::Safe, consequence)
    };
    let told = told.join(", ");
    Some((kind, safety, format!("arguments travel by their places, not their names: {told}; {consequence}")))
}
