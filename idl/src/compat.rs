//! What changed between two versions of an interface, and who may be upgraded first. Decides nothing itself: whether
//! one side reads the other is what [`resolve`](crate::resolve_arguments) says, in both directions.

mod advice;
mod findings;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::model::Interface;
use crate::resolve::TooLarge;
use findings::{Direction, Findings};

/// All changes between two versions of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compatibility {
    /// By their places.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Where: a service, a method, an argument, or a place in a type, such as `Item.price`.
    pub place: String,
    /// What was done.
    pub kind: ChangeKind,
    /// Who may be upgraded first.
    pub safety: Safety,
    /// What the other side makes of it.
    pub reason: String,
    /// What would make it safer, where it is not safe.
    pub fix: Option<String>,
    /// The methods it concerns, in their order.
    pub methods: Vec<String>,
}

/// Who may be upgraded first without a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Safety {
    /// Anybody.
    Safe,
    /// Anybody, once there is no version older than these two: the new one reads less of what others write.
    WithoutOlder,
    /// Servers: old clients work with new servers, but not the other way round.
    ServersFirst,
    /// Clients: new clients work with old servers, but not the other way round.
    ClientsFirst,
    /// Nobody: while both versions are there, calls fail.
    Breaking,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it all")]
pub enum ChangeKind {
    ServiceAdded,
    ServiceRemoved,
    ServiceRenamed,
    MethodAdded,
    MethodRemoved,
    StreamChanged,
    ErrorChanged,
    IdempotentAdded,
    IdempotentRemoved,
    OnewayAdded,
    OnewayRemoved,
    ArgumentAdded,
    ArgumentRemoved,
    FieldAdded,
    FieldRemoved,
    FieldsMerged,
    FieldsReordered,
    VariantAdded,
    VariantRemoved,
    VariantMoved,
    Renamed,
    NumberWidened,
    NumberNarrowed,
    MadeOptional,
    NewtypeChanged,
    TypeChanged,
    DefaultAdded,
    DefaultRemoved,
    AliasAdded,
    AliasRemoved,
    UnknownFieldsIgnored,
    UnknownFieldsRefused,
    OtherAdded,
    OtherRemoved,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChangeKind::ServiceAdded => "service added",
            ChangeKind::ServiceRemoved => "service removed",
            ChangeKind::ServiceRenamed => "service renamed",
            ChangeKind::MethodAdded => "method added",
            ChangeKind::MethodRemoved => "method removed",
            ChangeKind::StreamChanged => "stream changed",
            ChangeKind::ErrorChanged => "error changed",
            ChangeKind::IdempotentAdded => "made idempotent",
            ChangeKind::IdempotentRemoved => "no longer idempotent",
            ChangeKind::OnewayAdded => "made oneway",
            ChangeKind::OnewayRemoved => "no longer oneway",
            ChangeKind::ArgumentAdded => "argument added",
            ChangeKind::ArgumentRemoved => "argument removed",
            ChangeKind::FieldAdded => "field added",
            ChangeKind::FieldRemoved => "field removed",
            ChangeKind::FieldsMerged => "fields merged",
            ChangeKind::FieldsReordered => "fields reordered",
            ChangeKind::VariantAdded => "variant added",
            ChangeKind::VariantRemoved => "variant removed",
            ChangeKind::VariantMoved => "variant moved",
            ChangeKind::Renamed => "renamed",
            ChangeKind::NumberWidened => "number widened",
            ChangeKind::NumberNarrowed => "number narrowed",
            ChangeKind::MadeOptional => "made optional",
            ChangeKind::NewtypeChanged => "newtype added or removed",
            ChangeKind::TypeChanged => "type changed",
            ChangeKind::DefaultAdded => "default added",
            ChangeKind::DefaultRemoved => "default removed",
            ChangeKind::AliasAdded => "alias added",
            ChangeKind::AliasRemoved => "alias removed",
            ChangeKind::UnknownFieldsIgnored => "unknown fields passed over",
            ChangeKind::UnknownFieldsRefused => "unknown fields refused",
            ChangeKind::OtherAdded => "made the variant for unknown ones",
            ChangeKind::OtherRemoved => "no longer the variant for unknown ones",
        })
    }
}

impl fmt::Display for Safety {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Safety::Safe => "safe",
            Safety::WithoutOlder => "safe if no older version is left",
            Safety::ServersFirst => "safe if servers are upgraded first",
            Safety::ClientsFirst => "safe if clients are upgraded first",
            Safety::Breaking => "breaking",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, kind, safety, reason, fix, .. } = self;
        write!(f, "{place}: {kind}, {safety}: {reason}")?;
        match fix {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

impl Safety {
    fn of(old_client: bool, new_client: bool) -> Self {
        match (old_client, new_client) {
            (true, true) => Safety::Safe,
            (true, false) => Safety::ServersFirst,
            (false, true) => Safety::ClientsFirst,
            (false, false) => Safety::Breaking,
        }
    }

    /// What holds where both of these do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Safety::Safe, other) | (other, Safety::Safe) => other,
            (Safety::WithoutOlder, other) | (other, Safety::WithoutOlder) => other,
            (one, other) if one == other => one,
            _ => Safety::Breaking,
        }
    }
}

