//! What resolution says of both directions, by place. Never judges what it is told.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeKind, Naming, Safety, advice};
use crate::model::Interface;
use crate::resolve::place::{Step, path, short};
use crate::resolve::remark::{Lenient, Place, Remark, Why};
use crate::resolve::{Conflict, Found, Names, Resolution, TooLarge, Within};

/// Who calls whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    /// An old client calls a new server.
    OldClient,
    /// A new client calls an old server.
    NewClient,
}

/// What each place is to whoever reads it.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: BTreeMap<(String, ChangeKind), Finding>,
    /// Where what the new version finds by an alias stood in the old one, and where it stands now.
    renamed: BTreeSet<(String, String)>,
}

/// Reasons that are told of one change: a field may have any number of names, and its type have namesakes.
const MOST_REASONS: usize = 4;

#[derive(Debug, Default)]
struct Finding {
    /// By their numbers.
    methods: BTreeSet<usize>,
    /// Why it cannot be read, by who calls whom.
    refused: BTreeMap<Direction, String>,
    /// What is made of it where it can.
    accepted: BTreeSet<String>,
    /// Why other versions than these two cannot be read any more.
    older: BTreeSet<String>,
    /// Why it cannot be read, in short.
    whys: BTreeSet<Why>,
}

impl Finding {
    /// Takes what another says too.
    fn merge(&mut self, other: Self) {
        self.methods.extend(other.methods);
        for (direction, why) in other.refused {
            self.refused.entry(direction).or_insert(why);
        }
        self.accepted.extend(other.accepted);
        self.older.extend(other.older);
        self.whys.extend(other.whys);
    }
}

/// What comes of a difference.
enum Outcome {
    /// It can be read; so.
    Read(String),
    /// It can be read, but what older versions write cannot any more.
    Older(String),
    /// It cannot be read.
    Refused(String),
}

/// Whose bytes are read by whom.
#[derive(Clone, Copy)]
struct Reading {
    direction: Direction,
    /// Whether a server reads what a client sends.
    arguments: bool,
}

impl Reading {
    /// Whether the new version reads what the old one wrote.
    fn new_reads(self) -> bool {
        (self.direction == Direction::OldClient) == self.arguments
    }

    /// The reader and the writer, in words.
    fn sides(self) -> (&'static str, &'static str) {
        match (self.direction, self.arguments) {
            (Direction::OldClient, true) => ("a new server", "what an old client sends"),
            (Direction::OldClient, false) => ("an old client", "what a new server returns"),
            (Direction::NewClient, true) => ("an old server", "what a new client sends"),
            (Direction::NewClient, false) => ("a new client", "what an old server returns"),
        }
    }
}

impl Findings {
    pub(super) fn collect(
        &mut self,
        old: &Interface,
        new: &Interface,
        direction: Direction,
        naming: &Naming<'_>,
    ) -> Result<(), TooLarge> {
        let (client, server) = match direction {
            Direction::OldClient => (old, new),
            Direction::NewClient => (new, old),
        };
        for arguments in [true, false] {
            let reading = Reading { direction, arguments };
            // Places are called as the new version calls them.
            let names = if reading.new_reads() { Names::Readers } else { Names::Writers };
            let resolution = match arguments {
                true => Resolution::arguments(client, server, names)?,
                false => Resolution::results(client, server, names)?,
            };
            for (method, found) in client.methods.iter().zip(&resolution.methods) {
                let Some(found) = found else { continue };
                // Nobody reads what a call gives whose caller does not wait.
                let number = naming.number(&new.name, &method.name);
                if let Some(number) = number.filter(|_| arguments || !method.oneway) {
                    self.method((&new.name, &method.name), number, reading, &resolution, found);
                }
            }
        }
        Ok(())
    }

