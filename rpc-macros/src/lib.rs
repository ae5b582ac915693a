//! The macros of traitwire: `#[ipc_service]`, `#[ipc_type]` and `#[derive(Schema)]`. Each goes the same way:
//! parse, check, expand. Never runs user code, and never names a path that the façade's `__private` lacks.

mod args;
mod attributes;
mod check;
mod errors;
mod expand;
mod model;
mod names;
mod parse;
mod recognise;

use proc_macro::TokenStream;

/// Makes a service of a trait. See the façade's documentation.
#[proc_macro_attribute]
pub fn ipc_service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(arguments.into(), item.into()).into()
}
