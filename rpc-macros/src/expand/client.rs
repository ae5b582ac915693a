//! The client: a struct around `__private::Client` with the trait's methods, each returning what a call can
//! come to.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, parse_quote};

use super::{Scope, call};
use crate::model::{Argument, Items, Method};
use crate::{attributes, names};

/// The struct, and its `impl`.
pub(super) fn expand(scope: &Scope<'_>) -> (TokenStream, TokenStream) {
    (item(scope), implementation(scope))
}

fn item(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, private, client, conditions, .. } = scope;
    let visibility = &service.visibility;
    let doc = format!(
        " A client of [`{}`]: its methods are calls to whatever serves `{}` at the other end of its channel.",
        names::unraw(&service.name),
        service.wire_name.text,
    );
    let stands_in = service.is_transparent.then(|| {
        let doc = format!(
            " It is a [`{}`] itself, for code that takes any; a failed call is then the method's own error.",
            names::unraw(&service.name),
        );
        quote!(#[doc = ""] #[doc = #doc])
    });
    quote! {
        #(#conditions)*
        #[doc = #doc]
        #[doc = ""]
        #[doc = " Cheap to clone; clones share the connection. Two clients are equal if they call the same service."]
        #stands_in
        #[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
        #[allow(dead_code)]
        #visibility struct #client {
            client: #private::Client,
        }
    }
}

fn implementation(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, p, client, server, description, .. } = scope;
    let (visibility, name) = (&service.visibility, &service.name);
    let [channel, address, implementation, timeout, priority, key, value] =
        ["channel", "address", "implementation", "timeout", "priority", "key", "value"].map(names::local);
    let methods = service.methods.iter().map(|method| calling(scope, method));
    quote! {
        #[allow(dead_code, dropping_copy_types)]
        impl #client {
            /// A client over a channel that is open already. A service that the peer does not have shows at
            /// the first call.
            #visibility fn new(#channel: #p::Channel) -> Self {
                Self { client: #p::Client::new(#channel, #description()) }
            }

            /// Connects to the service at an address, and fails if something else is there.
            ///
            /// # Errors
            /// The address is malformed, nobody answers there, or the peer serves something else.
            #visibility async fn connect<Via>(
                #address: impl #p::Dial<Via>,
            ) -> #p::Result<Self, #p::RpcError> {
                match #p::Client::connect(#address, #description()).await {
                    #p::Result::Ok(client) => #p::Result::Ok(Self { client }),
                    #p::Result::Err(error) => #p::Result::Err(error),
                }
            }

            /// A client of an implementation in this process. Calls behave as over a connection.
            #visibility fn local(#implementation: impl #name) -> Self {
                Self { client: #p::Client::local(#server::new(#implementation)) }
            }

            /// The channel that calls go through.
            #visibility fn channel(&self) -> &#p::Channel {
                #p::Client::channel(&self.client)
            }

            /// A client whose calls end, at the latest, after this time.
            #[must_use]
            #visibility fn with_timeout(&self, #timeout: #p::Duration) -> Self {
                Self { client: #p::Client::with_timeout(&self.client, #timeout) }
            }

            /// A client whose calls have this priority, whatever their methods have.
            #[must_use]
            #visibility fn with_priority(&self, #priority: #p::Priority) -> Self {
                Self { client: #p::Client::with_priority(&self.client, #priority) }
            }

            /// A client whose calls carry this beside their arguments; handlers read it from their `Context`.
            #[must_use]
            #visibility fn with_metadata(
                &self,
                #key: impl #p::Into<#p::String>,
                #value: impl #p::Into<#p::Vec<::core::primitive::u8>>,
            ) -> Self {
                Self { client: #p::Client::with_metadata(&self.client, #key, #value) }
            }

            #(#methods)*
        }

        #[automatically_derived]
        impl #p::Contract for #client {
            fn interface() -> &'static #p::Interface {
                #p::ServiceDescription::interface(#description())
            }
        }
    }
}

fn calling(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let Scope { service, p, .. } = scope;
    let visibility = &service.visibility;
    let attributes = attributes(scope, method);
    let parameters = method.arguments.iter().filter(|argument| !argument.is_context()).map(|argument| {
        let (name, ty) = (&argument.name, parameter_type(p, argument));
        quote!(#name: #ty)
    });
    let name = &method.name;
    let error = call_error(scope, method);
    let output = match &method.output.items {
        Some(Items { value, .. }) => quote!(#p::Streaming<#value, #error>),
        None => {
            let value = &method.output.value;
            quote!(#p::Call<'_, #value, #error>)
        }
    };
    let encoded = call::encoded(scope, method);
    let made = call::made(
        scope,
        method,
        quote!(&self.client),
        |name, _, write| quote!(#p::Upload::new(#name, #write)),
    );
    quote! {
        #(#attributes)*
        #visibility fn #name(&self, #(#parameters),*) -> #output {
            #encoded
            #made
        }
    }
}

/// What the method carries: the trait's attributes that concern callers, and a line of documentation in any case.
pub(super) fn attributes(scope: &Scope<'_>, method: &Method) -> Vec<Attribute> {
    let mut attributes = attributes::for_client(&method.attributes);
    if !attributes::is_documented(&attributes) {
        let doc = format!(" Calls `{}.{}`.", scope.service.wire_name.text, method.wire_name.text);
        attributes.push(parse_quote!(#[doc = #doc]));
    }
    attributes
}

/// `E` of the `CallError<E>` that a call can come to.
pub(super) fn call_error(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let p = &scope.p;
    match method.output.call_error() {
        Some(error) => quote!(#error),
        None => quote!(#p::Infallible),
    }
}

/// The type of the client's parameter: the trait's, but for streams.
fn parameter_type(p: &Ident, argument: &Argument) -> TokenStream {
    let Some(items) = argument.streamed() else {
        let ty = &argument.ty;
        return quote!(#ty);
    };
    let item = item_type(p, items);
    quote!(impl #p::Stream<Item = #item> + ::core::marker::Send + 'static)
}

/// What a caller gives for one item of an argument stream.
pub(super) fn item_type(p: &Ident, items: &Items) -> TokenStream {
    let Items { value, error } = items;
    match error {
        Some(error) => quote!(#p::Result<#value, #error>),
        None => quote!(#value),
    }
}
