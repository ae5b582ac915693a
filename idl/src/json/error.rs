//! Why JSON and bytes do not go into one another, and at which place of the value. Never holds more of a peer's text
//! than a line has room for.

use std::fmt;

use serde_json::Value;

use crate::print::literal::is_hidden;

/// Why a value could not be turned, and where.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: JsonErrorKind,
    /// What leads to the place, innermost first.
    steps: Vec<Step>,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The JSON is of another kind than the type.
    Mismatch {
        /// What the type asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A number does not fit its type, or JSON cannot hold it exactly.
    Number {
        /// The number as it is written.
        number: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A field, an argument or an element is not there.
    Missing {
        /// What it is, with its name.
        what: String,
    },
    /// A field or an argument is not there for which its reader has a default. A schema says that there is one, and
    /// not which, and the bytes need a value.
    MissingDefault {
        /// What it is, with its name.
        what: String,
    },
    /// There is no field, argument or variant of this name.
    Unknown {
        /// What it was taken for, with its name.
        what: String,
        /// The names there are, or the first of them.
        known: Vec<String>,
    },
    /// A client, which has no JSON.
    Client {
        /// The service it is a client of.
        service: String,
    },
    /// The bytes are not a value of the type.
    Bytes {
        /// The position of the offending byte.
        offset: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// The schema describes no values: it is a faulty peer's.
    FaultySchema(&'static str),
    /// More than [`max_nesting`](super::JsonLimits::max_nesting).
    TooDeep {
        /// The depth allowed.
        limit: u32,
    },
    /// More than [`max_empty_elements`](super::JsonLimits::max_empty_elements).
    TooManyEmptyElements {
        /// The number allowed.
        limit: u32,
    },
    /// More than [`max_size`](super::JsonLimits::max_size).
    TooLarge {
        /// The size allowed.
        limit: usize,
    },
}

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A field, an argument or a variant.
    Name(String),
    Index(usize),
    Key(String),
}

pub(super) type Result<T> = std::result::Result<T, JsonError>;

impl JsonError {
    /// What is wrong.
    pub fn kind(&self) -> &JsonErrorKind {
        &self.0.kind
    }

    /// The place within the value, such as `order.items[3].price`; empty for the whole.
    pub fn place(&self) -> String {
        let mut place = String::new();
        for step in self.0.steps.iter().rev() {
            match step {
                Step::Name(name) if place.is_empty() => place.push_str(name),
                Step::Name(name) => place.extend([".", name]),
                Step::Index(index) => place.push_str(&format!("[{index}]")),
                Step::Key(key) => place.push_str(&format!("[{key:?}]")),
            }
        }
        place
    }

    /// The same error, seen from further out.
    #[cold]
    pub(super) fn within(mut self, step: Step) -> Self {
        self.0.steps.push(step);
        self
    }
}

impl Step {
    #[cold]
    pub(super) fn name(name: &str) -> Self {
        Self::Name(shown(name))
    }

    #[cold]
    pub(super) fn key(key: &str) -> Self {
        Self::Key(shown(key))
    }
}

impl From<JsonErrorKind> for JsonError {
    #[cold]
    fn from(kind: JsonErrorKind) -> Self {
        Self(Box::new(Inner { kind, steps: Vec::new() }))
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        match &self.0.kind {
            JsonErrorKind::Mismatch { expected, found } => write!(f, "expected {expected}, found {found}"),
            JsonErrorKind::Number { number, reason } => write!(f, "the number {number} {reason}"),
            JsonErrorKind::Missing { what } => write!(f, "{what} is missing"),
            JsonErrorKind::MissingDefault { what } => write!(
                f,
                "{what} is missing: it has a default, but the schema does not say which, so that a value has to be given"
            ),
            JsonErrorKind::Unknown { what, known } if known.is_empty() => {
                write!(f, "there is no {what}; there is none at all")
            }
            JsonErrorKind::Unknown { what, known } => {
                write!(f, "there is no {what}; there is {}", known.join(", "))
            }
            JsonErrorKind::Client { service } => {
                write!(f, "a client of {service} has no JSON: it is a reference within one connection")
            }
            JsonErrorKind::Bytes { offset, reason } => write!(f, "{reason} (at byte {offset})"),
            JsonErrorKind::FaultySchema(reason) => write!(f, "the schema is faulty: {reason}"),
            JsonErrorKind::TooDeep { limit } => {
                write!(f, "arrays and objects lie more than {limit} deep in one another (max_nesting)")
            }
            JsonErrorKind::TooManyEmptyElements { limit } => {
                write!(f, "there are more than {limit} elements that take no bytes (max_empty_elements)")
            }
            JsonErrorKind::TooLarge { limit } => {
                write!(f, "the value takes more than {limit} bytes (max_size)")
            }
        }
    }
}

impl fmt::Debug for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for JsonError {}

/// Most characters that are shown of a name or a text.
const MOST_SHOWN: usize = 60;

/// A name or a text as it may stand in a line that people read.
pub(super) fn shown(text: &str) -> String {
    let clean = |c: char| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = text.chars().take(MOST_SHOWN).map(clean).collect();
    if shown.len() < text.len() && text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Most names that an error lists.
const MOST_LISTED: usize = 20;

/// The names there are, for an error that says so.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let mut names = names.into_iter();
    let mut listed: Vec<_> = names.by_ref().take(MOST_LISTED).map(shown).collect();
    if names.next().is_some() {
        listed.push("…".to_owned());
    }
    listed
}

/// What a JSON value is, for errors.
#[cold]
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 20 => format!("the string {:?}", shown(text)),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
