//! The grammar of attributes and doc comments: which attribute knows which key at which place. Never looks at what
//! they stand before.

use proc_macro2::{Delimiter, Ident, Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{LitStr, Result, Token, bracketed, parenthesized};

use super::problem::{Problems, error};
use super::tree::{Name, Written};
use super::written::written;

/// What attributes stand before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Trait,
    Method,
    Argument,
    Type,
    Field,
    Variant,
    /// A value without a name.
    Element,
}

/// How a key gets its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Flag,
    Text,
    Types,
}

/// Attribute, key, form.
type Row = (&'static str, &'static str, Form);

impl Place {
    fn keys(self) -> &'static [Row] {
        match self {
            Self::Trait => &[
                ("ipc_service", "name", Form::Text),
                ("ipc", "ordered", Form::Flag),
                ("ipc", "docs", Form::Text),
            ],
            Self::Method => &[
                ("ipc", "idempotent", Form::Flag),
                ("ipc", "oneway", Form::Flag),
                ("ipc", "name", Form::Text),
                ("ipc", "docs", Form::Text),
            ],
            Self::Argument => &[("ipc", "default", Form::Flag), ("ipc", "name", Form::Text)],
            Self::Type => &[
                ("serde", "rename", Form::Text),
                ("serde", "deny_unknown_fields", Form::Flag),
                ("serde", "default", Form::Flag),
                ("ipc", "arguments", Form::Types),
                ("ipc", "docs", Form::Text),
            ],
            Self::Field => &[
                ("serde", "rename", Form::Text),
                ("serde", "alias", Form::Text),
                ("serde", "default", Form::Flag),
                ("ipc", "required", Form::Flag),
                ("ipc", "optional", Form::Flag),
                ("ipc", "docs", Form::Text),
            ],
            Self::Variant => &[
                ("serde", "rename", Form::Text),
                ("serde", "alias", Form::Text),
                ("serde", "other", Form::Flag),
                ("ipc", "docs", Form::Text),
            ],
            Self::Element => &[],
        }
    }

    /// Attributes that say nothing about a contract, or nothing that is not said anyway.
    fn is_passed_over(self, attribute: &str) -> bool {
        match self {
            Self::Trait => matches!(attribute, "ipc_service" | "allow"),
            Self::Type => matches!(attribute, "ipc_type" | "derive" | "allow"),
            _ => attribute == "allow",
        }
    }

    fn advice(self) -> String {
        let keys = self.keys().iter().map(|(attribute, key, form)| match form {
            Form::Text => format!("`#[{attribute}({key} = \"…\")]`"),
            Form::Types => format!("`#[{attribute}({key}(…))]`"),
            Form::Flag => format!("`#[{attribute}({key})]`"),
        });
        let keys: Vec<_> = keys.collect();
        match &keys[..] {
            [] => "leave it out: only doc comments stand here".to_owned(),
            keys => format!("valid here are {}", keys.join(", ")),
        }
    }
}

/// What to do about keys that Rust's own attributes have, and a contract has not.
const REFUSED: &[(&str, &str)] = &[
    ("timeout", "leave it out: how long a side waits is its own affair; clients have `with_timeout`"),
    ("priority", "leave it out: how urgent a call is, is its caller's affair; clients have `with_priority`"),
    ("spawn", "leave it out: where a handler runs is the server's affair"),
    ("transparent", "leave it out here: write the type that travels where it is used"),
    ("rename_all", "write `#[serde(rename = \"…\")]` where the name on the wire is another"),
    ("rename_all_fields", "write `#[serde(rename = \"…\")]` where the name on the wire is another"),
    ("skip", "leave the whole out: what does not travel is not part of the contract"),
    ("with", "write the type that travels"),
    ("cfg", "leave it out: both sides must agree on the contract"),
];

/// What attributes and doc comments say.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub(super) docs: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: String,
    span: Span,
    text: Option<String>,
    types: Vec<Written>,
}

impl Attributes {
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.key == key).and_then(|entry| entry.text.as_deref())
    }

    /// Where the key stands.
    pub(super) fn span(&self, key: &str) -> Option<Span> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.span)
    }

    /// The text of every entry with this key.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.entries.iter().filter(|entry| entry.key == key).filter_map(|entry| entry.text.clone()).collect()
    }

    /// The types listed.
    pub(super) fn types(&mut self, key: &str) -> Vec<Written> {
        let entry = self.entries.iter_mut().find(|entry| entry.key == key);
        entry.map(|entry| std::mem::take(&mut entry.types)).unwrap_or_default()
    }
}

