//! The grammar of a whole text and its items. What cannot be read is noted and passed over, up to where the next item
//! begins.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::parse::discouraged::Speculative as _;
use syn::token::Brace;
use syn::{Result, Token, braced};

use super::attributes::{Attributes, Place, Skipped, attributes, inner_attributes, skip_tree};
use super::problem::{Problems, error};
use super::shape::{braces, fields, variants, visibility};
use super::signature::method;
use super::tree::{File, Item, Name, Shape, Trait, Written};
use super::written::arguments;
use crate::model::{Missing, UnknownFields};

const ITEM: &str =
    "write `trait Name { … }`, `struct Name { … }` or `enum Name { … }`; nothing else stands here";
const METHOD: &str =
    "write `async fn name(&self, …) -> …;`, or `fn name(&self, …) -> impl Stream<Item = …>;`";

/// A whole text.
pub(super) fn file(input: ParseStream<'_>, problems: &Problems) -> File {
    let mut file = File::default();
    if let Err(error) = inner_attributes(input) {
        problems.syntax(&error, "write `//! …` about the whole text");
    }
    each(input, ITEM, problems, |input| {
        let attributes_place = input.fork();
        let place = if is_trait(&attributes_place) { Place::Trait } else { Place::Type };
        let attributes = attributes(input, place, problems)?;
        visibility(input)?;
        if place == Place::Trait {
            file.traits.push(service(input, attributes, problems)?);
        } else {
            file.items.push(item(input, attributes, problems)?);
        }
        Ok(())
    });
    file
}

/// Reads one after the other. What cannot be read is passed over up to a semicolon or the end of braces.
fn each(
    input: ParseStream<'_>,
    help: &str,
    problems: &Problems,
    mut read: impl FnMut(ParseStream<'_>) -> Result<()>,
) {
    while !input.is_empty() {
        let ahead = input.fork();
        match read(&ahead) {
            Ok(()) => input.advance_to(&ahead),
            Err(error) => {
                problems.syntax(&error, help);
                loop {
                    let skipped = skip_tree(input);
                    if matches!(skipped, None | Some(Skipped::Braces | Skipped::Punctuation(';'))) {
                        break;
                    }
                }
            }
        }
    }
}

/// Is the next item a trait?
fn is_trait(input: ParseStream<'_>) -> bool {
    while input.peek(Token![#]) {
        skip_tree(input);
        skip_tree(input);
    }
    let _ = visibility(input);
    input.peek(Token![trait])
}

fn service(input: ParseStream<'_>, attributes: Attributes, problems: &Problems) -> Result<Trait> {
    input.parse::<Token![trait]>()?;
    let identifier = Name::of(&input.parse::<Ident>()?);
    if !input.peek(Brace) {
        return Err(error(
            input.span(),
            "a service has neither parameters nor bounds",
            "leave them out: a peer knows the service by its name alone",
        ));
    }
    let content;
    braced!(content in input);
    let mut methods = Vec::new();
    each(&content, METHOD, problems, |input| {
        methods.push(method(input, problems)?);
        Ok(())
    });
    Ok(Trait {
        name: attributes.text("name").unwrap_or(&identifier.text).to_owned(),
        identifier,
        docs: attributes.docs.clone(),
        is_ordered: attributes.has("ordered"),
        methods,
    })
}

fn item(input: ParseStream<'_>, mut attributes: Attributes, problems: &Problems) -> Result<Item> {
    let is_enum = input.peek(Token![enum]);
    if is_enum {
        input.parse::<Token![enum]>()?;
    } else if input.peek(Token![struct]) {
        input.parse::<Token![struct]>()?;
    } else {
        let help = match input.peek(Token![use]) {
            true => "leave it out: types are known by their names alone, and only those of this text",
            false => ITEM,
        };
        return Err(error(input.span(), "expected a trait, a struct or an enum", help));
    }
    let identifier = Name::of(&input.parse::<Ident>()?);
    let arguments = if input.peek(Token![<]) { arguments(input, 0)? } else { Vec::new() };
    let mut shape = if is_enum { variants(input, problems)? } else { structure(input, problems)? };
    match (attributes.span("default"), &mut shape) {
        (None, _) => {}
        (Some(_), Shape::Struct(fields)) => {
            fields.iter_mut().for_each(|field| field.missing = Some(Missing::Default));
        }
        (Some(span), _) => problems.refuse(
            span,
            "`default` concerns fields, and there are none with names",
            "remove it, or write a struct with named fields",
        ),
    }
    let unknown_fields = match attributes.has("deny_unknown_fields") {
        true => UnknownFields::Refused,
        false => UnknownFields::Ignored,
    };
    let listed: Vec<Written> = attributes.types("arguments");
    if !listed.is_empty() && !arguments.is_empty() {
        return Err(error(
            identifier.span,
            "the arguments of this type are given twice",
            "leave `#[ipc(arguments(…))]` out",
        ));
    }
    Ok(Item {
        name: attributes.text("rename").unwrap_or(&identifier.text).to_owned(),
        identifier,
        arguments,
        listed,
        docs: attributes.docs.clone(),
        unknown_fields,
        shape,
    })
}

/// What stands behind the name of a struct.
fn structure(input: ParseStream<'_>, problems: &Problems) -> Result<Shape> {
    if input.peek(Brace) {
        return Ok(Shape::Struct(fields(&braces(input)?, problems)?));
    }
    let shape = super::shape::unnamed(input, problems)?;
    input.parse::<Token![;]>()?;
    Ok(shape)
}
