//! serde's attributes by the place they stand at, for errors that point at them. What they mean is read by
//! serde's own parser; this only finds them again.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// The entries of all `#[serde(…)]` among the attributes.
pub(crate) fn all(attributes: &[Attribute]) -> Vec<Meta> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    let keys = lists.filter_map(|attribute| {
        attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()
    });
    keys.flatten().collect()
}

/// Is one of these keys there?
pub(crate) fn has(attributes: &[Attribute], names: &[&str]) -> bool {
    all(attributes).iter().any(|key| names.iter().any(|name| key.path().is_ident(name)))
}

/// The first of these keys, with its value; the whole of serde's attributes if none is there.
pub(crate) fn place(attributes: &[Attribute], names: &[&str]) -> TokenStream {
    let keys = all(attributes);
    let found = names.iter().find_map(|name| keys.iter().find(|key| key.path().is_ident(name)));
    match found {
        Some(key) => key.to_token_stream(),
        None => {
            attributes.iter().filter(|a| a.path().is_ident("serde")).map(|a| a.to_token_stream()).collect()
        }
    }
}
