//! What was found where two versions meet, by node, and the way to each place. Never decides what is possible.

use std::collections::{HashMap, HashSet};

use super::place::Step;

/// Something that differs between writer and reader.
#[derive(Debug, Clone)]
pub(crate) enum Remark<'a> {
    /// It cannot be read: what the writer has, and what the reader has.
    Conflict {
        why: Why,
        writer: String,
        reader: String,
    },
    /// A variant of the writer's that the reader does not know.
    UnknownVariant,
    /// A variant that is read as the one for unknown ones.
    OtherVariant,
    /// A field of the writer's that is passed over.
    FieldIgnored,
    /// A field of the reader's that is `None`, or has its default.
    FieldMissing,
    ArgumentIgnored,
    ArgumentMissing,
    /// Found by an alias: its name at the writer's, then at the reader's.
    Renamed(&'a str, &'a str),
    /// Fields in another order.
    Reordered,
    /// A variant with another number.
    Moved,
    Widened {
        from: String,
        to: String,
    },
    /// A value that is read as an option.
    Optional,
    Newtype {
        from: String,
        to: String,
    },
    /// The reader has what its writer's own version does not have, and reads more by it.
    Lenient(Lenient<'a>),
    /// The reader does not have what its writer's own version has, and reads less for it.
    Strict(Lenient<'a>),
}

/// What lets a reader read other versions than its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lenient<'a> {
    /// A default for a field.
    Field,
    /// A default for an argument.
    Argument,
    /// A further name of a field or a variant.
    Alias(&'a str),
    /// Fields that it does not know are passed over.
    UnknownFields,
    /// A variant stands for those that it does not know.
    UnknownVariants,
}

/// Why something cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// The types do not go together.
    Type,
    /// The reader needs a field that the writer does not have.
    FieldRequired,
    /// The reader refuses a field that it does not know.
    FieldRefused,
    /// The reader has one field for two of the writer's.
    FieldTwice,
    /// The callee needs an argument that the caller does not have.
    ArgumentRequired,
    /// The callee does not take an argument that its caller cannot do without.
    ArgumentRefused,
}

/// All that was found, and how nodes hang together.
#[derive(Debug, Default)]
pub(crate) struct Remarks<'a> {
    found: HashMap<u32, Vec<(Option<Step<'a>>, Remark<'a>)>>,
    edges: HashMap<u32, Vec<(Option<Step<'a>>, u32)>>,
    /// The names of types.
    labels: HashMap<u32, &'a str>,
    conflicts: usize,
}

/// Conflicts of which is said what each side has.
const MOST_TEXTS: usize = 1000;

impl<'a> Remarks<'a> {
    pub(super) fn add(&mut self, node: u32, step: Option<Step<'a>>, remark: Remark<'a>) {
        self.found.entry(node).or_default().push((step, remark));
    }

    pub(super) fn conflict(
        &mut self,
        node: u32,
        step: Option<Step<'a>>,
        why: Why,
        (writer, reader): (String, String),
    ) {
        let reader = if writer == reader { format!("another `{reader}`") } else { reader };
        self.conflicts += 1;
        // So many that nobody reads them are a peer's.
        let (writer, reader) =
            if self.conflicts > MOST_TEXTS { (String::new(), String::new()) } else { (writer, reader) };
        self.add(node, step, Remark::Conflict { why, writer, reader });
    }

    pub(super) fn edge(&mut self, node: u32, step: Step<'a>, inside: u32) {
        self.edges.entry(node).or_default().push((Some(step), inside));
    }

    /// Both nodes are at the same place.
    pub(super) fn continues(&mut self, node: u32, inside: u32) {
        self.edges.entry(node).or_default().push((None, inside));
    }

    pub(super) fn label(&mut self, node: u32, label: Option<&'a str>) {
        if let Some(label) = label {
            self.labels.insert(node, label);
        }
    }

