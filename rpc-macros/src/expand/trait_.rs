//! The trait itself: as written, with `Send` where a server needs it and our attributes gone.

use proc_macro2::TokenStream;
use quote::quote;

use super::Scope;
use crate::model::Method;

pub(super) fn expand(scope: &Scope<'_>) -> TokenStream {
    let service = scope.service;
    let (attributes, visibility, name) = (&service.attributes, &service.visibility, &service.name);
    let methods = service.methods.iter().map(|method| declaration(scope, method));
    quote! {
        #(#attributes)*
        #[allow(clippy::manual_async_fn, clippy::too_many_arguments)]
        #visibility trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

fn declaration(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let attributes = &method.attributes;
    let body = match &method.default {
        None => quote!(;),
        Some(default) => {
            let block = &default.block;
            if default.is_async { quote!({ async move #block }) } else { quote!(#block) }
        }
    };
    let signature = signature(scope, method);
    quote! {
        #(#attributes)*
        #signature
        #body
    }
}

/// The method as the trait has it, and as whoever implements the trait may write it.
pub(super) fn signature(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let name = &method.name;
    let arguments = method.arguments.iter().map(|argument| {
        let (name, ty) = (&argument.name, &argument.ty);
        quote!(#name: #ty)
    });
    let output = output(scope, method);
    quote!(fn #name(&self, #(#arguments),*) -> #output)
}

/// What the method returns, with `Send` on every future and stream in it.
fn output(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let (private, output) = (&scope.private, &method.output);
    let written = &output.written;
    let value = match &output.items {
        None => quote!(#written),
        Some(items) => {
            let value = &items.value;
            let item = match &items.error {
                Some(error) => quote!(#private::Result<#value, #error>),
                None => quote!(#value),
            };
            let stream = quote!(impl #private::Stream<Item = #item> + ::core::marker::Send);
            match &output.error {
                Some(error) => quote!(#private::Result<#stream, #error>),
                None => stream,
            }
        }
    };
    match output.is_awaited {
        true => quote!(impl #private::Future<Output = #value> + ::core::marker::Send),
        false => value,
    }
}
