//! The grammar of methods. Never knows what their types mean.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::token::Brace;
use syn::{Result, Token, parenthesized};

use super::attributes::{Place, attributes};
use super::distinct::Distinct;
use super::problem::{Problems, error};
use super::tree::{Argument, Method, Name, Written};
use super::written::written;

pub(super) fn method(input: ParseStream<'_>, problems: &Problems) -> Result<Method> {
    let attributes = attributes(input, Place::Method, problems)?;
    let is_async = input.parse::<Option<Token![async]>>()?.is_some();
    input.parse::<Token![fn]>()?;
    let mut name = Name::of(&input.parse::<Ident>()?);
    if let Some(renamed) = attributes.text("name") {
        renamed.clone_into(&mut name.text);
    }
    if input.peek(Token![<]) {
        return Err(error(
            input.span(),
            "a method has no parameters in angle brackets",
            "write one method for each type, or an enum of what it may be",
        ));
    }
    let content;
    parenthesized!(content in input);
    let arguments = inputs(&content, problems)?;
    let output = match input.parse::<Option<Token![->]>>()? {
        Some(_) => Some(written(input)?),
        None => None,
    };
    if input.peek(Brace) {
        return Err(error(
            input.span(),
            "a contract says what a method is, not what it does",
            "write `;` instead; a default body belongs to a server",
        ));
    }
    input.parse::<Token![;]>()?;
    Ok(Method {
        name,
        docs: attributes.docs.clone(),
        idempotent: attributes.has("idempotent"),
        oneway: attributes.has("oneway"),
        is_async,
        arguments,
        output,
    })
}

fn inputs(input: ParseStream<'_>, problems: &Problems) -> Result<Vec<Argument>> {
    if !input.peek(Token![&]) || !input.peek2(Token![self]) {
        return Err(error(
            input.span(),
            "the first argument is `&self`",
            "write `(&self, …)`: a call is made on an object that is served, and calls run at the same time",
        ));
    }
    input.parse::<Token![&]>()?;
    input.parse::<Token![self]>()?;
    let (mut arguments, mut names) = (Vec::new(), Distinct::new("argument", problems));
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        if input.is_empty() {
            break;
        }
        let argument = argument(input, problems)?;
        names.meet(&argument.name);
        arguments.push(argument);
    }
    Ok(arguments)
}

fn argument(input: ParseStream<'_>, problems: &Problems) -> Result<Argument> {
    let attributes = attributes(input, Place::Argument, problems)?;
    let mut name = Name::of(&input.parse::<Ident>()?);
    input.parse::<Token![:]>()?;
    let ty: Written = written(input)?;
    if let Some(renamed) = attributes.text("name") {
        renamed.clone_into(&mut name.text);
    }
    Ok(Argument { name, default: attributes.has("default"), ty })
}
