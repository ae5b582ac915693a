//! From text to interfaces. `docs/interface-text.md` describes the text. Never generates anything, and never reads a
//! file.
//!
//! A text is read in four steps: into tokens (proc-macro2), into a tree of what is written (`items`, `signature`,
//! `shape`, `written`, `attributes`, over syn's parse streams), into types and methods (`resolve`), and into
//! interfaces that number the types they reach (`interfaces`). Each step goes on after a mistake, so that all of them
//! are told at once.

mod attributes;
mod define;
mod distinct;
mod interfaces;
mod items;
mod known;
mod methods;
mod problem;
mod resolve;
mod shape;
mod signature;
mod standard;
mod tree;
mod unknown;
mod written;

use std::str::FromStr as _;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::Parser as _;

use crate::model::Interface;
use problem::Problems;
pub use problem::{Problem, TextError};
pub(crate) use standard::standard;

/// The interfaces that a text describes, in its order. Each holds the types that it reaches.
///
/// # Errors
/// All mistakes of the text, each with its place and what to do.
pub fn parse(text: &str) -> Result<Vec<Interface>, TextError> {
    let problems = Problems::default();
    let interfaces = read(text, &problems);
    problems.finish()?;
    Ok(interfaces)
}

impl Interface {
    /// The one interface that a text describes: the model that [`print`](Self::print) was called on, if it is such a
    /// text.
    ///
    /// # Errors
    /// All mistakes of the text, each with its place and what to do. It is a mistake to describe several interfaces;
    /// [`parse`] reads them.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let interfaces = parse(text)?;
        match <[Self; 1]>::try_from(interfaces) {
            Ok([interface]) => Ok(interface),
            Err(several) => Err(TextError::of_text(
                format!("this text describes {} interfaces, and one is asked for", several.len()),
                "leave one trait in it, or read them with `parse`",
            )),
        }
    }
}

/// How deep brackets may lie in one another; syn goes into them by recursion.
const MAX_BRACKETS: usize = 1000;

/// The first bracket that lies too deep.
fn too_deep(tokens: TokenStream) -> Option<Span> {
    let mut open = vec![tokens.into_iter()];
    while let Some(innermost) = open.last_mut() {
        match innermost.next() {
            None => drop(open.pop()),
            Some(TokenTree::Group(group)) if open.len() > MAX_BRACKETS => return Some(group.span_open()),
            Some(TokenTree::Group(group)) => open.push(group.stream().into_iter()),
            Some(_) => {}
        }
    }
    None
}

fn read(text: &str, problems: &Problems) -> Vec<Interface> {
    let tokens = match TokenStream::from_str(text) {
        Ok(tokens) => tokens,
        Err(error) => {
            problems.refuse(
                error.span(),
                "from here on this is no text that Rust's tokens make up",
                "close what is open: brackets, quotes and comments come in pairs",
            );
            return Vec::new();
        }
    };
    if let Some(place) = too_deep(tokens.clone()) {
        problems.refuse(
            place,
            format!("brackets lie in one another more than {MAX_BRACKETS} deep"),
            "give the inner types a name",
        );
        return Vec::new();
    }
    let file = (|input: syn::parse::ParseStream<'_>| Ok(items::file(input, problems))).parse2(tokens);
    match file {
        Ok(file) => interfaces::interfaces(&file, problems),
        Err(error) => {
            problems.syntax(&error, "leave it out");
            Vec::new()
        }
    }
}
