//! The client as a value: it travels in messages as a reference to what it stands for. Never says how that is done;
//! the client inside does.

use proc_macro2::TokenStream;
use quote::quote;

use super::Scope;
use crate::names;

pub(super) fn expand(scope: &Scope<'_>) -> TokenStream {
    let Scope { service, p, client, description, .. } = scope;
    let [serializer, deserializer, types] = ["serializer", "deserializer", "types"].map(names::local);
    let name = &service.wire_name.text;
    quote! {
        impl #p::serde::Serialize for #client {
            fn serialize<__S: #p::serde::Serializer>(
                &self,
                #serializer: __S,
            ) -> #p::Result<__S::Ok, __S::Error> {
                #p::serde::Serialize::serialize(&self.client, #serializer)
            }
        }

        impl<'de> #p::serde::Deserialize<'de> for #client {
            fn deserialize<__D: #p::serde::Deserializer<'de>>(
                #deserializer: __D,
            ) -> #p::Result<Self, __D::Error> {
                match #p::Client::deserialize(#description(), #deserializer) {
                    #p::Result::Ok(client) => #p::Result::Ok(Self { client }),
                    #p::Result::Err(error) => #p::Result::Err(error),
                }
            }
        }

        impl #p::Schema for #client {
            fn describe(#types: &mut #p::Types) -> #p::Type {
                let _ = #types;
                #p::Type::client(#name)
            }
        }
    }
}
