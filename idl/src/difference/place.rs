//! Places within a method's signature, as a tree of steps. Never holds a type.

use std::fmt::Write;

use crate::print::literal::is_hidden;

/// The longest path in steps, and the longest text in characters: one may come from a peer.
const MAX_STEPS: usize = 32;
pub(crate) const MAX_CHARACTERS: usize = 200;

/// What leads from one place to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    Output,
    Error,
    Name(&'a str),
    Variant(&'a str),
    Position(usize),
    Present,
    Element,
    Key,
    Value,
}

/// All places met.
#[derive(Debug, Default)]
pub(super) struct Places<'a> {
    steps: Vec<(Option<usize>, Step<'a>)>,
}

impl<'a> Places<'a> {
    pub(super) fn root(&mut self, step: Step<'a>) -> usize {
        self.steps.push((None, step));
        self.steps.len() - 1
    }

    pub(super) fn step(&mut self, from: usize, step: Step<'a>) -> usize {
        self.steps.push((Some(from), step));
        self.steps.len() - 1
    }

    /// The place as text.
    pub(super) fn path(&self, place: usize) -> String {
        let mut steps = Vec::new();
        let mut next = Some(place);
        while let Some(place) = next {
            let (from, step) = self.steps[place];
            steps.push(step);
            next = from;
        }
        steps.reverse();
        path(&steps)
    }
}

/// What these steps, one after another, lead to.
pub(crate) fn path(steps: &[Step<'_>]) -> String {
    let left_out = steps.len().saturating_sub(MAX_STEPS);
    let mut path = String::new();
    for (index, step) in steps.iter().enumerate() {
        match step {
            _ if (1..=left_out).contains(&index) => {
                if index == 1 {
                    path.push('…');
                }
            }
            Step::Output => path.push_str("-> "),
            Step::Error => path.push_str("error"),
            Step::Name(name) => {
                let first = path.is_empty() || path.ends_with("-> ");
                let _ = write!(path, "{}{}", if first { "" } else { "." }, short((*name).to_owned()));
            }
            Step::Variant(name) => {
                let _ = write!(path, "::{}", short((*name).to_owned()));
            }
            Step::Position(index) => {
                let _ = write!(path, ".{index}");
            }
            Step::Present => path.push('?'),
            Step::Element => path.push_str("[]"),
            Step::Key => path.push_str("{key}"),
            Step::Value => path.push_str("{value}"),
        }
    }
    path.trim_end().to_owned()
}

/// A text of bearable length that cannot steer a terminal.
pub(crate) fn short(text: String) -> String {
    let clean = |c: char| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut short: String = text.chars().take(MAX_CHARACTERS).map(clean).collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        short.push('…');
    }
    short
}
