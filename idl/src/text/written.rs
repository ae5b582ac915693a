//! The syntax of types. Never knows which types there are.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::token::{Bracket, Paren};
use syn::{Error, Lifetime, LitInt, LitStr, Result, Token, bracketed, parenthesized};

use super::problem::error;
use super::tree::{Kind, Name, Written};

/// How deep types may lie in one another; what the printer prints of a peer's is not as deep.
const MAX_DEPTH: u32 = 256;

/// What to do where no type stands.
const TYPE: &str = "write a type that travels: a number, `String`, `Option<T>`, `Vec<T>`, `HashMap<K, V>`, a tuple, \
                    `[T; 4]`, or one that this text defines";

/// One type.
pub(super) fn written(input: ParseStream<'_>) -> Result<Written> {
    at_depth(input, 0)
}

fn at_depth(input: ParseStream<'_>, depth: u32) -> Result<Written> {
    let span = input.span();
    if depth > MAX_DEPTH {
        return Err(error(
            span,
            format!("types lie in one another more than {MAX_DEPTH} deep"),
            "give the inner ones a name",
        ));
    }
    let inner = |input: ParseStream<'_>| at_depth(input, depth + 1).map(Box::new);
    let kind = if input.peek(Token![&]) {
        input.parse::<Token![&]>()?;
        no_lifetime(input)?;
        Kind::Reference(inner(input)?)
    } else if input.peek(Paren) {
        parenthesised(input, depth)?
    } else if input.peek(Bracket) {
        let content;
        bracketed!(content in input);
        let element = inner(&content)?;
        if content.is_empty() {
            Kind::Slice(element)
        } else {
            content.parse::<Token![;]>()?;
            let length = content.parse::<LitInt>()?.base10_parse()?;
            nothing_left(&content)?;
            Kind::Array(element, length)
        }
    } else if input.peek(Token![impl]) {
        opaque(input, depth)?
    } else if input.peek(LitStr) {
        Kind::Quoted(input.parse::<LitStr>()?.value())
    } else {
        return path(input, depth, span);
    };
    Ok(Written { span, kind })
}

fn no_lifetime(input: ParseStream<'_>) -> Result<()> {
    match input.peek(Lifetime) || input.peek(Token![mut]) {
        true => Err(error(
            input.span(),
            "a reference has neither lifetime nor `mut` here",
            "write `&T`, or `T` anywhere but at the beginning of an argument's type",
        )),
        false => Ok(()),
    }
}

fn nothing_left(input: ParseStream<'_>) -> Result<()> {
    match input.is_empty() {
        true => Ok(()),
        false => Err(input.error("unexpected token")),
    }
}

/// `()`, `(T)`, `(T,)`, `(A, B)`; and `(,)`, the tuple of nothing, which is not the unit.
fn parenthesised(input: ParseStream<'_>, depth: u32) -> Result<Kind> {
    let content;
    parenthesized!(content in input);
    let mut elements = Vec::new();
    let mut ends_in_comma = false;
    if content.peek(Token![,]) {
        content.parse::<Token![,]>()?;
        nothing_left(&content)?;
        return Ok(Kind::Tuple(Vec::new()));
    }
    if content.is_empty() {
        return Ok(Kind::Unit);
    }
    while !content.is_empty() {
        elements.push(at_depth(&content, depth + 1)?);
        ends_in_comma = content.peek(Token![,]);
        if ends_in_comma {
            content.parse::<Token![,]>()?;
        } else {
            nothing_left(&content)?;
        }
    }
    Ok(match <[Written; 1]>::try_from(elements) {
        Ok([only]) if !ends_in_comma => Kind::Parenthesised(Box::new(only)),
        Ok([only]) => Kind::Tuple(vec![only]),
        Err(elements) => Kind::Tuple(elements),
    })
}

/// `impl Stream<Item = T>` or `impl Future<Output = T>`; `+ Send` goes without saying.
fn opaque(input: ParseStream<'_>, depth: u32) -> Result<Kind> {
    input.parse::<Token![impl]>()?;
    let bound = last_segment(input)?;
    let associated = match bound.text.as_str() {
        "Stream" => "Item",
        "Future" => "Output",
        _ => return Err(error(bound.span, "expected `Stream<Item = …>` or `Future<Output = …>`", TYPE)),
    };
    input.parse::<Token![<]>()?;
    let name: Ident = input.parse()?;
    if name != associated {
        return Err(Error::new(name.span(), format!("expected `{associated} = …`")));
    }
    input.parse::<Token![=]>()?;
    let inner = Box::new(at_depth(input, depth + 1)?);
    input.parse::<Option<Token![,]>>()?;
    input.parse::<Token![>]>()?;
    while input.peek(Token![+]) {
        input.parse::<Token![+]>()?;
        let bound = last_segment(input)?;
        if bound.text != "Send" {
            return Err(error(bound.span, "only `Send` may stand beside it", "leave it out"));
        }
    }
    Ok(if associated == "Item" { Kind::Stream(inner) } else { Kind::Future(inner) })
}

fn path(input: ParseStream<'_>, depth: u32, span: Span) -> Result<Written> {
    let name = last_segment(input)?;
    let arguments = if input.peek(Token![<]) { arguments(input, depth)? } else { Vec::new() };
    Ok(Written { span, kind: Kind::Named(name.text, arguments) })
}

/// The last segment of a path; what stands before it says where Rust finds the type.
fn last_segment(input: ParseStream<'_>) -> Result<Name> {
    input.parse::<Option<Token![::]>>()?;
    while input.peek(Ident::peek_any) && input.peek2(Token![::]) {
        Ident::parse_any(input)?;
        input.parse::<Token![::]>()?;
    }
    if input.peek(Token![_]) {
        return Err(error(input.span(), "a type is named here, not left open", TYPE));
    }
    input.parse().map(|ident| Name::of(&ident)).map_err(|found| error(found.span(), &found, TYPE))
}

/// What stands in angle brackets. The `'static` of a `Cow` is passed over.
pub(super) fn arguments(input: ParseStream<'_>, depth: u32) -> Result<Vec<Written>> {
    input.parse::<Token![<]>()?;
    let mut arguments = Vec::new();
    while !input.peek(Token![>]) {
        if input.peek(Lifetime) {
            let lifetime: Lifetime = input.parse()?;
            if lifetime.ident != "static" {
                return Err(error(
                    lifetime.apostrophe,
                    "only the lifetime `'static` may stand here",
                    "leave it out",
                ));
            }
        } else {
            arguments.push(at_depth(input, depth + 1)?);
        }
        if !input.peek(Token![>]) {
            input.parse::<Token![,]>()?;
        }
    }
    input.parse::<Token![>]>()?;
    Ok(arguments)
}
