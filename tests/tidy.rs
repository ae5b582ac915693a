//! What a program can hold of the house's rules: see CONTRIBUTING.md and ARCHITECTURE.md. Reads the sources as
//! text; never builds anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The packages: folder, and the packages of this workspace that they may name, themselves included.
const PACKAGES: &[(&str, &[&str])] = &[
    ("idl", &["idl"]),
    ("rpc-macros", &["idl", "macros"]),
    ("rpc-core", &["core", "idl"]),
    ("rpc-transport", &["core", "transport"]),
    (".", &["core", "idl", "macros", "transport"]),
    // Of the others it knows the façade alone.
    ("rpc-cli", &["cli"]),
];

/// What the workspace's packages are called after `traitwire-` or `traitwire_`.
const NAMES: &[&str] = &["cli", "core", "idl", "macros", "transport"];

const MOST_LINES: usize = 500;

/// Where unsafe code may be, and where it is allowed. ARCHITECTURE.md says why.
const UNSAFE: &[&str] = &[
    "rpc-transport/src/shm/region.rs",
    "rpc-transport/src/shm/wire.rs",
    // The test of the ring, and the list of the modules above.
    "rpc-transport/src/shm/races.rs",
    "rpc-transport/src/shm.rs",
    // Reading into buffers that are not initialised, and the list of the module.
    "rpc-transport/src/sys/direct.rs",
    "rpc-transport/src/sys.rs",
];

/// Files that another project's compiler writes.
const WRITTEN_BY_OTHERS: &[&str] = &["benches/frameworks/src/bench_capnp.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files below a folder, by their path from the root, without what is built or hidden.
fn files(folder: &str, found: &mut Vec<PathBuf>) {
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && name != "target" && name != ".git" {
                folders.push(path);
            } else if !is_folder {
                found.push(path.strip_prefix(root()).expect("it is below the root").to_owned());
            }
        }
    }
    found.sort();
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// The Rust files of a package's library.
fn sources(package: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&format!("{package}/src"), &mut found);
    found.retain(|path| is_rust(path));
    assert!(!found.is_empty(), "{package} has no sources");
    found
}

fn all_sources() -> Vec<PathBuf> {
    PACKAGES.iter().flat_map(|(package, _)| sources(package)).collect()
}

