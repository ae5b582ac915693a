//! The function that describes the service to both its sides: its interface with the schema of every type,
//! and what running a call of each method needs to know.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::Scope;
use crate::model::{Argument, Items, Kind, Method, Passing, Priority};
use crate::{attributes, names};

pub(super) fn expand(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, p, description, .. } = scope;
    let wire_name = &service.wire_name.text;
    let docs = attributes::documentation(&service.attributes);
    let interface = names::local("interface");
    let methods = service.methods.iter().map(|method| interface_of(scope, method));
    let mutability = (!service.methods.is_empty()).then(|| quote!(mut));
    let attributes = service.methods.iter().map(|method| attributes_of(scope, method));
    quote! {
        fn #description() -> &'static #p::ServiceDescription {
            static DESCRIPTION: #p::OnceLock<#p::ServiceDescription> = #p::OnceLock::new();
            #p::OnceLock::get_or_init(&DESCRIPTION, || {
                let #mutability #interface = #p::Interface::builder(#wire_name, #docs);
                #(#methods)*
                #p::ServiceDescription::new(#interface.build(), &[#(#attributes),*])
            })
        }
    }
}

fn interface_of(scope: &Scope<'_>, method: &Method) -> TokenStream {
    let p = &scope.p;
    let conditions = attributes::conditions(&method.attributes);
    let [interface, description] = ["interface", "method"].map(names::local);
    let wire_name = &method.wire_name.text;
    let docs = attributes::documentation(&method.attributes);
    let docs = (!docs.is_empty()).then(|| quote!(.docs(#docs)));
    let arguments = method.arguments.iter().filter_map(|argument| {
        let name = names::unraw(&argument.name);
        if let Some(items) = argument.streamed() {
            let item = item_type(p, items);
            return Some(quote!(.streaming::<#item>(#name)));
        }
        let ty = sent_type(argument)?;
        let default = argument.default.as_ref().map(|_| quote!(.with_default()));
        Some(quote!(.argument::<#ty>(#name) #default))
    });
    let value = match &method.output.items {
        Some(items) => {
            let item = item_type(p, items);
            quote!(.stream::<#item>())
        }
        None => {
            let value = &method.output.value;
            quote!(.output::<#value>())
        }
    };
    let error = method.output.error.as_ref().map(|error| quote!(.error::<#error>()));
    let oneway = (method.kind == Kind::Oneway).then(|| quote!(.oneway()));
    let idempotent = method.idempotent.then(|| quote!(.idempotent()));
    quote! {
        #(#conditions)*
        #interface.add(#wire_name, |#description| {
            #description #docs #(#arguments)* #value #error #idempotent #oneway
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
        Passing::Context | Passing::Streamed(_) => return None,
    })
}

/// What one item is on the wire.
fn item_type(p: &Ident, items: &Items) -> TokenStream {
    let value = &items.value;
    match &items.error {
        Some(error) => quote!(#p::Result<#value, #error>),
        None => quote!(#value),
    }
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
    let priority = method.priority.map(|priority| {
        let priority = match priority {
            Priority::Low => quote!(Low),
            Priority::Normal => quote!(Normal),
            Priority::High => quote!(High),
        };
        quote!(.priority(#p::Priority::#priority))
    });
    quote!(#(#conditions)* #p::Attributes::NONE #timeout #spawn #priority)
}
