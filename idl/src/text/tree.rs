//! What a text says, as it is written and with the places it is written at. Never knows what the names mean.

use proc_macro2::{Ident, Span};

use crate::model::{Missing, UnknownFields};

/// An identifier of the text, without `r#`, or the name that it stands for.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Name {
    pub(super) fn of(ident: &Ident) -> Self {
        Self {
            text: {
                let text = ident.to_string();
                text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
            },
            span: ident.span(),
        }
    }
}

/// A whole text.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) traits: Vec<Trait>,
    pub(super) items: Vec<Item>,
}

/// A service.
#[derive(Debug)]
pub(super) struct Trait {
    /// What the trait is called.
    pub(super) identifier: Name,
    /// The service's name.
    pub(super) name: String,
    pub(super) docs: String,
    /// Whether all the text's types belong to it, numbered as they stand there.
    pub(super) is_ordered: bool,
    pub(super) methods: Vec<Method>,
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: Name,
    pub(super) docs: String,
    pub(super) idempotent: bool,
    pub(super) oneway: bool,
    pub(super) is_async: bool,
    pub(super) arguments: Vec<Argument>,
    /// What stands behind the arrow.
    pub(super) output: Option<Written>,
}

#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: Name,
    pub(super) default: bool,
    pub(super) ty: Written,
}

/// A struct or an enum.
#[derive(Debug)]
pub(super) struct Item {
    /// What the text calls it.
    pub(super) identifier: Name,
    /// What it is called.
    pub(super) name: String,
    /// What stands in angle brackets: arguments, or parameters.
    pub(super) arguments: Vec<Written>,
    /// Arguments that stand in an attribute.
    pub(super) listed: Vec<Written>,
    pub(super) docs: String,
    pub(super) unknown_fields: UnknownFields,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    Unit,
    Newtype(Written),
    Tuple(Vec<Written>),
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Name,
    pub(super) docs: String,
    pub(super) ty: Written,
    /// What is said of it; without a word it depends on the type.
    pub(super) missing: Option<Missing>,
    pub(super) aliases: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Variant {
    pub(super) name: Name,
    pub(super) docs: String,
    pub(super) shape: Shape,
    pub(super) other: bool,
    pub(super) aliases: Vec<String>,
}

/// A type.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) span: Span,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// The last segment of a path, and what stands in angle brackets behind it.
    Named(String, Vec<Written>),
    /// A name in quotes, as the argument of `Client`.
    Quoted(String),
    /// `()`.
    Unit,
    Reference(Box<Written>),
    Slice(Box<Written>),
    Array(Box<Written>, u64),
    Tuple(Vec<Written>),
    Parenthesised(Box<Written>),
    /// `impl Stream<Item = …>`.
    Stream(Box<Written>),
    /// `impl Future<Output = …>`.
    Future(Box<Written>),
}

impl Written {
    /// The identifier, if it is nothing more.
    pub(super) fn as_identifier(&self) -> Option<&str> {
        match &self.kind {
            Kind::Named(name, arguments) if arguments.is_empty() => Some(name),
            _ => None,
        }
    }

    /// How deep types lie in one another. Two that mean the same lie equally deep, and what is in a type less deep: so
    /// in this order arguments are known when they are mentioned.
    pub(super) fn depth(&self) -> usize {
        let around = |types: &[Self]| types.iter().map(|ty| ty.depth() + 1).max().unwrap_or_default();
        match &self.kind {
            Kind::Named(name, arguments) => match &arguments[..] {
                [inner] if is_transparent(name) => inner.depth(),
                _ if name == "Client" => 0,
                arguments => around(arguments),
            },
            Kind::Unit | Kind::Quoted(_) => 0,
            Kind::Parenthesised(inner) => inner.depth(),
            Kind::Tuple(elements) => around(elements),
            Kind::Array(inner, _)
            | Kind::Reference(inner)
            | Kind::Slice(inner)
            | Kind::Stream(inner)
            | Kind::Future(inner) => inner.depth() + 1,
        }
    }
}

/// Is a type of this name, with one argument, nothing but that one?
pub(super) fn is_transparent(name: &str) -> bool {
    matches!(name, "Box" | "Rc" | "Arc" | "Cow")
}
