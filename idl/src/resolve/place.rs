//! Places within a method's signature, as steps and as text. Never holds a type.

use std::fmt::Write;

/// The longest path in steps, and the longest text in characters: one may come from a peer.
const MAX_STEPS: usize = 32;
pub(super) const MAX_CHARACTERS: usize = 200;

/// What leads from one place to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    Name(&'a str),
    Variant(&'a str),
    Position(usize),
    Present,
    Element,
    Key,
    Value,
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
            Step::Name(name) => {
                let dot = if path.is_empty() { "" } else { "." };
                let _ = write!(path, "{dot}{}", short((*name).to_owned()));
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
    path
}

/// A text of bearable length that cannot steer a terminal.
pub(crate) fn short(text: String) -> String {
    let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut short: String = text.chars().take(MAX_CHARACTERS).map(clean).collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        short.push('…');
    }
    short
}
