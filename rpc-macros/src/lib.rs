//! The macros of traitwire: `#[ipc_service]`, `#[ipc_type]`, `#[derive(Schema)]` and `include_interface!`. Each of the
//! first goes the same way: parse, check, expand. Never runs user code, and never names a path that the façade's `__private` lacks.

mod args;
mod attributes;
mod check;
mod errors;
mod expand;
#[cfg(feature = "include")]
mod include;
mod ipc_type;
mod mode;
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
    mode::compiler(|| expand::service(arguments.into(), item.into()).into())
}

#[doc = include_str!("../docs/ipc_type.md")]
#[proc_macro_attribute]
pub fn ipc_type(arguments: TokenStream, item: TokenStream) -> TokenStream {
    mode::compiler(|| ipc_type::expand(arguments.into(), item.into()).into())
}

#[doc = include_str!("../docs/schema.md")]
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn schema(item: TokenStream) -> TokenStream {
    mode::compiler(|| schema_derive::expand(item.into()).into())
}

#[cfg(feature = "include")]
#[doc = include_str!("../docs/include_interface.md")]
#[proc_macro]
pub fn include_interface(arguments: TokenStream) -> TokenStream {
    include::expand(arguments)
}