impl Compatibility {
    /// What holds for all changes together.
    pub fn safety(&self) -> Safety {
        self.changes.iter().fold(Safety::Safe, |safety, change| safety.and(change.safety))
    }
}

/// Compares two versions of an interface.
///
/// # Errors
/// [`TooLarge`], for interfaces that no program has.
pub fn compare(old: &Interface, new: &Interface) -> Result<Compatibility, TooLarge> {
    let mut changes = methods(old, new);
    let mut findings = Findings::default();
    findings.collect(old, new, Direction::OldClient)?;
    findings.collect(old, new, Direction::NewClient)?;
    let mut order = BTreeMap::new();
    for (index, method) in new.methods.iter().chain(&old.methods).enumerate() {
        order.entry(method.name.as_str()).or_insert(index);
    }
    changes.extend(findings.into_changes(&order));
    changes.sort_by(|a, b| (&a.place, a.kind).cmp(&(&b.place, b.kind)));
    Ok(Compatibility { changes })
}

/// Compares two versions of all interfaces of a program. Those that have one name are versions of each other.
///
/// # Errors
/// As [`compare`].
pub fn compare_all(old: &[Interface], new: &[Interface]) -> Result<Compatibility, TooLarge> {
    let mut changes = Vec::new();
    let whole = |interface: &Interface, kind: ChangeKind, safety: Safety, reason: &str| {
        let methods = interface.methods.iter().map(|method| method.name.clone()).collect();
        let (place, reason, fix) = (interface.name.clone(), reason.to_owned(), advice::of(kind, safety));
        Change { place, kind, safety, reason, fix, methods }
    };
    let (known, known_now) = (by_name(old, |it| &it.name), by_name(new, |it| &it.name));
    for before in old {
        match known_now.get(&*before.name) {
            Some(now) => changes.extend(compare(before, now)?.changes),
            None => {
                let reason = "old clients still call it";
                changes.push(whole(before, ChangeKind::ServiceRemoved, Safety::ClientsFirst, reason));
            }
        }
    }
    for now in new.iter().filter(|now| !known.contains_key(&*now.name)) {
        let reason = "an old server does not have it";
        changes.push(whole(now, ChangeKind::ServiceAdded, Safety::ServersFirst, reason));
    }
    Ok(Compatibility { changes })
}

/// The first of each name.
fn by_name<'a, T>(all: &'a [T], name: impl Fn(&'a T) -> &'a String) -> HashMap<&'a str, &'a T> {
    all.iter().rev().map(|one| (name(one).as_str(), one)).collect()
}

/// What is said of services and methods as wholes.
fn methods(old: &Interface, new: &Interface) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |place: String, kind: ChangeKind, safety: Safety, reason: &str, methods: Vec<String>| {
        let fix = advice::of(kind, safety);
        changes.push(Change { place, kind, safety, reason: reason.to_owned(), fix, methods });
    };
    if old.name != new.name {
        let all = new.methods.iter().map(|method| method.name.clone()).collect();
        let reason = "services are found by their names";
        add(new.name.clone(), ChangeKind::ServiceRenamed, Safety::Breaking, reason, all);
    }
    let (known, known_now) = (by_name(&old.methods, |it| &it.name), by_name(&new.methods, |it| &it.name));
    for method in new.methods.iter().filter(|method| !known.contains_key(&*method.name)) {
        let (place, reason) = (format!("{}.{}", new.name, method.name), "an old server does not have it");
        add(place, ChangeKind::MethodAdded, Safety::ServersFirst, reason, vec![method.name.clone()]);
    }
    for method in &old.methods {
        let (place, name) = (format!("{}.{}", new.name, method.name), vec![method.name.clone()]);
        let Some(now) = known_now.get(&*method.name) else {
            let reason = "old clients still call it";
            add(place, ChangeKind::MethodRemoved, Safety::ClientsFirst, reason, name);
            continue;
        };
        if method.idempotent != now.idempotent {
            let (kind, safety, reason) = if method.idempotent {
                let reason = "old clients repeat calls that may have been executed";
                (ChangeKind::IdempotentRemoved, Safety::ClientsFirst, reason)
            } else {
                let reason = "new clients repeat calls that an old server may have executed";
                (ChangeKind::IdempotentAdded, Safety::ServersFirst, reason)
            };
            add(place.clone(), kind, safety, reason, name.clone());
        }
        // The server answers in either case, and whether anybody waits for that is the client's own affair.
        if method.oneway != now.oneway {
            let (kind, reason) = if method.oneway {
                (ChangeKind::OnewayRemoved, "new clients wait for the answer, old ones do not")
            } else {
                (ChangeKind::OnewayAdded, "old clients wait for the answer, new ones do not")
            };
            add(place, kind, Safety::Safe, reason, name);
        }
    }
    changes
}
