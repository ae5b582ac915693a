//! The commands that need no service: what changed between two versions, and code from interfaces.

use std::path::Path;
use std::process::{Command, Output};

const OLD: &str =
    "trait Shop {\n    async fn price(&self, item: u32) -> u32;\n    async fn close(&self);\n}\n";
const NEW: &str = "trait Shop {\n    async fn price(&self, item: u32) -> String;\n    async fn close(&self);\n    async fn open(&self);\n}\n";
const SPLIT: &str = "trait Shop {\n    async fn price(&self, item: u32) -> u64;\n    async fn close(&self);\n    async fn open(&self);\n}\n";
const WIDER: &str =
    "trait Shop {\n    async fn price(&self, item: u32) -> u64;\n    async fn close(&self);\n}\n";

fn traitwire(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_traitwire"));
    command.args(arguments).current_dir(folder).output().expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("old.idl", OLD), ("new.idl", NEW), ("wider.idl", WIDER), ("split.idl", SPLIT)] {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

#[test]
fn changes_are_classed_and_breaking_ones_fail() {
    let folder = folder();
    for (arguments, code, says) in [
        (&["check", "old.idl", "old.idl"][..], 0, "all together: safe\n"),
        (&["check", "old.idl", "new.idl"], 1, "all together: breaking\n"),
        (&["check", "old.idl", "wider.idl"], 0, "all together: safe if clients are upgraded first\n"),
        (
            &["check", "--strict", "old.idl", "wider.idl"],
            1,
            "all together: safe if clients are upgraded first\n",
        ),
        (
            &["check", "old.idl", "split.idl"],
            1,
            "all together: breaking: some changes need servers first and others clients; release these one after those\n",
        ),
        (&["check", "--json", "old.idl", "new.idl"], 1, "\"safety\": \"breaking\""),
    ] {
        let output = traitwire(folder.path(), arguments);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}{}", text(&output.stderr));
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    for (source, words) in [("gone.idl", "there is no such file"), (".", "it is a directory")] {
        let output = traitwire(folder.path(), &["check", "old.idl", source]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn the_verdict_and_the_file_are_the_same_where_nobody_reads_the_output() {
    let folder = folder();
    for (arguments, code) in [
        (&["check", "old.idl", "old.idl"][..], 0),
        (&["check", "old.idl", "new.idl"], 1),
        (&["check", "old.idl", "--lock", "unread.lock", "--update"], 0),
        (&["check", "new.idl", "--lock", "unread.lock", "--update"], 0),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_traitwire"));
        let status = command.args(arguments).current_dir(folder.path()).stdout(writer).status();
        assert_eq!(status.expect("it runs").code(), Some(code), "{arguments:?}");
    }
    let output = traitwire(folder.path(), &["check", "new.idl", "--lock", "unread.lock"]);
    assert_eq!(output.status.code(), Some(0), "it was written twice");
}

#[test]
fn a_lock_says_what_there_is_or_fails() {
    let folder = folder();
    let check = |source: &str, more: &[&str]| {
        let arguments = [&["check", source, "--lock", "shop.lock"], more].concat();
        let output = traitwire(folder.path(), &arguments);
        (output.status.code(), text(&output.stderr).to_owned())
    };
    let (missing, said) = check("old.idl", &[]);
    assert_eq!(missing, Some(2), "a lock that was not committed guards nothing");
    assert!(said.contains("shop.lock: there is no such file") && said.contains("--update"), "{said}");
    assert_eq!(check("old.idl", &["--update"]).0, Some(0), "it is written");
    assert_eq!(check("old.idl", &[]).0, Some(0));
    assert_eq!(check("new.idl", &[]).0, Some(1));
    assert_eq!(check("new.idl", &["--update"]).0, Some(0));
    assert_eq!(check("new.idl", &[]).0, Some(0));
    let (strict, said) = check("new.idl", &["--strict"]);
    assert_eq!(strict, Some(2), "it would mean nothing");
    assert!(said.contains("'--lock <FILE>' cannot be used with '--strict'"), "{said}");
    let output = traitwire(folder.path(), &["check", "old.idl", "new.idl", "--update"]);
    assert_eq!(output.status.code(), Some(2), "there is nothing to write");
    let said = text(&output.stderr);
    assert!(said.contains("cannot be used with") && said.contains("--update"), "{said}");
    // What is safe too: else nothing would hold to what is added.
    let added = NEW.replacen("async fn", "async fn added(&self); async fn", 1);
    std::fs::write(folder.path().join("added.idl"), added).expect("written");
    let (outdated, said) = check("added.idl", &[]);
    assert_eq!(outdated, Some(1));
    assert!(said.contains("are not those of shop.lock any more") && said.contains("--update"), "{said}");
    assert_eq!(check("added.idl", &["--update"]).0, Some(0));
    assert_eq!(check("added.idl", &[]).0, Some(0));
}

#[test]
fn a_revision_of_git_is_a_version() {
    let folder = folder();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@localhost"]).args(arguments);
        command.current_dir(folder.path()).output().is_ok_and(|output| output.status.success())
    };
    std::fs::create_dir(folder.path().join("inner")).expect("made");
    std::fs::write(folder.path().join("inner/shop.idl"), OLD).expect("written");
    if !(git(&["init", "-q"]) && git(&["add", "."]) && git(&["commit", "-qm", "first"])) {
        return eprintln!("skipped: git is not there");
    }
    std::fs::write(folder.path().join("old.idl"), NEW).expect("written");
    let inner = folder.path().join("inner");
    for (from, revision, now) in [
        (folder.path(), "git:HEAD:old.idl", "old.idl"),
        (folder.path(), "git:HEAD:inner/shop.idl", "old.idl"),
        (&inner, "git:HEAD:shop.idl", "../old.idl"),
        (&inner, "git:HEAD:./shop.idl", "../old.idl"),
        (&inner, "git:HEAD:../old.idl", "../old.idl"),
        (&inner, "git::shop.idl", "../old.idl"),
    ] {
        let output = traitwire(from, &["check", revision, now]);
        assert_eq!(output.status.code(), Some(1), "{revision}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("Shop.open: method added"), "{revision}");
    }
    for (revision, words) in [("git:HEAD", "names no file"), ("git:HEAD:none.idl", "none.idl")] {
        let output = traitwire(folder.path(), &["check", revision, "old.idl"]);
        assert_eq!(output.status.code(), Some(2), "{revision}");
        assert!(text(&output.stderr).contains(words), "{revision}: {}", text(&output.stderr));
    }
}

#[test]
fn without_git_it_is_git_that_is_missed() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_traitwire"));
    let output =
        command.args(["check", "git:HEAD:a.idl", "b.idl"]).env("PATH", "").output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: git cannot be run: "), "{}", text(&output.stderr));
}

#[test]
#[cfg(unix)]
fn a_pipe_is_a_file() {
    let folder = folder();
    let command = format!("cat old.idl | {} check /dev/stdin old.idl", env!("CARGO_BIN_EXE_traitwire"));
    let output =
        Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().expect("it runs");
    assert_eq!(text(&output.stdout), "all together: safe\n", "{}", text(&output.stderr));
}

#[test]
fn rust_is_generated_and_nothing_is_replaced_unasked() {
    let folder = folder();
    let printed = traitwire(folder.path(), &["generate", "old.idl"]);
    assert!(text(&printed.stdout).contains("pub trait Shop"), "{}", text(&printed.stdout));
    let into = ["generate", "old.idl", "--out", "made"];
    assert_eq!(traitwire(folder.path(), &into).status.code(), Some(0));
    let again = traitwire(folder.path(), &into);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("--force replaces it"), "{}", text(&again.stderr));
    assert_eq!(traitwire(folder.path(), &[&into[..], &["--force"]].concat()).status.code(), Some(0));
}
