//! The trait, implemented by its own client: each method is a call, and what the call comes to is said as the
//! method would say it. Never leaves a body of the trait to run on this side.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Scope, call, trait_};
use crate::model::{Argument, Kind, Method};
use crate::{attributes, names};

pub(super) fn expand(scope: &Scope<'_>) -> TokenStream {
    let (name, client) = (&scope.service.name, &scope.client);
    let methods = scope.service.methods.iter().map(|method| calling(scope, method));
    quote! {
        #[allow(dropping_copy_types)]
        impl #name for #client {
            #(#methods)*
        }
    }
}

fn calling(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let p = &scope.p;
    let conditions = attributes::conditions(&method.attributes);
    let signature = trait_::signature(scope, method);
    let context = method.arguments.iter().find(|argument| argument.is_context());
    let (within, client) = match context {
        None => (None, quote!(&self.client)),
        Some(Argument { name, .. }) => {
            let client = names::local("client");
            (Some(quote!(let #client = #p::Client::within(&self.client, #name);)), quote!(&#client))
        }
    };
    let encoded = call::encoded(scope, method);
    let made = call::made(scope, method, client, |name, items, write| match items.error {
        None => quote!(#p::transparent::forward(#name, #write)),
        Some(_) => quote!(#p::transparent::forward_results(#name, #write)),
    });
    let outcome = outcome(scope, method, made);
    let body = quote!(#within #encoded #outcome);
    let body = match method.output.is_awaited {
        true => quote!(async move { #body }),
        false => body,
    };
    quote! {
        #(#conditions)*
        #signature { #body }
    }
}

/// What the call comes to, with the one error that the method has.
fn outcome(scope: &Scope<'_>, method: &Method, made: TokenStream) -> TokenStream {
    let (p, output) = (&scope.p, &method.output);
    let Some(error) = output.call_error().filter(|_| method.kind == Kind::Call) else {
        // The one kind of method without an error: nobody waits for what becomes of it.
        return quote!(::core::mem::drop(#made.await););
    };
    if output.items.is_none() {
        return quote!(#p::transparent::result::<_, #error>(#made.await));
    }
    let results = quote!(#p::transparent::results::<_, #error>(#made));
    match &output.error {
        Some(error) => quote!(#p::Result::<_, #error>::Ok(#results)),
        None => results,
    }
}
