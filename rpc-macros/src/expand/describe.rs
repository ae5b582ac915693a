//! The function that describes the service to both its sides: its interface with the schema of every type,
//! and what running a call of each method needs to know.

use proc_macro2::TokenStream;

use super::Scope;

pub(super) fn expand(_scope: &Scope<'_>) -> TokenStream {
    TokenStream::new()
}
