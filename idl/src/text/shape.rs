//! The grammar of what structs and variants consist of.

use proc_macro2::Ident;
use syn::parse::{ParseBuffer, ParseStream};
use syn::token::{Brace, Paren};
use syn::{Result, Token, braced, parenthesized};

use super::attributes::{Place, attributes, skip_tree};
use super::distinct::Distinct;
use super::problem::{Problems, error};
use super::tree::{Field, Name, Shape, Variant};
use super::written::written;
use crate::model::Missing;

/// What stands in braces.
pub(super) fn braces<'a>(input: ParseStream<'a>) -> Result<ParseBuffer<'a>> {
    let content;
    braced!(content in input);
    Ok(content)
}

/// Nothing, or values without names.
pub(super) fn unnamed(input: ParseStream<'_>, problems: &Problems) -> Result<Shape> {
    if !input.peek(Paren) {
        return Ok(Shape::Unit);
    }
    let content;
    parenthesized!(content in input);
    let mut elements = Vec::new();
    let mut ends_in_comma = false;
    while !content.is_empty() {
        attributes(&content, Place::Element, problems)?;
        visibility(&content)?;
        elements.push(written(&content)?);
        ends_in_comma = !content.is_empty();
        if ends_in_comma {
            content.parse::<Token![,]>()?;
        }
    }
    // A comma makes a tuple of the only value.
    Ok(match (elements.len(), elements.pop()) {
        (1, Some(only)) if !ends_in_comma => Shape::Newtype(only),
        (_, last) => {
            elements.extend(last);
            Shape::Tuple(elements)
        }
    })
}

/// The fields in a pair of braces.
pub(super) fn fields(input: ParseStream<'_>, problems: &Problems) -> Result<Vec<Field>> {
    let (mut fields, mut names) = (Vec::new(), Distinct::new("field", problems));
    while !input.is_empty() {
        let field = field(input, problems)?;
        names.meet(&field.name);
        fields.push(field);
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(fields)
}

fn field(input: ParseStream<'_>, problems: &Problems) -> Result<Field> {
    let attributes = attributes(input, Place::Field, problems)?;
    visibility(input)?;
    let mut name = Name::of(&input.parse::<Ident>()?);
    input.parse::<Token![:]>()?;
    let ty = written(input)?;
    if let Some(rename) = attributes.text("rename") {
        rename.clone_into(&mut name.text);
    }
    let said = [("default", Missing::Default), ("optional", Missing::None), ("required", Missing::Refused)];
    let mut said = said.into_iter().filter(|(key, _)| attributes.has(key));
    let missing = said.next().map(|(_, missing)| missing);
    if let Some(span) = said.next().and_then(|(key, _)| attributes.span(key)) {
        return Err(error(
            span,
            "only one of `default`, `optional` and `required` can hold",
            "keep the one that is meant",
        ));
    }
    let aliases = attributes.texts("alias");
    Ok(Field { name, docs: attributes.docs, ty, missing, aliases })
}

/// The variants of an enum.
pub(super) fn variants(input: ParseStream<'_>, problems: &Problems) -> Result<Shape> {
    let input = &braces(input)?;
    let (mut variants, mut names) = (Vec::new(), Distinct::new("variant", problems));
    while !input.is_empty() {
        let variant = variant(input, problems)?;
        names.meet(&variant.name);
        variants.push(variant);
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(Shape::Enum(variants))
}

fn variant(input: ParseStream<'_>, problems: &Problems) -> Result<Variant> {
    let attributes = attributes(input, Place::Variant, problems)?;
    let mut name = Name::of(&input.parse::<Ident>()?);
    if let Some(rename) = attributes.text("rename") {
        rename.clone_into(&mut name.text);
    }
    let shape = match input.peek(Brace) {
        true => Shape::Struct(fields(&braces(input)?, problems)?),
        false => unnamed(input, problems)?,
    };
    if input.peek(Token![=]) {
        return Err(error(
            input.span(),
            "variants are numbered by their order, and have no values",
            "leave the value out",
        ));
    }
    let (other, aliases) = (attributes.has("other"), attributes.texts("alias"));
    Ok(Variant { name, docs: attributes.docs, shape, other, aliases })
}

/// `pub`, which goes without saying.
pub(super) fn visibility(input: ParseStream<'_>) -> Result<()> {
    if input.peek(Token![pub]) {
        input.parse::<Token![pub]>()?;
        // A tuple struct's element may begin with a parenthesis too.
        let is_restricted = input.peek2(Token![:]) || !input.peek(Paren) || {
            let ahead = input.fork();
            let content;
            parenthesized!(content in ahead);
            !(content.peek(Token![crate]) || content.peek(Token![super]) || content.peek(Token![in]))
        };
        if !is_restricted {
            skip_tree(input);
        }
    }
    Ok(())
}
