//! The macros of traitwire: `#[ipc_service]`, `#[ipc_type]` and `#[derive(Schema)]`. Each goes the same way:
//! parse, check, expand. Never runs user code, and never names a path that the façade's `__private` lacks.

mod args;
mod attributes;
mod check;
mod errors;
mod expand;
mod ipc_type;
mod model;
mod names;
mod parse;
mod recognise;
mod schema_derive;
mod serde_keys;

use proc_macro::TokenStream;

/// Makes a service of a trait. See the façade's documentation.
#[proc_macro_attribute]
pub fn ipc_service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(arguments.into(), item.into()).into()
}

/// Makes a struct or an enum ready for the wire. See the façade's documentation.
#[proc_macro_attribute]
pub fn ipc_type(arguments: TokenStream, item: TokenStream) -> TokenStream {
    ipc_type::expand(arguments.into(), item.into()).into()
}

/// Describes a type to the schema as its serde derives write it. See the façade's documentation.
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn schema(item: TokenStream) -> TokenStream {
    schema_derive::expand(item.into()).into()
}
