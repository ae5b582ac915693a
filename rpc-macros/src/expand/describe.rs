//! The function that describes the service to both its sides: its interface with the schema of every type,
//! and what running a call of each method needs to know.

use proc_macro2::TokenStream;
use quote::quote;

use super::Scope;
use crate::model::{Argument, Kind, Method, Passing};
use crate::{attributes, names};

pub(super) fn expand(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, p, description, .. } = scope;
    let wire_name = &service.wire_name.text;
    let docs = attributes::documentation(&service.attributes);
    let interface = names::local("interface");
    let methods = service.methods.iter().map(interface_of);
    let attributes = service.methods.iter().map(|method| attributes_of(scope, method));
    quote! {
        fn #description() -> &'static #p::ServiceDescription {
            static DESCRIPTION: #p::OnceLock<#p::ServiceDescription> = #p::OnceLock::new();
            #p::OnceLock::get_or_init(&DESCRIPTION, || {
                let #interface = #p::Interface::builder(#wire_name, #docs);
                #(#methods)*
                #p::ServiceDescription::new(#interface.build(), &[#(#attributes),*])
            })
        }
    }
}

fn interface_of(method: &Method) -> TokenStream {
    let conditions = attributes::conditions(&method.attributes);
    let [interface, description] = ["interface", "method"].map(names::local);
    let wire_name = &method.wire_name.text;
    let docs = attributes::documentation(&method.attributes);
    let docs = (!docs.is_empty()).then(|| quote!(.docs(#docs)));
    let arguments = method.arguments.iter().filter_map(|argument| {
        let (ty, name) = (sent_type(argument)?, names::unraw(&argument.name));
        Some(quote!(.argument::<#ty>(#name)))
    });
    let value = &method.output.value;
    let error = method.output.error.as_ref().map(|error| quote!(.error::<#error>()));
    let oneway = (method.kind == Kind::Oneway).then(|| quote!(.oneway()));
    let idempotent = method.idempotent.then(|| quote!(.idempotent()));
    quote! {
        #(#conditions)*
        let #interface = #interface.method(#wire_name, |#description| {
            #description #docs #(#arguments)* .output::<#value>() #error #idempotent #oneway
        });
    }
}

/// The type whose schema the argument has.
fn sent_type(argument: &Argument) -> Option<TokenStream> {
    let ty = &argument.ty;
    Some(match &argument.passing {
        Passing::Owned(_) => quote!(#ty),
        Passing::Decoded { value, .. } | Passing::Lent { value } => quote!(#value),
        Passing::LentBytes => quote!([::core::primitive::u8]),
        Passing::Slice { element } => quote!([#element]),
        Passing::Context => return None,
    })
}

fn attributes_of(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let p = &scope.p;
    let conditions = attributes::conditions(&method.attributes);
    let timeout = method.timeout.map(|time| {
        // Checked when it was read.
        let milliseconds = time.as_millis() as u64;
        quote!(.timeout_ms(#milliseconds))
    });
    let spawn = method.spawn.then(|| quote!(.spawn()));
    quote!(#(#conditions)* #p::Attributes::NONE #timeout #spawn)
}
