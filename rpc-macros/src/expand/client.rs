//! The client: a struct around `__private::Client` with the trait's methods, each returning what a call can
//! come to.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse_quote;

use super::{Scope, coding};
use crate::model::{Argument, Coding, Items, Kind, Method, Passing};
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
    quote! {
        #(#conditions)*
        #[doc = #doc]
        #[doc = ""]
        #[doc = " Cheap to clone; clones share the connection. Two clients are equal if they call the same service."]
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
    let [channel, address, implementation, timeout, key, value] =
        ["channel", "address", "implementation", "timeout", "key", "value"].map(names::local);
    let methods = service.methods.iter().map(|method| call(scope, method));
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
    }
}

fn call(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let Scope { service, p, .. } = scope;
    let visibility = &service.visibility;
    let mut attributes = attributes::for_client(&method.attributes);
    if !attributes::is_documented(&attributes) {
        let doc = format!(" Calls `{}.{}`.", service.wire_name.text, method.wire_name.text);
        attributes.push(parse_quote!(#[doc = #doc]));
    }
    let parameters = method.arguments.iter().filter(|argument| !argument.is_context()).map(|argument| {
        let (name, ty) = (&argument.name, parameter_type(p, argument));
        quote!(#name: #ty)
    });
    let sent: Vec<&Argument> = method.arguments.iter().filter(|argument| argument.is_sent()).collect();
    let arguments = names::local("arguments");
    let mutability = (!sent.is_empty()).then(|| quote!(mut));
    let encoded = sent.iter().map(|argument| encode(scope, argument));
    let dropped = sent.iter().filter(|argument| argument.outlives_encoding()).map(|argument| &argument.name);
    let name = &method.name;
    let error = match method.output.call_error() {
        Some(error) => quote!(#error),
        None => quote!(#p::Infallible),
    };
    let (asyncness, output, awaited) = match &method.output.items {
        Some(items) => {
            let value = &items.value;
            (None, quote!(#p::Streaming<#value, #error>), None)
        }
        None => {
            let value = &method.output.value;
            (Some(quote!(async)), quote!(#p::Result<#value, #p::CallError<#error>>), Some(quote!(.await)))
        }
    };
    let called = called(scope, method, &arguments);
    quote! {
        #(#attributes)*
        #visibility #asyncness fn #name(&self, #(#parameters),*) -> #output {
            let #mutability #arguments = #p::Encoder::new();
            #(#encoded)*
            #(::core::mem::drop(#dropped);)*
            #called #awaited
        }
    }
}

/// The type of the client's parameter: the trait's, but for streams.
fn parameter_type(p: &Ident, argument: &Argument) -> TokenStream {
    let Some(Items { value, error }) = argument.streamed() else {
        let ty = &argument.ty;
        return quote!(#ty);
    };
    let item = match error {
        Some(error) => quote!(#p::Result<#value, #error>),
        None => quote!(#value),
    };
    quote!(impl #p::Stream<Item = #item> + ::core::marker::Send + 'static)
}

/// The call itself, its arguments encoded.
fn called(scope: &Scope<'_>, method: &Method, arguments: &Ident) -> TokenStream {
    let p = &scope.p;
    let index = scope.index_of(method);
    let upload = method.arguments.iter().find_map(|argument| {
        let (name, write) = (&argument.name, coding::write_item(p, argument.streamed()?));
        Some(quote!(#p::Upload::new(#name, #write)))
    });
    let error = decode_error(scope, method);
    if let Some(items) = &method.output.items {
        let item = coding::read_item(p, items);
        let upload = match upload {
            Some(upload) => quote!(#p::Option::Some(#upload)),
            None => quote!(#p::Option::None),
        };
        return quote!(#p::Client::stream(&self.client, #index, #arguments, #upload, #item, #error));
    }
    let value = decode(scope, &method.output.value);
    match (method.kind, upload) {
        (Kind::Oneway, _) => quote!(#p::Client::send(&self.client, #index, #arguments)),
        (Kind::Call, None) => quote!(#p::Client::call(&self.client, #index, #arguments, #value, #error)),
        (Kind::Call, Some(upload)) => {
            quote!(#p::Client::call_with(&self.client, #index, #arguments, #upload, #value, #error))
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