/// The code of a file as far as tests do not begin, without comments.
fn code(path: &Path) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// Reports all breaches of a rule at once.
fn refuse(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

#[test]
fn layers_know_only_what_is_below_them() {
    let mut breaches = Vec::new();
    for (package, allowed) in PACKAGES {
        let forbidden = || NAMES.iter().filter(|name| !allowed.contains(name));
        let manifest = read(Path::new(package).join("Cargo.toml"));
        for (section, line) in dependencies(&manifest) {
            let named = forbidden().find(|name| line.starts_with(&format!("traitwire-{name}")));
            if section == "dependencies"
                && let Some(name) = named
            {
                breaches.push(format!("{package}/Cargo.toml depends on traitwire-{name}"));
            }
        }
        for path in sources(package) {
            let code = code(&path);
            let named = forbidden().filter(|name| code.contains(&format!("traitwire_{name}")));
            breaches.extend(named.map(|name| format!("{} names traitwire_{name}", path.display())));
        }
    }
    refuse("layers", &breaches);
}

#[test]
fn the_protocol_is_pure() {
    let impure = [
        "tokio",
        "std::net",
        "std::fs",
        "std::thread",
        "Mutex",
        "RwLock",
        "Instant::now",
        "SystemTime",
        "crate::connection",
        "crate::driver",
        "crate::handlers",
        "crate::client",
        "crate::server",
        "crate::channel",
    ];
    let mut breaches = Vec::new();
    for path in sources("rpc-core").iter().filter(|path| path.starts_with("rpc-core/src/proto")) {
        let code = code(path);
        let named = impure.iter().filter(|word| code.contains(**word));
        breaches.extend(named.map(|word| format!("{} names {word}", path.display())));
    }
    refuse("rpc-core/src/proto knows bytes and times alone", &breaches);
}

#[test]
fn every_module_says_what_it_holds() {
    let silent = all_sources().into_iter().filter(|path| !read(path).starts_with("//! "));
    let silent: Vec<_> = silent.map(|path| path.display().to_string()).collect();
    refuse("a module file begins with `//! `", &silent);
}

#[test]
fn no_source_file_is_long() {
    let long = all_sources().into_iter().filter_map(|path| {
        let lines = read(&path).lines().count();
        (lines > MOST_LINES).then(|| format!("{} has {lines} lines", path.display()))
    });
    refuse(&format!("a source file has at most {MOST_LINES} lines"), &long.collect::<Vec<_>>());
}

#[test]
fn unsafe_code_is_forbidden() {
    for library in ["idl/src/lib.rs", "rpc-core/src/lib.rs", "rpc-cli/src/main.rs", "src/lib.rs"] {
        assert!(read(library).contains("\n#![forbid(unsafe_code)]\n"), "{library}");
    }
    assert!(read("rpc-transport/src/lib.rs").contains("\n#![deny(unsafe_code)]\n"));
    let forms =
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "allow(unsafe_code", "expect(unsafe_code"];
    let sources = all_sources().into_iter().filter(|path| {
        let code = code(path);
        forms.iter().any(|form| code.contains(form)) && !UNSAFE.iter().any(|allowed| path.ends_with(allowed))
    });
    let sources: Vec<_> = sources.map(|path| path.display().to_string()).collect();
    refuse(&format!("unsafe code is for {UNSAFE:?}"), &sources);
}

#[test]
fn the_readme_shows_the_example_that_is_run() {
    if !root().join("README.md").exists() {
        return;
    }
    let readme = read("README.md");
    let (_, rest) = readme.split_once("```rust\n").expect("README.md has a block of Rust");
    let (block, _) = rest.split_once("\n```").expect("the block ends");
    assert_eq!(block.trim_end(), read("examples/hello.rs").trim_end(), "examples/hello.rs and README.md");
}

#[test]
fn every_rule_that_is_cited_stands_in_the_protocol() {
    let rules: BTreeSet<_> = citations(&read("PROTOCOL.md")).collect();
    let stated: BTreeSet<_> = read("PROTOCOL.md")
        .lines()
        .filter_map(|line| line.strip_prefix("**"))
        .filter_map(|line| citations(line.split_once('.')?.0).next())
        .collect();
    let mut breaches: Vec<_> =
        rules.difference(&stated).map(|rule| format!("PROTOCOL.md: P-{rule}")).collect();
    for path in repository().iter().filter(|path| is_rust(path)) {
        let cited: BTreeSet<_> = citations(&read(path)).collect();
        breaches.extend(cited.difference(&stated).map(|rule| format!("{}: P-{rule}", path.display())));
    }
    refuse("rules that PROTOCOL.md does not state", &breaches);
}

#[test]
fn the_codes_are_those_of_the_protocol() {
    let text = read("PROTOCOL.md");
    let (_, protocol) = text.split_once("\n**P-23.").expect("PROTOCOL.md has P-23");
    let stated: Vec<_> = protocol
        .lines()
        .take_while(|line| !line.starts_with("**"))
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | `"))
        .filter_map(|(number, rest)| Some((number.parse().ok()?, rest.split_once('`')?.0.to_owned())))
        .collect();
    let error = read("rpc-core/src/error.rs");
    let made: Vec<(u32, String)> = error
        .lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .filter_map(|(name, rest)| Some((rest.split_once(", \"")?.0.parse().ok()?, name.to_owned())))
        .collect();
    assert!(made.len() > 10, "{made:?}");
    assert_eq!(stated, made, "P-23 and `codes!` in rpc-core/src/error.rs");
}

