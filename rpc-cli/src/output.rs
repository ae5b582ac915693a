//! What is printed: JSON and text, harmless to terminals whatever a peer has put in them. Never decides what is
//! printed.

use std::io::{self, IsTerminal, Write};

use traitwire::dynamic::Value;

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
    if !text.contains(is_steering) {
        return text;
    }
    // They can only be within strings, where JSON has a way to write them.
    text.chars().fold(String::new(), |mut text, character| {
        match is_steering(character) {
            true => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => text.push(character),
        }
        text
    })
}

/// Characters that JSON leaves as they are, and that some terminals obey.
fn is_steering(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}')
}

/// A peer's text for people to read: line ends stay, what steers a terminal does not.
pub(crate) fn clean(text: &str) -> String {
    let clean =
        |c: char| if c.is_control() && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(clean).collect()
}

/// What goes before and after a word that tells of an error: colour on a terminal, unless `NO_COLOR` is set.
pub(crate) fn error_style() -> (&'static str, &'static str) {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match wanted && io::stderr().is_terminal() {
        true => ("\u{1b}[1;31m", "\u{1b}[0m"),
        false => ("", ""),
    }
}
