//! Code from interfaces: each `tests/generate/<case>.idl` becomes what is committed in `tests/generate/rust`, and each
//! of `tests/generate/refused` is refused in the words beside it. `GENERATED=overwrite` writes both anew. That the Rust
//! compiles is tested where the macros are: `tests/generated.rs` of the whole.

#[path = "text/models.rs"]
mod models;

use std::path::{Path, PathBuf};
use std::{env, fs};

use proptest::prelude::*;
use proptest::test_runner::Config;
use traitwire_idl::{ContextArgument, Generator as _, Interface, Rust, parse};

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_model_becomes_rust_or_is_refused(interface in models::interface(), other in models::interface()) {
        for interfaces in [&[interface.clone()][..], &[interface, other][..]] {
            if let Ok(files) = Rust::new().generate(interfaces) {
                prop_assert!(syn::parse_file(&files[0].text).is_ok(), "{}", files[0].text);
                let items = Rust::new().context(ContextArgument::First).items(interfaces).unwrap();
                prop_assert!(syn::parse_file(&items).is_ok(), "{items}");
            }
        }
    }
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let cases: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "idl")).collect();
    assert!(!cases.is_empty());
    cases
}

fn interfaces(source: &Path) -> Vec<Interface> {
    parse(&fs::read_to_string(source).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", source.display()))
}

/// Compares with what is committed, or commits it.
fn compare(golden: &Path, text: &str, differing: &mut Vec<String>) {
    if env::var_os("GENERATED").is_some_and(|value| value == "overwrite") {
        fs::write(golden, text).unwrap();
    }
    if fs::read_to_string(golden).unwrap_or_default() != text {
        differing.push(format!("{}:\n{text}", golden.display()));
    }
}

fn check(differing: &[String]) {
    assert!(differing.is_empty(), "GENERATED=overwrite accepts these:\n{}", differing.join("\n"));
}

#[test]
fn rust_reads_as_committed() {
    let mut differing = Vec::new();
    for source in cases("tests/generate") {
        let files = Rust::new().generate(&interfaces(&source)).unwrap();
        let name = source.with_extension("rs");
        let golden = source.with_file_name("rust").join(name.file_name().unwrap());
        compare(&golden, &files[0].text, &mut differing);
    }
    check(&differing);
}

#[test]
fn what_rust_cannot_say_is_refused_with_place_and_advice() {
    let mut differing = Vec::new();
    for source in cases("tests/generate/refused") {
        let error = Rust::new().generate(&interfaces(&source)).unwrap_err();
        compare(&source.with_extension("txt"), &format!("{error}\n"), &mut differing);
    }
    check(&differing);
}