/// Reads all attributes here. What is wrong inside one is noted, and the rest is read on.
pub(super) fn attributes(input: ParseStream<'_>, place: Place, problems: &Problems) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    let mut lines = Vec::new();
    while input.peek(Token![#]) {
        input.parse::<Token![#]>()?;
        let content;
        bracketed!(content in input);
        let name = Name::of(&content.call(Ident::parse_any)?);
        if name.text == "doc" {
            if content.peek(Token![=]) {
                content.parse::<Token![=]>()?;
                lines.push(content.parse::<LitStr>()?.value());
            }
        } else if let Err(error) = attribute(&content, &name, place, &mut attributes, problems) {
            problems.syntax(&error, place.advice());
        }
        skip(&content);
    }
    attributes.docs = match attributes.text("docs") {
        Some(docs) => docs.to_owned(),
        None => documentation(&lines),
    };
    Ok(attributes)
}

fn attribute(
    content: ParseStream<'_>,
    name: &Name,
    place: Place,
    attributes: &mut Attributes,
    problems: &Problems,
) -> Result<()> {
    let is_known = place.keys().iter().any(|(attribute, ..)| *attribute == name.text);
    if content.is_empty() && place.is_passed_over(&name.text) {
        return Ok(());
    }
    if !is_known {
        if !place.is_passed_over(&name.text) {
            problems.refuse(
                name.span,
                format!("`{}` is no attribute that has a meaning here", name.text),
                advice(&name.text, place),
            );
        }
        return Ok(());
    }
    if !content.peek(Paren) {
        let message = format!("`#[{}]` says nothing by itself", name.text);
        return Err(error(name.span, message, place.advice()));
    }
    let list;
    parenthesized!(list in content);
    while !list.is_empty() {
        let key = Name::of(&list.call(Ident::parse_any)?);
        let known =
            place.keys().iter().find(|(attribute, known, _)| *attribute == name.text && *known == key.text);
        if known.is_some() && key.text == "default" && list.peek(Token![=]) {
            list.parse::<Token![=]>()?;
            problems.refuse(
                list.span(),
                "a text says that there is a default, and cannot say which",
                "write `default` alone, where that of the type will do; else write the trait in Rust, or take an `Option`",
            );
            // Where the value ends only Rust's whole grammar tells.
            skip(&list);
            let entry = Entry { key: key.text, span: key.span, text: None, types: Vec::new() };
            take(entry, Form::Flag, attributes, problems);
            return Ok(());
        }
        let entry = entry(&list, key)?;
        match known {
            None => problems.refuse(
                entry.span,
                format!("`{}` has no key `{}` here", name.text, entry.key),
                advice(&entry.key, place),
            ),
            Some((_, _, form)) => take(entry, *form, attributes, problems),
        }
        if !list.is_empty() {
            list.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

fn advice(word: &str, place: Place) -> String {
    let refused = REFUSED.iter().find(|(refused, _)| *refused == word);
    refused.map_or_else(|| place.advice(), |(_, help)| (*help).to_owned())
}

/// One key with what follows it.
fn entry(list: ParseStream<'_>, key: Name) -> Result<Entry> {
    let mut entry = Entry { key: key.text, span: key.span, text: None, types: Vec::new() };
    if list.peek(Token![=]) {
        list.parse::<Token![=]>()?;
        entry.text = Some(list.parse::<LitStr>()?.value());
    } else if list.peek(Paren) {
        let types;
        parenthesized!(types in list);
        while !types.is_empty() {
            entry.types.push(written(&types)?);
            if !types.is_empty() {
                types.parse::<Token![,]>()?;
            }
        }
    }
    Ok(entry)
}

fn take(entry: Entry, form: Form, attributes: &mut Attributes, problems: &Problems) {
    let (has_text, has_types) = (entry.text.is_some(), !entry.types.is_empty());
    let (is_right, help) = match form {
        Form::Flag => (!has_text && !has_types, format!("write `{}` alone", entry.key)),
        Form::Text => (has_text, format!("write `{} = \"…\"`", entry.key)),
        Form::Types => (has_types && !has_text, format!("write `{}(…)` with types", entry.key)),
    };
    if !is_right {
        problems.refuse(entry.span, format!("`{}` is not given like this", entry.key), help);
    } else if entry.key != "alias" && attributes.has(&entry.key) {
        problems.refuse(entry.span, format!("`{}` is given twice", entry.key), "keep one of the two");
    } else {
        attributes.entries.push(entry);
    }
}

/// Doc comments as text: one line for each `///`, without the blank after it and those at its end, without empty
/// lines before and after. The macros read a trait's docs in the same way.
fn documentation(comments: &[String]) -> String {
    let lines = comments.iter().flat_map(|comment| comment.split('\n'));
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim_matches('\n').trim_end().to_owned()
}

/// Passes over `#![…]`: comments on the whole text.
pub(super) fn inner_attributes(input: ParseStream<'_>) -> Result<()> {
    while input.peek(Token![#]) && input.peek2(Token![!]) {
        input.parse::<Token![#]>()?;
        input.parse::<Token![!]>()?;
        let content;
        bracketed!(content in input);
        skip(&content);
    }
    Ok(())
}

/// Passes over the rest of the tokens.
pub(super) fn skip(input: ParseStream<'_>) {
    while skip_tree(input).is_some() {}
}

/// Passes over one token, or all that stands in brackets, and says what it was.
pub(super) fn skip_tree(input: ParseStream<'_>) -> Option<Skipped> {
    input
        .step(|cursor| match cursor.token_tree() {
            Some((TokenTree::Group(group), rest)) if group.delimiter() == Delimiter::Brace => {
                Ok((Some(Skipped::Braces), rest))
            }
            Some((TokenTree::Punct(punct), rest)) => Ok((Some(Skipped::Punctuation(punct.as_char())), rest)),
            Some((_, rest)) => Ok((Some(Skipped::Other), rest)),
            None => Ok((None, *cursor)),
        })
        .ok()
        .flatten()
}

/// What was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skipped {
    Braces,
    Punctuation(char),
    Other,
}