/// The numbers after `P-`.
fn citations(text: &str) -> impl Iterator<Item = u32> {
    text.match_indices("P-").filter_map(|(at, found)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let rest = &text[at + found.len()..];
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

#[test]
fn nothing_is_left_to_do() {
    // Put together, so that this file does not contain them.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["todo", "!("], ["unimplemented", "!("]];
    let mut breaches = Vec::new();
    for path in repository().iter().filter(|path| is_rust(path)) {
        // What another project's compiler wrote is not this one's to finish.
        if WRITTEN_BY_OTHERS.iter().any(|written| path.ends_with(written)) {
            continue;
        }
        let text = read(path);
        let found = marks.iter().map(|mark| mark.concat()).filter(|mark| text.contains(mark));
        breaches.extend(found.map(|mark| format!("{}: {mark}", path.display())));
    }
    refuse("marks of unfinished work", &breaches);
}

#[test]
fn no_file_names_a_machine() {
    let places = [["/wo", "rk/"], ["/ro", "ot/"], ["/tmp", "/wt"], ["/ho", "me/"], ["/Use", "rs/"]];
    let mut breaches = Vec::new();
    for path in repository() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for place in places.iter().map(|place| place.concat()) {
            // As the beginning of a path, not in the middle of one.
            let begins = text.match_indices(&place).any(|(at, _)| {
                !text[..at].ends_with(|before: char| before.is_alphanumeric() || "._-$}".contains(before))
            });
            if begins {
                breaches.push(format!("{}: {place}", path.display()));
            }
        }
    }
    refuse("paths of one machine", &breaches);
}

/// The files that belong to the repository.
fn repository() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for package in [
        "docs",
        "idl",
        "rpc-cli",
        "rpc-core",
        "rpc-macros",
        "rpc-transport",
        "src",
        "tests",
        "examples",
        "docs",
        "benches",
        "fuzz/fuzz_targets",
        "fuzz/src",
        ".ci",
    ] {
        files(package, &mut found);
    }
    let documents = fs::read_dir(root()).expect("the root can be listed").flatten();
    // In a second work tree `.git` is a file, and names the first.
    let documents = documents
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()) && entry.file_name() != ".git");
    found.extend(documents.map(|entry| PathBuf::from(entry.file_name())));
    found
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let mut breaches = Vec::new();
    let mut manifests: Vec<_> = PACKAGES.iter().map(|(package, _)| format!("{package}/Cargo.toml")).collect();
    manifests.push("benches/frameworks/Cargo.toml".to_owned());
    manifests.sort();
    for manifest in manifests {
        let text = read(&manifest);
        for (section, line) in dependencies(&text) {
            let inherited = line.contains(".workspace = true") || line.contains("workspace = true");
            let own = line.starts_with("traitwire");
            if !inherited && !own && !is_explained(&text, &line) {
                breaches.push(format!("{manifest} [{section}]: {line}"));
            }
        }
    }
    refuse("dependencies without a comment", &breaches);
}

/// The lines of all tables of dependencies, each with the last word of its table's name.
fn dependencies(manifest: &str) -> Vec<(String, String)> {
    let mut section = None;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            let kind = table.rsplit('.').next().unwrap_or_default();
            section = kind.ends_with("dependencies").then(|| kind.to_owned());
        } else if let Some(section) = &section
            && !line.is_empty()
            && !line.starts_with('#')
        {
            found.push((section.clone(), line.to_owned()));
        }
    }
    found
}

/// Is there a comment above the line, or above the lines that it follows without a gap?
fn is_explained(manifest: &str, line: &str) -> bool {
    let before: Vec<_> = manifest.lines().take_while(|candidate| *candidate != line).collect();
    before
        .iter()
        .rev()
        .take_while(|line| !line.is_empty() && !line.starts_with('['))
        .any(|line| line.starts_with('#'))
}