    fn method(
        &mut self,
        (service, method): (&str, &str),
        number: usize,
        reading: Reading,
        resolution: &Resolution<'_>,
        found: &Found,
    ) {
        let roots = &found.roots;
        if let Some(flows) = &roots.flows {
            let kind = if flows.within == Within::Error {
                ChangeKind::ErrorChanged
            } else {
                ChangeKind::StreamChanged
            };
            let reason = cannot(reading, &differ(flows));
            let finding = self.found.entry((format!("{service}.{method}"), kind)).or_default();
            finding.methods.insert(number);
            finding.refused.insert(reading.direction, reason);
        }
        let second = if reading.arguments { "the items" } else { "the error" };
        let value = if reading.arguments { "" } else { "the result" };
        for (root, part) in
            std::iter::once((roots.value, value)).chain(roots.second.map(|root| (root, second)))
        {
            resolution.remarks.visit(root, |place, remark| {
                let Some((kind, outcome)) = judged(reading, remark) else { return true };
                let called = called(service, method, part, place, None);
                if let (Remark::Renamed(from, _), true) = (remark, reading.new_reads()) {
                    let before = self::called(service, method, part, place, Some(from));
                    self.renamed.insert((before, called.clone()));
                }
                let finding = self.found.entry((called, kind)).or_default();
                if let Remark::Conflict { why, .. } = remark {
                    finding.whys.insert(*why);
                }
                finding.methods.insert(number);
                match outcome {
                    Outcome::Read(accepted) => {
                        finding.accepted.insert(accepted);
                    }
                    Outcome::Older(older) => {
                        finding.older.insert(older);
                    }
                    Outcome::Refused(refused) => {
                        finding.refused.entry(reading.direction).or_insert(refused);
                    }
                }
                true
            });
        }
    }

    /// Where it is known what became of a type, that says more than that it is another.
    fn merge_types(&mut self) {
        let known = [
            ChangeKind::NumberWidened,
            ChangeKind::NumberNarrowed,
            ChangeKind::MadeOptional,
            ChangeKind::NewtypeChanged,
        ];
        let places: BTreeSet<String> = self.found.keys().map(|(place, _)| place.clone()).collect();
        for place in places {
            let more =
                known.iter().map(|kind| (place.clone(), *kind)).find(|key| self.found.contains_key(key));
            let Some(more) = more else { continue };
            self.merge((place, ChangeKind::TypeChanged), more);
        }
    }

    /// What the old version does not find by its new name, and misses by its old one, was renamed.
    fn merge_renamed(&mut self) {
        for (before, now) in std::mem::take(&mut self.renamed) {
            let lost = "the old version passes over the new name, and has a default for the old one";
            for field in [(before, ChangeKind::FieldRemoved), (now.clone(), ChangeKind::FieldAdded)] {
                if let Some(finding) = self.found.get_mut(&field) {
                    finding.accepted = BTreeSet::from([lost.to_owned()]);
                }
                self.merge(field, (now.clone(), ChangeKind::Renamed));
            }
            self.merge((now.clone(), ChangeKind::VariantAdded), (now, ChangeKind::Renamed));
        }
    }

    /// Tells one thing as another, if both were found.
    fn merge(&mut self, from: (String, ChangeKind), into: (String, ChangeKind)) {
        if !self.found.contains_key(&into) {
            return;
        }
        if let Some(other) = self.found.remove(&from) {
            self.found.entry(into).or_default().merge(other);
        }
    }

    pub(super) fn into_changes(mut self, naming: &Naming<'_>) -> Vec<Change> {
        self.merge_types();
        self.merge_renamed();
        let changes = self.found.into_iter().map(|((place, kind), finding)| {
            let Finding { methods, refused, accepted, older, whys } = finding;
            let is_fine = |direction| !refused.contains_key(&direction);
            let (safety, said): (_, Vec<String>) =
                match Safety::of(is_fine(Direction::OldClient), is_fine(Direction::NewClient)) {
                    Safety::Safe if older.is_empty() => (Safety::Safe, accepted.into_iter().collect()),
                    Safety::Safe => (Safety::WithoutOlder, older.into_iter().collect()),
                    safety => (safety, refused.into_values().collect()),
                };
            let methods = naming.names(methods);
            let fix = advice::of(kind, safety, &whys);
            let left_out = said.len().saturating_sub(MOST_REASONS);
            let mut reason = said.into_iter().take(MOST_REASONS).collect::<Vec<_>>().join("; ");
            if left_out > 0 {
                reason += &format!("; and {left_out} more");
            }
            Change { place, kind, safety, reason, fix, methods }
        });
        changes.collect()
    }
}

