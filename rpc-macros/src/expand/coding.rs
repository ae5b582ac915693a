//! Calls that write and read one value, or one item of a stream. Each names its type as the user wrote it: where the compiler then
//! points if the type cannot be encoded or decoded.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use crate::model::{Coding, Items};
use crate::names;

/// Writes a `ty`; `value` is a reference to it.
pub(super) fn write(
    p: &Ident,
    encoder: impl ToTokens,
    coding: Coding,
    ty: impl ToTokens,
    value: impl ToTokens,
) -> TokenStream {
    match coding {
        Coding::Value => quote!(#p::Encoder::value::<#ty>(#encoder, #value)),
        Coding::Bytes => quote!(#p::Encoder::bytes(#encoder, #value)),
    }
}

/// Writes a `ty` that is given up: a large block of bytes is moved, not copied.
pub(super) fn write_owned(
    p: &Ident,
    encoder: impl ToTokens,
    coding: Coding,
    ty: impl ToTokens,
    value: &Ident,
) -> TokenStream {
    match coding {
        Coding::Value => write(p, encoder, coding, ty, quote!(&#value)),
        Coding::Bytes => quote!(#p::Encoder::byte_buf(#encoder, #value)),
    }
}

/// Reads a `ty`.
pub(super) fn read(p: &Ident, decoder: impl ToTokens, coding: Coding, ty: impl ToTokens) -> TokenStream {
    match coding {
        Coding::Value => quote!(#p::Decoder::value::<#ty>(#decoder)),
        Coding::Bytes => quote!(#p::Decoder::byte_buf(#decoder)),
    }
}

/// The function that reads an item of a stream, as a `Result`.
pub(super) fn read_item(p: &Ident, items: &Items) -> TokenStream {
    let decoder = names::local("decoder");
    let value = read(p, &decoder, Coding::of(&items.value), &items.value);
    match &items.error {
        None => quote!(|#decoder| #p::Result::map(#value, #p::Result::Ok)),
        Some(error) => {
            let error = read(p, &decoder, Coding::of(error), error);
            quote!(|#decoder| #p::Decoder::result(#decoder, |#decoder| #value, |#decoder| #error))
        }
    }
}

/// The function that writes an item of a stream.
pub(super) fn write_item(p: &Ident, items: &Items) -> TokenStream {
    let [encoder, item] = ["encoder", "item"].map(names::local);
    let ty = &items.value;
    match &items.error {
        None => {
            let write = write_owned(p, &encoder, Coding::of(ty), ty, &item);
            quote!(|#encoder: &mut #p::Encoder, #item: #ty| { #write; })
        }
        Some(error) => {
            let ty = quote!(#p::Result<#ty, #error>);
            let write = write(p, &encoder, Coding::Value, &ty, quote!(&#item));
            quote!(|#encoder: &mut #p::Encoder, #item: #ty| { #write; })
        }
    }
}
