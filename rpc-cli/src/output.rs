//! What is printed: JSON and text, harmless to terminals whatever a peer has put in them. Never decides what is
//! printed.

use std::io::{self, IsTerminal, Write};

use traitwire::dynamic::Value;
use traitwire::idl::is_hidden;

/// Prints a line on standard output at once. A line that nobody reads any more is an error of kind `BrokenPipe`.
pub(crate) fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Prints a line on standard error, if there is anybody.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A value as JSON: on one line, or over several.
pub(crate) fn text(value: &Value, pretty: bool) -> String {
    // `{:#}` is serde_json's own pretty form.
    let text = if pretty { format!("{value:#}") } else { value.to_string() };
    if !text.contains(is_unseen) {
        return text;
    }
    // They can only be within strings, where JSON has a way to write them.
    text.chars().fold(String::new(), |mut text, character| {
        match is_unseen(character) {
            true => character
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
            false => text.push(character),
        }
        text
    })
}

/// Characters that a terminal obeys, or shows as nothing or as something else. The line ends are those between the
/// lines of pretty JSON.
fn is_unseen(character: char) -> bool {
    is_hidden(character) && character != '\n'
}

/// A peer's text for people to read: line ends stay, what steers a terminal or hides from its reader does not.
pub(crate) fn clean(text: &str) -> String {
    let clean =
        |c: char| if is_hidden(c) && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(clean).collect()
}

/// A peer's name for something, within a line: the macro lets no name have a line end, a peer may.
pub(crate) fn clean_name(name: &str) -> String {
    clean(name).replace(['\n', '\t'], "\u{fffd}")
}

/// What goes before and after a word that tells of an error: colour on a terminal, unless `NO_COLOR` is set.
pub(crate) fn error_style() -> (&'static str, &'static str) {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match wanted && io::stderr().is_terminal() {
        true => ("\u{1b}[1;31m", "\u{1b}[0m"),
        false => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_steers_a_terminal_or_hides_is_not_printed_as_it_is() {
        for (hidden, escaped) in [
            ('\u{1b}', "\\u001b"),
            ('\u{7f}', "\\u007f"),
            ('\u{9b}', "\\u009b"),
            ('\u{ad}', "\\u00ad"),
            ('\u{200b}', "\\u200b"),
            ('\u{202e}', "\\u202e"),
            ('\u{2066}', "\\u2066"),
            ('\u{feff}', "\\ufeff"),
        ] {
            assert_eq!(clean(&format!("a{hidden}b\n\tc")), "a\u{fffd}b\n\tc", "{escaped}");
            let value = json!({ format!("k{hidden}"): format!("a{hidden}\nb") });
            assert_eq!(text(&value, false), format!("{{\"k{escaped}\":\"a{escaped}\\nb\"}}"));
            assert_eq!(text(&value, true), format!("{{\n  \"k{escaped}\": \"a{escaped}\\nb\"\n}}"));
        }
        assert_eq!([clean("größer 汉字 🦀"), text(&json!("é🦀"), false)], ["größer 汉字 🦀", "\"é🦀\""]);
    }
}
