//! The model into tokens, one file for each generated item. Never looks at the trait's syntax, and never
//! refuses anything: what gets here is right.

mod blocking;
mod call;
mod client;
mod coding;
mod describe;
mod server;
mod trait_;
mod transparent;
mod value;

#[cfg(test)]
mod tests;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Attribute;

use crate::errors::Errors;
use crate::model::{Method, Service};
use crate::{attributes, check, names, parse};

/// `#[ipc_service]`: parse, check, expand.
pub(crate) fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let service = parse::trait_item(item, &errors).map(|item| {
        check::item(&item, &errors);
        let service = parse::service(arguments, item, &errors);
        check::service(&service, &errors);
        service
    });
    match (errors.finish(), service) {
        (Ok(()), Some(service)) => expand(&service),
        (Ok(()), None) => TokenStream::new(),
        (Err(refusals), _) => refusals,
    }
}

fn expand(service: &Service) -> TokenStream {
    let scope = Scope::new(service);
    let the_trait = trait_::expand(&scope);
    let (client_item, client_impls) = client::expand(&scope);
    let (server_item, server_impls) = server::expand(&scope);
    let transparent_impl = service.is_transparent.then(|| transparent::expand(&scope));
    let client_value = value::expand(&scope);
    let method_index = method_index(&scope);
    let description = describe::expand(&scope);
    let blocking_client = blocking::expand(&scope);
    let Scope { private, p, conditions, .. } = &scope;
    quote! {
        #the_trait
        #client_item
        #server_item

        #(#conditions)*
        #[doc(hidden)]
        #[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all, clippy::pedantic)]
        const _: () = {
            use #private as #p;

            #method_index
            #description
            #client_impls
            #client_value
            #server_impls
            #transparent_impl
        };

        #blocking_client
    }
}

/// The names that generated items share.
struct Scope<'a> {
    service: &'a Service,
    /// What the façade keeps for generated code, by its full path; every path of ours starts here.
    private: TokenStream,
    /// The same inside the block that holds the `impl`s, short enough to read.
    p: Ident,
    client: Ident,
    blocking_client: Ident,
    server: Ident,
    /// An enum with one variant for each method, so that the compiler counts those whose conditions hold.
    method: Ident,
    /// The function that describes the service.
    description: Ident,
    /// The trait's conditions, on every item.
    conditions: Vec<Attribute>,
}

impl<'a> Scope<'a> {
    fn new(service: &'a Service) -> Self {
        let krate = &service.krate;
        let trait_name = names::unraw(&service.name);
        Self {
            service,
            private: quote!(#krate::__private),
            p: format_ident!("__traitwire"),
            client: names::client(&service.name),
            blocking_client: names::blocking_client(&service.name),
            server: names::server(&service.name),
            method: format_ident!("__{trait_name}Method"),
            description: format_ident!("__{trait_name}_description"),
            conditions: attributes::conditions(&service.attributes),
        }
    }

    /// The index of a method, as an expression.
    fn index_of(&self, method: &Method) -> TokenStream {
        let (enumeration, name) = (&self.method, &method.name);
        quote!(#enumeration::#name as ::core::primitive::u32)
    }
}

fn method_index(scope: &Scope<'_>) -> TokenStream {
    let name = &scope.method;
    let variants = scope.service.methods.iter().map(|method| {
        let conditions = attributes::conditions(&method.attributes);
        let name = &method.name;
        quote!(#(#conditions)* #name)
    });
    quote! {
        enum #name { #(#variants),* }
    }
}
