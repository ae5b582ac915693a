//! `#[ipc_type]`: adds the derives that a type on the wire needs, tells serde where to find itself, and has
//! bytes copied as blocks. Never judges serde's attributes: `Schema`'s derive, which it adds, does.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Field, Fields, GenericParam, Item, Path, Token, parse_quote};

use crate::errors::Errors;
use crate::{args, recognise, serde_keys};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let krate = args::ipc_type(arguments, &errors);
    let input = parse(item, &errors);
    match (errors.finish(), input) {
        (Ok(()), Some(mut input)) => {
            bytes_as_blocks(&mut input.data, &krate);
            let added = derives(&input.attrs, &krate);
            quote!(#added #input)
        }
        (Ok(()), None) => TokenStream::new(),
        (Err(refusals), _) => refusals,
    }
}

fn parse(item: TokenStream, errors: &Errors) -> Option<DeriveInput> {
    let refuse = |at: TokenStream, what: &str, help: &str| {
        errors.refuse(at, format!("`#[ipc_type]` makes a type ready for the wire; this is {what}"), help);
        None
    };
    let input = match syn::parse2::<Item>(item) {
        Ok(Item::Struct(item)) => DeriveInput::from(item),
        Ok(Item::Enum(item)) => DeriveInput::from(item),
        Ok(Item::Union(item)) => {
            let help = "use an enum: the reader must know which of the fields is there";
            return refuse(item.union_token.to_token_stream(), "a union", help);
        }
        Ok(Item::Trait(item)) => {
            return refuse(item.trait_token.to_token_stream(), "a trait", "write `#[ipc_service]`");
        }
        Ok(other) => {
            let at = keyword(&other);
            return refuse(at, "something else", "put it on a struct or an enum");
        }
        Err(error) => {
            errors.add(error);
            return None;
        }
    };
    for parameter in &input.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            errors.refuse(
                lifetime,
                "a type on the wire cannot borrow",
                "own what is inside: `String` for `&str`, `Vec<T>` for `&[T]`",
            );
        }
    }
    Some(input)
}

/// The word that says what an item is, so that not the whole of it is underlined.
fn keyword(item: &Item) -> TokenStream {
    match item {
        Item::Fn(item) => item.sig.fn_token.to_token_stream(),
        Item::Impl(item) => item.impl_token.to_token_stream(),
        Item::Mod(item) => item.mod_token.to_token_stream(),
        Item::Type(item) => item.type_token.to_token_stream(),
        other => other.to_token_stream(),
    }
}

/// `#[derive(…)]` of what is missing, with serde's path if its derives are among it.
fn derives(attributes: &[Attribute], krate: &Path) -> TokenStream {
    let present = derived(attributes);
    let is_missing = |name: &str| !present.iter().any(|derived| derived == name);
    let candidates = [
        ("Debug", quote!(::core::fmt::Debug)),
        ("Clone", quote!(::core::clone::Clone)),
        ("PartialEq", quote!(::core::cmp::PartialEq)),
        ("Serialize", quote!(#krate::__private::serde::Serialize)),
        ("Deserialize", quote!(#krate::__private::serde::Deserialize)),
        ("Schema", quote!(#krate::Schema)),
    ];
    let added = candidates.iter().filter(|(name, _)| is_missing(name)).map(|(_, path)| path);
    let serde =
        (is_missing("Serialize") || is_missing("Deserialize")) && !serde_keys::has(attributes, &["crate"]);
    let serde = serde.then(|| {
        let path = text_of(krate, "serde");
        quote!(#[serde(crate = #path)])
    });
    let schema = is_missing("Schema").then(|| {
        let path = krate.to_token_stream().to_string().replace(' ', "");
        quote!(#[schema(crate = #path)])
    });
    // `Eq` is the user's to promise.
    let allowed = is_missing("PartialEq").then(|| quote!(#[allow(clippy::derive_partial_eq_without_eq)]));
    quote! {
        #[derive(#(#added),*)]
        #allowed
        #serde
        #schema
    }
}

/// The names of what the user derives below, as last path segments.
fn derived(attributes: &[Attribute]) -> Vec<String> {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let paths = derives.filter_map(|attribute| {
        attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated).ok()
    });
    paths.flatten().filter_map(|path| path.segments.last().map(|segment| segment.ident.to_string())).collect()
}

/// A path of ours as serde wants it: as a text.
fn text_of(krate: &Path, last: &str) -> String {
    quote!(#krate::__private).to_string().replace(' ', "") + "::" + last
}

fn bytes_as_blocks(data: &mut Data, krate: &Path) {
    let fields: Vec<&mut Fields> = match data {
        Data::Struct(data) => vec![&mut data.fields],
        Data::Enum(data) => data.variants.iter_mut().map(|variant| &mut variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    for field in fields.into_iter().flat_map(Fields::iter_mut) {
        if let Some(attribute) = block_attribute(field, krate) {
            field.attrs.push(attribute);
        }
    }
}

/// serde's attribute that has the field's bytes copied as one block: the same bytes on the wire.
fn block_attribute(field: &Field, krate: &Path) -> Option<Attribute> {
    let takes_part = ["with", "serialize_with", "deserialize_with", "skip", "flatten", "getter"];
    if serde_keys::has(&field.attrs, &takes_part) {
        return None;
    }
    let path = text_of(krate, "serde_bytes");
    if recognise::is_byte_vec(&field.ty) {
        return Some(parse_quote!(#[serde(with = #path)]));
    }
    if !recognise::is_optional_byte_vec(&field.ty) {
        return None;
    }
    // serde takes a missing `Option` for `None` by itself, except where it is told how to read the field.
    let default = field.ident.is_some() && !serde_keys::has(&field.attrs, &["default"]);
    let default = default.then(|| quote!(default,));
    Some(parse_quote!(#[serde(#default with = #path)]))
}
