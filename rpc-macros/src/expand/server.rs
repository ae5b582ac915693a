//! The server: a struct around an implementation, and its `Dispatch`: for each method a slot whose future
//! decodes the arguments, calls the implementation and encodes what it returns.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use super::{Scope, coding};
use crate::model::{Argument, ArgumentDefault, Coding, Kind, Method, Passing};
use crate::{attributes, names};

/// The struct, and its `impl`s.
pub(super) fn expand(scope: &Scope<'_>) -> (TokenStream, TokenStream) {
    let implementations = [constructors(scope), std_traits(scope), dispatch(scope)];
    (item(scope), implementations.into_iter().collect())
}

fn item(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, private, server, conditions, .. } = scope;
    let visibility = &service.visibility;
    let doc = format!(
        " Serves an implementation of [`{}`] as `{}`.",
        names::unraw(&service.name),
        service.wire_name.text
    );
    quote! {
        #(#conditions)*
        #[doc = #doc]
        #[allow(dead_code)]
        #visibility struct #server<S> {
            implementation: #private::Arc<S>,
        }
    }
}

fn constructors(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, p, server, .. } = scope;
    let (visibility, name) = (&service.visibility, &service.name);
    let implementation = names::local("implementation");
    quote! {
        #[allow(dead_code)]
        impl<__S: #name> #server<__S> {
            /// Serves this implementation.
            #visibility fn new(#implementation: __S) -> Self {
                Self { implementation: #p::Arc::new(#implementation) }
            }

            /// Serves an implementation that others hold too.
            #visibility fn from_arc(#implementation: #p::Arc<__S>) -> Self {
                Self { #implementation }
            }
        }
    }
}

/// By hand, since derives would ask the same of the implementation.
fn std_traits(scope: &Scope<'_>) -> TokenStream {
    let server = &scope.server;
    let (formatter, name) = (names::local("formatter"), server.to_string());
    quote! {
        #[automatically_derived]
        impl<__S> ::core::clone::Clone for #server<__S> {
            fn clone(&self) -> Self {
                Self { implementation: ::core::clone::Clone::clone(&self.implementation) }
            }
        }

        #[automatically_derived]
        impl<__S> ::core::fmt::Debug for #server<__S> {
            fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::write_str(#formatter, #name)
            }
        }
    }
}

fn dispatch(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, p, server, description, .. } = scope;
    let (name, method) = (&service.name, names::local("method"));
    let arms = service.methods.iter().map(|method| arm(scope, method));
    quote! {
        #[automatically_derived]
        impl<__S: #name> #p::Dispatch for #server<__S> {
            fn description(&self) -> &'static #p::ServiceDescription {
                #description()
            }

            fn slot(&self, #method: ::core::primitive::u32) -> #p::Option<#p::Box<dyn #p::Slot>> {
                match #method {
                    #(#arms)*
                    _ => #p::Option::None,
                }
            }
        }
    }
}

fn arm(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let p = &scope.p;
    let conditions = attributes::conditions(&method.attributes);
    let [number, service, request] = ["method", "service", "request"].map(names::local);
    let index = scope.index_of(method);
    let handler = match method.kind {
        Kind::Call | Kind::Oneway => handler(scope, method),
    };
    let mutability = releases(method).then(|| quote!(mut));
    quote! {
        #(#conditions)*
        #number if #number == #index => {
            let #service = ::core::clone::Clone::clone(&self.implementation);
            #p::Option::Some(#p::slot(move |#mutability #request: #p::Request| {
                let #service = ::core::clone::Clone::clone(&#service);
                async move { #handler }
            }))
        }
    }
}

/// Do all arguments stand on their own, so that the request's bytes can go before the handler runs?
fn releases(method: &Method) -> bool {
    !method.arguments.iter().any(|argument| argument.passing.borrows_request())
}

