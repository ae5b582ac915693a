//! The inside of a method that makes a call: its arguments encoded, then the call itself. Never says what becomes
//! of the outcome; whose method it is, does.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use super::{Scope, coding};
use crate::model::{Argument, Coding, Items, Kind, Method, Passing};
use crate::names;

/// The statements that encode the arguments and give them up.
pub(super) fn encoded(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let p = &scope.p;
    let sent: Vec<&Argument> = method.arguments.iter().filter(|argument| argument.is_sent()).collect();
    let arguments = names::local("arguments");
    let mutability = (!sent.is_empty()).then(|| quote!(mut));
    let encoded = sent.iter().map(|argument| encode(scope, argument));
    let dropped = sent.iter().filter(|argument| argument.outlives_encoding()).map(|argument| &argument.name);
    quote! {
        let #mutability #arguments = #p::Encoder::new();
        #(#encoded)*
        #(::core::mem::drop(#dropped);)*
    }
}

/// The call through `client`, after [`encoded`]: a future, or a stream. `upload` makes what sends the items of an
/// argument stream, of its name, its items, and the function that writes one.
pub(super) fn made(
    scope: &Scope<'_>,
    method: &Method,
    client: impl ToTokens,
    upload: impl Fn(&Ident, &Items, TokenStream) -> TokenStream,
) -> TokenStream {
    let p = &scope.p;
    let index = scope.index_of(method);
    let arguments = names::local("arguments");
    let upload = method.arguments.iter().find_map(|argument| {
        let items = argument.streamed()?;
        Some(upload(&argument.name, items, coding::write_item(p, items)))
    });
    let error = decode_error(scope, method);
    if let Some(items) = &method.output.items {
        let item = coding::read_item(p, items);
        let upload = match upload {
            Some(upload) => quote!(#p::Option::Some(#upload)),
            None => quote!(#p::Option::None),
        };
        return quote!(#p::Client::stream(#client, #index, #arguments, #upload, #item, #error));
    }
    let value = decode(scope, &method.output.value);
    match (method.kind, upload) {
        (Kind::Oneway, _) => quote!(#p::Client::send(#client, #index, #arguments)),
        (Kind::Call, None) => quote!(#p::Client::call(#client, #index, #arguments, #value, #error)),
        (Kind::Call, Some(upload)) => {
            quote!(#p::Client::call_with(#client, #index, #arguments, #upload, #value, #error))
        }
    }
}

/// One statement that writes the argument.
fn encode(scope: &Scope<'_>, argument: &Argument) -> TokenStream {
    let p = &scope.p;
    let (name, ty, arguments) = (&argument.name, &argument.ty, names::local("arguments"));
    let encoder = quote!(&mut #arguments);
    let write = match &argument.passing {
        Passing::Owned(coding) => coding::write_owned(p, encoder, *coding, ty, name),
        Passing::Decoded { value, coding } => coding::write(p, encoder, *coding, value, name),
        Passing::Lent { value } => coding::write(p, encoder, Coding::Value, value, name),
        Passing::LentBytes => quote!(#p::Encoder::bytes(#encoder, #name)),
        Passing::Slice { element } => coding::write(p, encoder, Coding::Value, quote!([#element]), name),
        Passing::Context | Passing::Streamed(_) => return TokenStream::new(),
    };
    quote!(#write;)
}

/// The function that reads the method's own error.
fn decode_error(scope: &Scope<'_>, method: &Method) -> TokenStream {
    match method.output.call_error() {
        Some(error) => decode(scope, error),
        None => {
            let (p, decoder) = (&scope.p, names::local("decoder"));
            quote!(|#decoder| #p::Decoder::never(#decoder))
        }
    }
}

/// The function that reads a value of a reply.
fn decode(scope: &Scope<'_>, ty: &syn::Type) -> TokenStream {
    let decoder = names::local("decoder");
    let read = coding::read(&scope.p, &decoder, Coding::of(ty), ty);
    quote!(|#decoder| #read)
}