/// What a place is called: by the type around it, or by the method. With another name for its last step, if there is one.
fn called(service: &str, method: &str, part: &str, place: Place<'_, '_>, last: Option<&str>) -> String {
    let (label, mut steps) = place.steps_from_type();
    if let (Some(last), Some(Step::Name(name) | Step::Variant(name))) = (last, steps.last_mut()) {
        *name = last;
    }
    match label {
        Some(label) => {
            steps.insert(0, Step::Name(label));
            path(&steps)
        }
        None => {
            let path = path(&steps);
            let inner = match (part, path.as_str()) {
                ("", path) => path.to_owned(),
                (part, "") => part.to_owned(),
                (part, path) => {
                    format!("{part}{}{path}", if path.starts_with(['[', '{', '?', '.']) { "" } else { "." })
                }
            };
            format!("{service}.{method}: {inner}")
        }
    }
}

fn differ(conflict: &Conflict) -> String {
    format!("{} on the client, {} on the server", conflict.client, conflict.server)
}

fn cannot(reading: Reading, why: &str) -> String {
    let (reader, written) = reading.sides();
    format!("{reader} cannot read {written}: {why}")
}

/// What kind of change a remark tells of, and what comes of it. `None` where the other direction tells it better.
fn judged(reading: Reading, remark: &Remark<'_>) -> Option<(ChangeKind, Outcome)> {
    let new_reads = reading.new_reads();
    let (reader, written) = reading.sides();
    // A pair of kinds: what was done if the new version reads, and if the old one does.
    let either = |new: ChangeKind, old: ChangeKind| if new_reads { new } else { old };
    let fine = |text: &str| Outcome::Read(text.to_owned());
    let which = if new_reads { "new" } else { "old" };
    Some(match remark {
        Remark::Conflict { why, writer, reader: read } => {
            let kind = match why {
                Why::Type => ChangeKind::TypeChanged,
                Why::FieldRequired => either(ChangeKind::FieldAdded, ChangeKind::FieldRemoved),
                Why::FieldRefused => either(ChangeKind::FieldRemoved, ChangeKind::FieldAdded),
                Why::FieldTwice => ChangeKind::FieldsMerged,
                Why::ArgumentRequired => either(ChangeKind::ArgumentAdded, ChangeKind::ArgumentRemoved),
                Why::ArgumentRefused => either(ChangeKind::ArgumentRemoved, ChangeKind::ArgumentAdded),
            };
            let why = match why {
                Why::FieldRequired => "it needs the field, and has no default for it".to_owned(),
                Why::FieldRefused => "it refuses fields that it does not know".to_owned(),
                Why::ArgumentRequired => "it needs the argument, and has no default for it".to_owned(),
                Why::ArgumentRefused => {
                    "it does not take the argument, which is not one with a default".to_owned()
                }
                Why::Type | Why::FieldTwice => format!("{writer} is not read as {read}"),
            };
            (kind, Outcome::Refused(cannot(reading, &why)))
        }
        Remark::UnknownVariant => {
            let kind = either(ChangeKind::VariantRemoved, ChangeKind::VariantAdded);
            (
                kind,
                Outcome::Refused(format!(
                    "{reader} fails the one call or item whose value holds it, in {written}"
                )),
            )
        }
        Remark::OtherVariant => {
            let kind = either(ChangeKind::VariantRemoved, ChangeKind::VariantAdded);
            (kind, Outcome::Read(format!("the {which} version reads it as its `serde(other)`")))
        }
        Remark::FieldIgnored => {
            let kind = either(ChangeKind::FieldRemoved, ChangeKind::FieldAdded);
            (kind, Outcome::Read(format!("the {which} version passes over it")))
        }
        Remark::FieldMissing => {
            let kind = either(ChangeKind::FieldAdded, ChangeKind::FieldRemoved);
            (kind, Outcome::Read(format!("the {which} version has a default for it")))
        }
        Remark::ArgumentIgnored => {
            let kind = either(ChangeKind::ArgumentRemoved, ChangeKind::ArgumentAdded);
            (kind, Outcome::Read(format!("the {which} version passes over it")))
        }
        Remark::ArgumentMissing => {
            let kind = either(ChangeKind::ArgumentAdded, ChangeKind::ArgumentRemoved);
            (kind, Outcome::Read(format!("the {which} version has a default for it")))
        }
        Remark::Renamed(from, to) => (
            ChangeKind::Renamed,
            Outcome::Read(format!("the {which} version reads `{from}` as `{to}`, by its alias")),
        ),
        Remark::Reordered => (ChangeKind::FieldsReordered, fine("fields are found by their names")),
        Remark::Moved => (ChangeKind::VariantMoved, fine("variants are found by their names")),
        Remark::Widened { from, to } => {
            let kind = either(ChangeKind::NumberWidened, ChangeKind::NumberNarrowed);
            (kind, Outcome::Read(format!("{from} is read as {to}")))
        }
        Remark::Optional => {
            // What became an option if the new version reads it; otherwise what was one.
            if !new_reads {
                return Some((ChangeKind::TypeChanged, fine("a value is read as an option with it")));
            }
            (ChangeKind::MadeOptional, fine("a value is read as an option with it"))
        }
        Remark::Newtype { from, to } => (
            ChangeKind::NewtypeChanged,
            Outcome::Read(format!("{from} is read as {to}: one is what is in the other")),
        ),
        // What a reader makes of other versions is told where the new one reads.
        Remark::Lenient(_) | Remark::Strict(_) if !new_reads => return None,
        Remark::Lenient(of) => more(*of),
        Remark::Strict(of) => less(reading, *of),
    })
}

