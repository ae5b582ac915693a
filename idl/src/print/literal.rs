//! Text as Rust writes it: string literals and doc comments that nothing in them can break out of, or steer a terminal
//! with. Never knows what the text is about.

/// Appends the text as a string literal.
pub(crate) fn push_literal(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            hidden if is_hidden(hidden) => out.push_str(&format!("\\u{{{:x}}}", u32::from(hidden))),
            plain => out.push(plain),
        }
    }
    out.push('"');
}

/// The text as a string literal.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_literal(&mut out, text);
    out
}

/// Does a reader not see the character, or something else in its place? Control characters, and those that turn the
/// direction of text or that most editors do not show. Text of a peer is not to be shown to people with these in it.
pub fn is_hidden(character: char) -> bool {
    let invisible = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    character.is_control() || invisible
}

/// The lines of a doc comment that says exactly this, if `///` can. What `///` says of a text is its lines, each
/// without blanks at its end, without empty ones before and after.
pub(crate) fn doc_lines(docs: &str) -> Option<impl Iterator<Item = &str>> {
    let is_plain = |line: &str| line.trim_end() == line && !line.contains(is_hidden);
    let lines = docs.split('\n');
    (!docs.starts_with('\n') && !docs.ends_with('\n') && lines.clone().all(is_plain)).then_some(lines)
}
