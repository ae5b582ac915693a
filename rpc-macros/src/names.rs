//! Names: what generated items are called, which names a method cannot have, and what somebody who mistyped
//! one may have meant.

use proc_macro2::{Ident, Span};
use quote::format_ident;

/// Inherent names of every client. A method of the same name would collide with them or, for `clone`,
/// silently take the place of `Clone`'s.
const RESERVED: &[&str] = &["new", "connect", "local", "channel", "clone"];
/// Names of clients' policy, now and in later versions.
const RESERVED_PREFIX: &str = "with_";

/// Is this name taken by the client's own methods?
pub(crate) fn is_reserved(method: &str) -> bool {
    RESERVED.contains(&method) || method.starts_with(RESERVED_PREFIX)
}

/// An identifier as text, without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

/// `CalculatorClient`, where the trait's name stands.
pub(crate) fn client(service: &Ident) -> Ident {
    format_ident!("{}Client", unraw(service), span = service.span())
}

/// `CalculatorBlockingClient`, where the trait's name stands.
pub(crate) fn blocking_client(service: &Ident) -> Ident {
    format_ident!("{}BlockingClient", unraw(service), span = service.span())
}

/// `CalculatorServer`, where the trait's name stands.
pub(crate) fn server(service: &Ident) -> Ident {
    format_ident!("{}Server", unraw(service), span = service.span())
}

/// A name of ours that no name of the user's can meet: a local variable, resolved where the macro is
/// defined.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// `"; did you mean …"` if one of `known` is near, and the list of all of them.
pub(crate) fn advice(unknown: &str, known: &[&str]) -> String {
    if let [only] = known {
        return format!("the only one is `{only}`");
    }
    let near = known.iter().map(|name| (distance(unknown, name), *name)).min();
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match near {
        Some((edits, name)) if edits <= 2.max(name.len() / 3) && edits < name.len() => {
            format!("did you mean `{name}`? Valid are {list}")
        }
        _ => format!("valid are {list}"),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_offered() {
        let known = ["idempotent", "spawn", "timeout", "name"];
        assert!(advice("timout", &known).starts_with("did you mean `timeout`?"));
        assert!(advice("idempotant", &known).starts_with("did you mean `idempotent`?"));
        assert!(advice("quickly", &known).starts_with("valid are `idempotent`, `spawn`"));
    }

    #[test]
    fn the_clients_own_names_are_reserved() {
        for name in ["new", "connect", "local", "channel", "clone", "with_", "with_tea"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["news", "within", "connection", "close"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
