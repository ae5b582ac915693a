//! What to say about a name that is no type. Never decides that it is none.

use std::collections::BTreeSet;

use crate::print::labels::BUILT_IN;

/// Types of other crates, and what travels in their place.
const FOREIGN: &[(&str, &str)] = &[
    ("Uuid", "Vec<u8>"),
    ("Url", "String"),
    ("DateTime", "String"),
    ("NaiveDate", "String"),
    ("NaiveTime", "String"),
    ("NaiveDateTime", "String"),
    ("Bytes", "Vec<u8>"),
    ("ByteBuf", "Vec<u8>"),
    ("Ipv4Addr", "[u8; 4]"),
    ("Ipv6Addr", "[u8; 16]"),
];

/// Numbers that are told: a text may have types of one name with any.
const MOST_ARITIES: usize = 4;

/// A message and a line of help. `arities` are the numbers of arguments that types of this name have.
pub(super) fn explain(name: &str, arguments: usize, arities: &BTreeSet<usize>) -> (String, String) {
    let shown = format!("`{name}`");
    if let Some(travels) = FOREIGN.iter().find(|(foreign, _)| *foreign == name).map(|(_, travels)| travels) {
        return (
            format!("{shown} is a type of a library"),
            format!("write what travels in its place: `{travels}`"),
        );
    }
    match name {
        "Streaming" | "Stream" => (
            "a stream is what a method returns, or the whole of an argument".to_owned(),
            "write `-> impl Stream<Item = T>`, or `name: Streaming<T>`".to_owned(),
        ),
        "Context" => (
            "`Context` never travels, so a contract has none".to_owned(),
            "leave the argument out; `include_interface!(\"…\", context)` gives one to each method"
                .to_owned(),
        ),
        "Self" | "self" => {
            ("`Self` is another type on each side".to_owned(), "name the type that is sent".to_owned())
        }
        "Result" => {
            ("both types of this `Result` have to be seen".to_owned(), "write `Result<T, E>`".to_owned())
        }
        _ if BUILT_IN.contains(&name) => {
            let takes = match name {
                "HashMap" | "BTreeMap" => "a key and a value: `HashMap<K, V>`".to_owned(),
                "Option" | "Vec" | "VecDeque" | "HashSet" | "BTreeSet" | "Box" | "Rc" | "Arc" | "Cow" => {
                    format!("one type: `{name}<T>`")
                }
                _ => "no arguments".to_owned(),
            };
            (format!("{shown} has other arguments"), format!("it takes {takes}"))
        }
        _ if !arities.is_empty() => {
            let mut takes: Vec<_> = arities.iter().take(MOST_ARITIES).map(usize::to_string).collect();
            if arities.len() > MOST_ARITIES {
                takes.push("more".to_owned());
            }
            let message = format!("there is no {shown} with {arguments} such arguments");
            (message, format!("it is defined with {} of them", takes.join(" or ")))
        }
        _ if name.ends_with("Client") && name != "Client" => (
            format!(
                "{shown} is not defined here, and neither is a trait `{}`",
                name.trim_end_matches("Client")
            ),
            format!(
                "for a client of a service that is described elsewhere write `Client<{}>`",
                name.trim_end_matches("Client")
            ),
        ),
        _ => (
            format!("{shown} is not defined here"),
            "define it below the trait, as a struct or an enum; this text knows no other crate's types"
                .to_owned(),
        ),
    }
}
