//! Golden data for peers in other languages: `values.json` and `frames.json` beside this file. They are made here, and
//! what is made has to be what they say; `GOLDEN=overwrite` writes them anew.

mod frames;
mod values;

use std::fs;
use std::path::Path;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares with a file beside this one, or writes it.
fn matches_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("GOLDEN").is_some_and(|wish| wish == "overwrite") {
        return fs::write(path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    for (number, (golden, made)) in golden.lines().zip(text.lines()).enumerate() {
        assert_eq!(
            made,
            golden,
            "{name}, line {}: if it is meant, GOLDEN=overwrite cargo test --test golden",
            number + 1
        );
    }
    assert_eq!(text.len(), golden.len(), "{name}: if it is meant, GOLDEN=overwrite cargo test --test golden");
}
