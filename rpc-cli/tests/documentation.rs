//! docs/command-line.md says what the commands print: its blocks of `console` are run, and their output compared.
//! `DOCS=overwrite` writes it anew.

#![cfg(unix)]

#[path = "support/service.rs"]
mod service;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use service::Running;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/command-line.md");

/// The tour's server, as long as a test runs.
struct Tour(Child);

impl Tour {
    fn serve(address: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_traitwire")).with_file_name("examples/tour");
        assert!(
            program.exists(),
            "{} is missing: `cargo build --examples`, or `cargo test`",
            program.display()
        );
        let mut child = Command::new(program)
            .args(["serve", address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.as_mut().expect("it has one"));
        out.read_line(&mut line).expect("it says where it listens");
        assert_eq!(line.trim(), address);
        Self(child)
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// What the page names, and what it is here.
struct Places(Vec<(&'static str, String)>);

impl Places {
    fn here(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (named, here)| text.replace(named, here))
    }

    fn named(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (named, here)| text.replace(here.as_str(), named))
    }

    fn run(&self, command: &str) -> String {
        let binary = Path::new(env!("CARGO_BIN_EXE_traitwire"));
        let mut path = vec![binary.parent().map(PathBuf::from).unwrap_or_default()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let output = Command::new("sh")
            // What goes to standard error is in its place.
            .args(["-c", &format!("exec 2>&1; {}", self.here(command))])
            .env("PATH", std::env::join_paths(path).expect("they were paths"))
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell");
        self.named(&String::from_utf8(output.stdout).expect("it prints text"))
    }
}

#[test]
fn the_page_says_what_the_commands_print() {
    let scratch = tempfile::Builder::new().prefix("tw").tempdir().expect("a place");
    let letters = scratch.path().join("letters");
    fs::create_dir(&letters).expect("it is made");
    fs::write(letters.join("first.txt"), "Dear reader,\nthere is no news.\n").expect("it is written");
    fs::write(letters.join("second.txt"), "Dear editor,\nthank you for the news.\n").expect("it is written");
    let shop = scratch.path().join("shop");
    fs::create_dir(&shop).expect("it is made");
    let old = "trait Shop {\n    async fn price(&self, item: u32) -> u32;\n}\n";
    let new = "trait Shop {\n    async fn price(&self, item: u32) -> String;\n    async fn open(&self);\n}\n";
    fs::write(shop.join("old.idl"), old).expect("it is written");
    fs::write(shop.join("new.idl"), new).expect("it is written");
    let search = format!("unix:{}/search.sock", scratch.path().display());
    let (_tour, numbers) = (Tour::serve(&search), Running::start());
    let places = Places(vec![
        ("unix:/run/search.sock", search),
        ("unix:/run/numbers.sock", numbers.address.clone()),
        ("/srv/letters", letters.display().to_string()),
        ("/srv/shop", shop.display().to_string()),
    ]);

    let page = fs::read_to_string(PAGE).expect("the page is there");
    let mut made = String::new();
    let mut in_console = false;
    let mut commands = 0;
    for line in page.lines() {
        match (in_console, line) {
            (false, _) => {
                in_console = line == "```console";
                made.extend([line, "\n"]);
            }
            (true, "```") => {
                in_console = false;
                made.push_str("```\n");
            }
            (true, _) => {
                let Some(command) = line.strip_prefix("$ ") else { continue };
                commands += 1;
                made.extend([line, "\n"]);
                let printed = places.run(command);
                made.extend([printed.trim_end(), "\n"]);
            }
        }
    }
    assert!(commands > 10, "{commands} commands");
    if std::env::var_os("DOCS").is_some_and(|wish| wish == "overwrite") {
        fs::write(PAGE, &made).expect("it is written");
        return;
    }
    for (number, (said, made)) in page.lines().zip(made.lines()).enumerate() {
        let advice = "if it is meant, DOCS=overwrite cargo test -p traitwire-cli --test documentation";
        assert_eq!(made, said, "docs/command-line.md, line {}: {advice}", number + 1);
    }
    assert_eq!(made.len(), page.len());
}
