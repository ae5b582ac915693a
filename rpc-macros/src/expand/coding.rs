//! Calls that write and read one value. Each names its type as the user wrote it: where the compiler then
//! points if the type cannot be encoded or decoded.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use crate::model::Coding;

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