fn handler(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let Scope { service: model, p, .. } = scope;
    let trait_name = &model.name;
    let [arguments, request, service, output] =
        ["arguments", "request", "service", "output"].map(names::local);
    let is_read = method.arguments.iter().any(Argument::is_sent);
    let mutability = is_read.then(|| quote!(mut));
    let (streamed, sent): (Vec<_>, Vec<_>) =
        method.arguments.iter().partition(|argument| argument.streamed().is_some());
    let mut place = 0;
    let decoded = sent.into_iter().map(|argument| {
        let decoded = decode(scope, argument, place);
        place += u32::from(argument.is_sent());
        decoded
    });
    let streamed = streamed.into_iter().map(|argument| decode(scope, argument, 0));
    let context = method.arguments.iter().filter(|argument| argument.is_context()).map(|argument| {
        let name = &argument.name;
        quote!(let #name = #p::Request::context(&#request);)
    });
    // Contexts given away outlive the handler; they must not report an answered call as given up.
    let answered = method
        .arguments
        .iter()
        .any(|argument| argument.is_context())
        .then(|| quote!(#p::Request::answered(&#request);));
    let read = match releases(method) {
        true => quote!(#p::Request::take_arguments(&mut #request)),
        false => quote!(#p::Request::arguments(&#request)),
    };
    let release = releases(method).then(|| quote!(#p::Request::release(&mut #request);));
    let (name, given) = (&method.name, method.arguments.iter().map(given));
    let awaited = method.output.is_awaited.then(|| quote!(.await));
    let reply = reply(scope, method, &answered);
    quote! {
        let #mutability #arguments = #read;
        #(#decoded)*
        #p::Decoder::finish(#arguments)?;
        #(#context)*
        #release
        #(#streamed)*
        let #output = <__S as #trait_name>::#name(&*#service, #(#given),*) #awaited;
        #reply
    }
}

/// One statement that reads the argument, which has this place among those that are sent.
fn decode(scope: &Scope<'_>, argument: &Argument, place: u32) -> TokenStream {
    let p = &scope.p;
    let (name, ty, arguments) = (&argument.name, &argument.ty, names::local("arguments"));
    let decoder = quote!(&mut #arguments);
    let read = match &argument.passing {
        Passing::Owned(coding) => coding::read(p, decoder, *coding, ty),
        Passing::Decoded { value, coding } => coding::read(p, decoder, *coding, value),
        Passing::Lent { .. } => coding::read(p, decoder, Coding::Value, ty),
        Passing::LentBytes => quote!(#p::Decoder::bytes(#decoder)),
        Passing::Slice { element } => coding::read(p, decoder, Coding::Value, quote!(#p::Vec<#element>)),
        Passing::Streamed(items) => {
            let (request, item) = (names::local("request"), coding::read_item(p, items));
            return quote!(let #name = #p::Request::streaming(&#request, #item););
        }
        Passing::Context => return TokenStream::new(),
    };
    let Some(default) = &argument.default else { return quote!(let #name = #read?;) };
    let owned = match &argument.passing {
        Passing::Decoded { value, .. } => quote!(#value),
        Passing::Slice { element } => quote!(#p::Vec<#element>),
        _ => quote!(#ty),
    };
    let default = match default {
        ArgumentDefault::OfType(span) => {
            quote_spanned!(*span=> <#owned as ::core::default::Default>::default())
        }
        ArgumentDefault::Value(value) => quote!(#value),
    };
    quote! {
        let #name: #owned = match #p::Decoder::lacks_argument(&mut #arguments, #place) {
            true => #default,
            false => #read?,
        };
    }
}

/// The argument as the implementation takes it.
fn given(argument: &Argument) -> TokenStream {
    let name: &Ident = &argument.name;
    match argument.passing {
        Passing::Owned(_) | Passing::Lent { .. } | Passing::LentBytes | Passing::Streamed(_) => {
            quote!(#name)
        }
        Passing::Decoded { .. } | Passing::Slice { .. } | Passing::Context => quote!(&#name),
    }
}

/// What is done with what the method returned. `answered` goes where the user's own code has come to its end.
fn reply(scope: &Scope<'_>, method: &Method, answered: &Option<TokenStream>) -> TokenStream {
    let p = &scope.p;
    let [output, value, error] = ["output", "value", "error"].map(names::local);
    let Some(error_type) = &method.output.error else {
        return reply_value(scope, method, &output, answered);
    };
    let write_error = write(scope, error_type);
    if method.output.items.is_none() {
        let write_value = write(scope, &method.output.value);
        return quote!(#answered #p::Reply::settled(#output, #write_value, #write_error));
    }
    let replied_value = reply_value(scope, method, &value, answered);
    quote! {
        match #output {
            #p::Result::Ok(#value) => { #replied_value }
            #p::Result::Err(#error) => {
                #answered
                #p::Reply::error(|encoder| (#write_error)(encoder, #error))
            }
        }
    }
}

fn reply_value(
    scope: &Scope<'_>,
    method: &Method,
    value: &Ident,
    answered: &Option<TokenStream>,
) -> TokenStream {
    let p = &scope.p;
    match &method.output.items {
        None => {
            let write = write(scope, &method.output.value);
            quote!(#answered #p::Reply::returned(#value, #write))
        }
        Some(items) => {
            let [request, sent] = ["request", "sent"].map(names::local);
            let write = coding::write_item(p, items);
            quote! {
                let #sent = #p::Request::send_all(&#request, #value, #write).await;
                #answered
                #sent
            }
        }
    }
}

/// The function that writes a value of this type.
fn write(scope: &Scope<'_>, ty: &syn::Type) -> TokenStream {
    let [encoder, value] = ["encoder", "value"].map(names::local);
    let write = coding::write_owned(&scope.p, &encoder, Coding::of(ty), ty, &value);
    quote!(|#encoder, #value| { #write; })
}
