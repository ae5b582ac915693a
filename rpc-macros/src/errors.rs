//! The collector of refusals: every mistake is reported, each at the user's own token and with a line of
//! help. Never decides what is a mistake.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Mistakes found so far. [`finish`](Self::finish) must be called: a forgotten collector panics in debug
/// builds, since it would let a refused item through.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: RefCell<Vec<syn::Error>>,
    finished: Cell<bool>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Refuses what stands at `at`; `help` says what to write instead.
    pub(crate) fn refuse(&self, at: impl ToTokens, message: impl Display, help: impl Display) {
        self.add(syn::Error::new_spanned(at, with_help(message, help)));
    }

    /// Refuses something that is known by its place alone.
    pub(crate) fn refuse_span(&self, at: proc_macro2::Span, message: impl Display, help: impl Display) {
        self.add(syn::Error::new(at, with_help(message, help)));
    }

    /// Takes over an error of a parser.
    pub(crate) fn add(&self, error: syn::Error) {
        self.found.borrow_mut().push(error);
    }

    /// All of them as `compile_error!`s, if there is one.
    pub(crate) fn finish(self) -> Result<(), TokenStream> {
        self.finished.set(true);
        let found = self.found.take();
        if found.is_empty() {
            return Ok(());
        }
        Err(found.iter().map(syn::Error::to_compile_error).collect())
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        let forgotten = !self.finished.get() && !std::thread::panicking();
        debug_assert!(!forgotten, "errors were collected and never looked at");
    }
}

/// The compiler shows the second line below the first, like a help line of its own.
fn with_help(message: impl Display, help: impl Display) -> String {
    format!("{message}\n  = help: {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_kept() {
        let errors = Errors::new();
        errors.refuse(quote::quote!(a), "first", "do x");
        errors.refuse(quote::quote!(b), "second", "do y");
        let text = errors.finish().unwrap_err().to_string();
        assert!(text.contains("first") && text.contains("second") && text.contains("= help: do y"), "{text}");
    }

    #[test]
    #[should_panic(expected = "never looked at")]
    #[cfg(debug_assertions)]
    fn a_forgotten_collector_panics() {
        drop(Errors::new());
    }
}
