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

#[doc = include_str!("../docs/ipc_service.md")]
#[proc_macro_attribute]
pub fn ipc_service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/ipc_type.md")]
#[proc_macro_attribute]
pub fn ipc_type(arguments: TokenStream, item: TokenStream) -> TokenStream {
    ipc_type::expand(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/schema.md")]
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn schema(item: TokenStream) -> TokenStream {
    schema_derive::expand(item.into()).into()
}
