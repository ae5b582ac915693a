//! The client for threads that wait: each method waits for what the client's method of the same name gives. It is
//! handed to a macro of the façade, which drops it where nobody wants such clients. Never encodes or decodes.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{Scope, client};
use crate::model::{Argument, Items, Method};
use crate::names;

pub(super) fn expand(scope: &Scope<'_>) -> TokenStream {
    let Scope { private, p, conditions, .. } = scope;
    let (item, implementation) = (item(scope), implementation(scope));
    quote! {
        #private::blocking! {
            #item

            #(#conditions)*
            #[doc(hidden)]
            #[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all, clippy::pedantic)]
            const _: () = {
                use #private as #p;

                #implementation
            };
        }
    }
}

fn item(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, client, blocking_client, conditions, .. } = scope;
    let visibility = &service.visibility;
    let doc = format!(
        " A client of [`{}`] for threads that wait: its methods are calls to whatever serves `{}` at the other end.",
        names::unraw(&service.name),
        service.wire_name.text,
    );
    quote! {
        #(#conditions)*
        #[doc = #doc]
        #[doc = ""]
        #[doc = " In a task of an async runtime its calls fail, unsent: they would hold up the thread. Cheap to clone;"]
        #[doc = " clones share the connection, and any number of threads may call at once."]
        #[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
        #[allow(dead_code)]
        #visibility struct #blocking_client {
            client: #client,
        }
    }
}

fn implementation(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, p, client, blocking_client, .. } = scope;
    let (visibility, name) = (&service.visibility, &service.name);
    let [channel, address, implementation, timeout, priority, key, value, other] =
        ["channel", "address", "implementation", "timeout", "priority", "key", "value", "other"]
            .map(names::local);
    let methods = service.methods.iter().map(|method| calling(scope, method));
    quote! {
        #[allow(dead_code)]
        impl #blocking_client {
            /// A client over a channel that is open already. A service that the peer does not have shows at
            /// the first call.
            #visibility fn new(#channel: #p::Channel) -> Self {
                Self { client: #client::new(#channel) }
            }

            /// Connects to the service at an address, and fails if something else is there.
            ///
            /// # Errors
            /// The address is malformed, nobody answers there, or the peer serves something else. In a task of
            /// an async runtime.
            #visibility fn connect<Via>(
                #address: impl #p::Dial<Via>,
            ) -> #p::Result<Self, #p::RpcError> {
                match #p::wait(#client::connect(#address)) {
                    #p::Result::Ok(client) => #p::Result::Ok(Self { client }),
                    #p::Result::Err(error) => #p::Result::Err(error),
                }
            }

            /// A client of an implementation in this process. Calls behave as over a connection; handlers run
            /// on a thread that all blocking clients share.
            #visibility fn local(#implementation: impl #name) -> Self {
                Self { client: #client::local(#implementation) }
            }

            /// The channel that calls go through.
            #visibility fn channel(&self) -> &#p::Channel {
                #client::channel(&self.client)
            }

            /// A client whose calls end, at the latest, after this time.
            #[must_use]
            #visibility fn with_timeout(&self, #timeout: #p::Duration) -> Self {
                Self { client: #client::with_timeout(&self.client, #timeout) }
            }

            /// A client whose calls have this priority, whatever their methods have.
            #[must_use]
            #visibility fn with_priority(&self, #priority: #p::Priority) -> Self {
                Self { client: #client::with_priority(&self.client, #priority) }
            }

            /// A client whose calls carry this beside their arguments; handlers read it from their `Context`.
            #[must_use]
            #visibility fn with_metadata(
                &self,
                #key: impl #p::Into<#p::String>,
                #value: impl #p::Into<#p::Vec<::core::primitive::u8>>,
            ) -> Self {
                Self { client: #client::with_metadata(&self.client, #key, #value) }
            }

            #(#methods)*
        }

        impl #p::From<#client> for #blocking_client {
            /// The same client, for threads that wait.
            fn from(#other: #client) -> Self {
                Self { client: #other }
            }
        }
    }
}

fn calling(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let Scope { service, p, client, .. } = scope;
    let (visibility, name) = (&service.visibility, &method.name);
    let attributes = client::attributes(scope, method);
    let arguments: Vec<_> = method.arguments.iter().filter(|argument| !argument.is_context()).collect();
    let parameters = arguments.iter().map(|argument| {
        let (name, ty) = (&argument.name, parameter_type(p, argument));
        quote!(#name: #ty)
    });
    let passed = arguments.iter().map(|argument| {
        let name = &argument.name;
        match argument.streamed() {
            Some(_) => quote!(#p::feed(#name)),
            None => quote!(#name),
        }
    });
    let error = client::call_error(scope, method);
    let made = quote!(#client::#name(&self.client, #(#passed),*));
    let (output, body) = match &method.output.items {
        Some(Items { value, .. }) => {
            (quote!(#p::BlockingStreaming<#value, #error>), quote!(#p::From::from(#made)))
        }
        None => {
            let value = &method.output.value;
            (quote!(#p::Result<#value, #p::CallError<#error>>), quote!(#p::call(#made)))
        }
    };
    quote! {
        #(#attributes)*
        #visibility fn #name(&self, #(#parameters),*) -> #output {
            #body
        }
    }
}

/// The type of the parameter: the client's, but for streams.
fn parameter_type(p: &Ident, argument: &Argument) -> TokenStream {
    let Some(items) = argument.streamed() else {
        let ty = &argument.ty;
        return quote!(#ty);
    };
    let item = client::item_type(p, items);
    quote! {
        impl #p::IntoIterator<Item = #item, IntoIter: ::core::marker::Send> + ::core::marker::Send + 'static
    }
}
