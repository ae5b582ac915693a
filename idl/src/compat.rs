//! What changed between two versions of an interface, and who may be upgraded first. Decides nothing itself: whether
//! one side reads the other is what [`resolve`](crate::resolve_arguments) says, in both directions.

mod advice;
mod findings;
mod methods;

use std::collections::HashMap;
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
    /// The methods it concerns, in their order: `method`, or `Service.method` where there are several services.
    pub methods: Vec<String>,
}

/// Who may be upgraded first without a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    ArgumentsRenamed,
    /// At the place of an argument there is another one of the method's: the values of one are taken for the other's.
    ArgumentsMoved,
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
            ChangeKind::ArgumentsRenamed => "arguments renamed",
            ChangeKind::ArgumentsMoved => "arguments moved",
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

    /// Why all changes together are breaking where none of them is: what they do not say one by one.
    pub fn explanation(&self) -> Option<&'static str> {
        let is_any = |safety| self.changes.iter().any(|change| change.safety == safety);
        let is_split = is_any(Safety::ServersFirst) && is_any(Safety::ClientsFirst);
        (is_split && !is_any(Safety::Breaking))
            .then_some("some changes need servers first and others clients; release these one after those")
    }
}

/// Compares two versions of an interface.
///
/// # Errors
/// [`TooLarge`], for interfaces that no program has.
pub fn compare(old: &Interface, new: &Interface) -> Result<Compatibility, TooLarge> {
    compare_pairs(&[Pair::Both(old, new)])
}

/// Compares two versions of all interfaces of a program. Those that have one name are versions of each other.
///
/// # Errors
/// As [`compare`].
pub fn compare_all(old: &[Interface], new: &[Interface]) -> Result<Compatibility, TooLarge> {
    let (known, known_now) = (by_name(old, |it| &it.name), by_name(new, |it| &it.name));
    let before = old.iter().map(|before| match known_now.get(&*before.name) {
        Some(now) => Pair::Both(before, now),
        None => Pair::Removed(before),
    });
    let added = new.iter().filter(|now| !known.contains_key(&*now.name)).map(Pair::Added);
    compare_pairs(&before.chain(added).collect::<Vec<_>>())
}

/// What there is of a service.
#[derive(Clone, Copy)]
enum Pair<'a> {
    /// The old version and the new one.
    Both(&'a Interface, &'a Interface),
    Removed(&'a Interface),
    Added(&'a Interface),
}

impl<'a> Pair<'a> {
    /// The version that gives the names.
    fn latest(self) -> &'a Interface {
        let (Self::Both(_, it) | Self::Removed(it) | Self::Added(it)) = self;
        it
    }

    /// Whether nothing but docs differs. What stands in one version alone, such as an alias that another field has as
    /// its name, is no change either.
    fn is_unchanged(self) -> bool {
        matches!(self, Self::Both(old, new) if old.without_docs() == new.without_docs())
    }

    /// The methods of both versions, the new one's first.
    fn methods(self) -> impl Iterator<Item = &'a str> {
        let old = if let Self::Both(old, _) = self { old.methods.as_slice() } else { &[] };
        self.latest().methods.iter().chain(old).map(|method| method.name.as_str())
    }
}

/// What a type's change is told of once, whichever services have it.
fn compare_pairs(pairs: &[Pair<'_>]) -> Result<Compatibility, TooLarge> {
    let naming = Naming::of(pairs);
    let (mut changes, mut findings) = (Vec::new(), Findings::default());
    for pair in pairs.iter().filter(|pair| !pair.is_unchanged()) {
        methods::of(*pair, &naming, &mut changes);
        if let Pair::Both(old, new) = pair {
            findings.collect(old, new, Direction::OldClient, &naming)?;
            findings.collect(old, new, Direction::NewClient, &naming)?;
        }
    }
    changes.extend(findings.into_changes(&naming));
    changes.sort_by(|a, b| (&a.place, a.kind).cmp(&(&b.place, b.kind)));
    Ok(Compatibility { changes })
}

/// All methods, in their order, and how they are named.
struct Naming<'a> {
    numbers: HashMap<(&'a str, &'a str), usize>,
    names: Vec<String>,
}

impl<'a> Naming<'a> {
    fn of(pairs: &[Pair<'a>]) -> Self {
        let mut naming = Self { numbers: HashMap::new(), names: Vec::new() };
        for pair in pairs {
            let service = &*pair.latest().name;
            for method in pair.methods() {
                naming.numbers.entry((service, method)).or_insert_with(|| {
                    naming.names.push(match pairs {
                        [_] => method.to_owned(),
                        _ => format!("{service}.{method}"),
                    });
                    naming.names.len() - 1
                });
            }
        }
        naming
    }

    fn number(&self, service: &str, method: &str) -> Option<usize> {
        self.numbers.get(&(service, method)).copied()
    }

    /// Those of these numbers.
    fn names(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
        numbers.into_iter().filter_map(|number| self.names.get(number).cloned()).collect()
    }

    /// A service's own.
    fn names_of(&self, service: &str, methods: &[&str]) -> Vec<String> {
        self.names(methods.iter().filter_map(|method| self.number(service, method)))
    }
}

/// The first of each name.
fn by_name<'a, T>(all: &'a [T], name: impl Fn(&'a T) -> &'a String) -> HashMap<&'a str, &'a T> {
    all.iter().rev().map(|one| (name(one).as_str(), one)).collect()
}