/// What the new version reads that the old one did not.
fn more(of: Lenient<'_>) -> (ChangeKind, Outcome) {
    let (kind, read) = match of {
        Lenient::Field => (ChangeKind::DefaultAdded, "the new version does without it".to_owned()),
        Lenient::Argument => (ChangeKind::DefaultAdded, "callers need not send it any more".to_owned()),
        Lenient::Alias(name) => (
            ChangeKind::AliasAdded,
            format!("the new version finds it by the name `{}` too", short(name.to_owned())),
        ),
        Lenient::UnknownFields => (
            ChangeKind::UnknownFieldsIgnored,
            "the new version passes over fields that it does not know".to_owned(),
        ),
        Lenient::UnknownVariants => (
            ChangeKind::OtherAdded,
            "the new version reads variants that it does not know as this one".to_owned(),
        ),
    };
    (kind, Outcome::Read(read))
}

/// What the new version does not read any more, though the old one does not write it.
fn less(reading: Reading, of: Lenient<'_>) -> (ChangeKind, Outcome) {
    let (kind, others) = match of {
        Lenient::Field => (ChangeKind::DefaultRemoved, "do not have the field".to_owned()),
        Lenient::Argument => (ChangeKind::DefaultRemoved, "do not have the argument".to_owned()),
        Lenient::Alias(name) => {
            (ChangeKind::AliasRemoved, format!("have the name `{}` for it", short(name.to_owned())))
        }
        Lenient::UnknownFields => (ChangeKind::UnknownFieldsRefused, "have further fields".to_owned()),
        Lenient::UnknownVariants => (ChangeKind::OtherRemoved, "have further variants".to_owned()),
    };
    let (reader, _) = reading.sides();
    let what = if reading.arguments { "send" } else { "return" };
    (kind, Outcome::Older(format!("{reader} no longer reads what versions {what} that {others}")))
}