    pub(super) fn label_of(&self, node: u32) -> Option<&'a str> {
        self.labels.get(&node).copied()
    }

    /// Visits what was found from `root` on, in the order of the schema, each place by the first way that leads
    /// to it. `visit` says whether to go on.
    pub(crate) fn visit(&self, root: u32, visit: impl FnMut(Place<'_, 'a>, &Remark<'a>) -> bool) {
        self.visit_among(root, |_| true, visit);
    }

    /// The nodes from which a conflict can be reached.
    pub(super) fn before_conflicts(&self) -> HashSet<u32> {
        let is_conflict = |(_, remark): &(_, Remark<'_>)| matches!(remark, Remark::Conflict { .. });
        let conflicts = self.found.iter().filter(|(_, remarks)| remarks.iter().any(is_conflict));
        let mut next: Vec<u32> = conflicts.map(|(node, _)| *node).collect();
        let mut before: HashMap<u32, Vec<u32>> = HashMap::new();
        for (node, edges) in self.edges.iter().filter(|_| !next.is_empty()) {
            edges.iter().for_each(|(_, inside)| before.entry(*inside).or_default().push(*node));
        }
        let mut met: HashSet<u32> = next.iter().copied().collect();
        while let Some(node) = next.pop() {
            next.extend(before.get(&node).into_iter().flatten().filter(|node| met.insert(**node)));
        }
        met
    }

    /// As [`visit`](Self::visit), of the nodes that `is_among` lets pass. It is asked for each way that leads on.
    pub(super) fn visit_among(
        &self,
        root: u32,
        mut is_among: impl FnMut(u32) -> bool,
        mut visit: impl FnMut(Place<'_, 'a>, &Remark<'a>) -> bool,
    ) {
        let mut seen = HashSet::from([root]);
        // By node: where it was met, and how.
        let mut met: Vec<(usize, Option<Step<'a>>, u32)> = vec![(0, None, root)];
        let mut next = vec![0];
        while let Some(at) = next.pop() {
            let node = met[at].2;
            for (step, remark) in self.found.get(&node).into_iter().flatten() {
                let is_of_type = match remark {
                    Remark::Reordered => true,
                    Remark::Lenient(of) | Remark::Strict(of) => *of == Lenient::UnknownFields,
                    _ => false,
                };
                if !visit(Place { remarks: self, met: &met, at, step: *step, is_of_type }, remark) {
                    return;
                }
            }
            let before = next.len();
            for (step, inside) in self.edges.get(&node).into_iter().flatten() {
                if is_among(*inside) && seen.insert(*inside) {
                    next.push(met.len());
                    met.push((at, *step, *inside));
                }
            }
            next[before..].reverse();
        }
    }
}

/// A place at which something was found.
#[derive(Clone, Copy)]
pub(crate) struct Place<'m, 'a> {
    remarks: &'m Remarks<'a>,
    met: &'m [(usize, Option<Step<'a>>, u32)],
    at: usize,
    step: Option<Step<'a>>,
    /// Whether what is said there is said of a type, wherever it stands.
    is_of_type: bool,
}

impl<'a> Place<'_, 'a> {
    /// The steps from the root on. The first one is the name of the type that stands there, where it has one and the
    /// place lies within it.
    pub(crate) fn steps_from_root(&self) -> Vec<Step<'a>> {
        let (mut steps, mut at) = (Vec::from_iter(self.step), self.at);
        let mut first = self.met[at].2;
        while at > 0 {
            let (from, step, node) = self.met[at];
            if step.is_some() {
                first = node;
            }
            steps.extend(step);
            at = from;
        }
        steps.reverse();
        let label = self.remarks.label_of(first);
        if let (Some(label), true) =
            (label, steps.len() > 1 && self.remarks.label_of(self.met[0].2).is_none())
        {
            steps[0] = Step::Name(label);
        }
        steps
    }

    /// The name of the nearest type around the place, if there is one, and the steps from there, or from the root.
    pub(crate) fn steps_from_type(&self) -> (Option<&'a str>, Vec<Step<'a>>) {
        let (mut steps, mut at) = (Vec::from_iter(self.step), self.at);
        // What is said of a value as a whole is said of its place in what is around it.
        while steps.is_empty() && at > 0 && !self.is_of_type {
            let (from, step, _) = self.met[at];
            steps.extend(step);
            at = from;
        }
        let label = loop {
            let (from, step, node) = self.met[at];
            if let Some(label) = self.remarks.label_of(node) {
                break Some(label);
            }
            if at == 0 {
                break None;
            }
            steps.extend(step);
            at = from;
        };
        steps.reverse();
        (label, steps)
    }
}
