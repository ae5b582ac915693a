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
    let private = &scope.private;
    let (attributes, name, output) = (&method.attributes, &method.name, &method.output.written);
    let arguments = method.arguments.iter().map(|argument| {
        let (name, ty) = (&argument.name, &argument.ty);
        quote!(#name: #ty)
    });
    let body = match &method.default {
        None => quote!(;),
        Some(default) => {
            let block = &default.block;
            if default.is_async { quote!({ async move #block }) } else { quote!(#block) }
        }
    };
    quote! {
        #(#attributes)*
        fn #name(&self, #(#arguments),*)
            -> impl #private::Future<Output = #output> + ::core::marker::Send
        #body
    }
}
