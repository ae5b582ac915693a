//! Names as Rust identifiers: which names are ones, how those are spelled that are keywords, and what stands for
//! those that are none. Never knows what is named.

use std::collections::{HashMap, HashSet};

/// Longer names get a shorter identifier, so that each mention of a name that a peer made stays short.
const MAX_CHARACTERS: usize = 64;

/// Words that are identifiers only behind `r#`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Words that are not even identifiers behind `r#`.
const NEVER: &[&str] = &["_", "crate", "self", "Self", "super"];

/// An identifier that stands for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identifier {
    /// As it is written, with `r#` where that is needed.
    pub(crate) spelled: String,
    /// Whether it is the name itself.
    pub(crate) is_name: bool,
}

/// Gives identifiers to names, each another one.
#[derive(Debug, Default)]
pub(crate) struct Identifiers {
    taken: HashSet<String>,
    /// The number to try next behind an identifier that was wanted before.
    next: HashMap<String, u64>,
}

impl Identifiers {
    /// Keeps some words for other uses.
    #[cfg(any(feature = "text", test))]
    pub(crate) fn without<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let taken = words.into_iter().map(str::to_owned).collect();
        Self { taken, next: HashMap::new() }
    }

    /// Would this identifier, without `r#`, be given as it is?
    #[cfg(feature = "text")]
    pub(crate) fn is_free(&self, identifier: &str) -> bool {
        !self.taken.contains(identifier)
    }

    /// The identifier for `name`: itself if it can be and is free, else one that is like it.
    pub(crate) fn add(&mut self, name: &str) -> Identifier {
        self.add_as(name, &identifier_like(name))
    }

    /// The identifier for `name` that is `wanted`, without `r#`, or like it.
    pub(crate) fn add_as(&mut self, name: &str, wanted: &str) -> Identifier {
        let free = self.free(wanted);
        Identifier { is_name: free == name, spelled: spell(&free) }
    }

    fn free(&mut self, wanted: &str) -> String {
        if self.taken.insert(wanted.to_owned()) {
            return wanted.to_owned();
        }
        let next = self.next.entry(wanted.to_owned()).or_insert(2);
        loop {
            let numbered = format!("{wanted}{next}");
            *next += 1;
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

/// An identifier without `r#`.
#[cfg(feature = "text")]
pub(crate) fn unraw(identifier: &str) -> &str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Is it an identifier, if need be behind `r#`?
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|first| first == '_' || unicode_ident::is_xid_start(first));
    begins && characters.all(unicode_ident::is_xid_continue) && !NEVER.contains(&name)
}

/// An identifier with `r#` where it needs that.
pub(crate) fn spell(identifier: &str) -> String {
    match KEYWORDS.contains(&identifier) {
        true => format!("r#{identifier}"),
        false => identifier.to_owned(),
    }
}

/// The name itself if it is an identifier of bearable length, else one that resembles it.
pub(crate) fn identifier_like(name: &str) -> String {
    if is_identifier(name) && name.chars().nth(MAX_CHARACTERS).is_none() {
        return name.to_owned();
    }
    let mut like = String::new();
    for character in name.chars().take(MAX_CHARACTERS) {
        if unicode_ident::is_xid_continue(character) {
            like.push(character);
        } else if !like.ends_with('_') {
            like.push('_');
        }
    }
    if !like.chars().next().is_some_and(|first| first == '_' || unicode_ident::is_xid_start(first)) {
        like.insert(0, '_');
    }
    match is_identifier(&like) {
        true => like,
        false => like + "_",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers_that_are_like_them() {
        let table = [
            ("order", "order", true),
            ("type", "r#type", true),
            ("Größe", "Größe", true),
            ("_x", "_x", true),
            ("self", "self_", false),
            ("", "__", false),
            ("_", "__", false),
            ("two words", "two_words", false),
            ("2nd", "_2nd", false),
            ("a-b", "a_b", false),
            ("\u{1b}[31m", "_31m", false),
        ];
        for (name, spelled, is_name) in table {
            let identifier = Identifiers::default().add(name);
            assert_eq!(identifier, Identifier { spelled: spelled.to_owned(), is_name }, "{name}");
        }
        let long = "x".repeat(10_000);
        assert_eq!(Identifiers::default().add(&long).spelled.len(), MAX_CHARACTERS);
    }

    #[test]
    fn no_two_names_share_an_identifier() {
        let mut identifiers = Identifiers::without(["String"]);
        let all = ["a", "a", "a2", "a b", "a_b", "String", "String", "fn", "fn"];
        let all: Vec<String> = all.iter().map(|name| identifiers.add(name).spelled).collect();
        assert_eq!(all, ["a", "a2", "a22", "a_b", "a_b2", "String2", "String3", "r#fn", "fn2"]);
    }
}
