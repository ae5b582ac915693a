//! Lock files: written when asked, compared otherwise, and what is said of a change.

use std::path::PathBuf;
use std::process::Command;

use traitwire_idl::compat::Safety;
use traitwire_idl::lock::{self, Allowed, LockError};
use traitwire_idl::{Interface, parse};

const RELEASED: &str = "
    /// Sells.
    trait Shop { async fn price(&self, item: Item) -> u32; }
    trait Bank { async fn pay(&self, item: Item); }
    struct Item { name: String }
";
const ADDED: &str = "
    trait Shop { async fn price(&self, item: Item) -> u32; async fn open(&self); }
    trait Bank { async fn pay(&self, item: Item); }
    struct Item { name: String }
";
const WIDER: &str = "
    trait Shop { async fn price(&self, item: Item) -> u64; }
    trait Bank { async fn pay(&self, item: Item); }
    struct Item { name: String }
";
const BROKEN: &str = "
    trait Shop { async fn price(&self, item: Item) -> String; }
    trait Bank { async fn pay(&self, item: Item); }
    struct Item { name: String }
";

fn file(name: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&file);
    file
}

/// An empty folder.
#[cfg(unix)]
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    folder
}

fn interfaces(text: &str) -> Vec<Interface> {
    parse(text).unwrap()
}

#[test]
fn changes_are_allowed_or_refused() {
    let file = file("changes.lock");
    lock::write(&file, &interfaces(RELEASED)).unwrap();
    #[derive(Debug, PartialEq)]
    enum Said {
        Nothing,
        Changed,
        Outdated,
    }
    use Said::{Changed, Nothing, Outdated};
    let said = |verified| match verified {
        Ok(()) => Nothing,
        Err(LockError::Changed(..)) => Changed,
        Err(LockError::Outdated(..)) => Outdated,
        Err(other) => panic!("{other}"),
    };
    for (now, ordered, safe) in [
        (RELEASED, Nothing, Nothing),
        (ADDED, Outdated, Changed),
        (WIDER, Outdated, Changed),
        (BROKEN, Changed, Changed),
    ] {
        let now = interfaces(now);
        assert_eq!(said(lock::verify_with(&file, &now, Allowed::Safe)), safe);
        assert_eq!(said(lock::verify_with(&file, &now, Allowed::Ordered)), ordered);
        assert_eq!(said(lock::verify(&file, &now)), ordered);
    }
    for safety in [Safety::WithoutOlder, Safety::ClientsFirst, Safety::ServersFirst] {
        assert_eq!([Allowed::Ordered, Allowed::Safe].map(|allowed| allowed.allows(safety)), [true, false]);
    }
}

#[test]
fn what_is_written_is_the_interfaces_without_their_docs() {
    let file = file("written.lock");
    lock::write(&file, &interfaces(RELEASED)).unwrap();
    let bare: Vec<_> = interfaces(RELEASED).iter().map(Interface::without_docs).collect();
    assert_eq!(lock::read(&file).unwrap(), bare);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("// What others rely on") && !text.contains("Sells"), "{text}");
    assert_eq!(text.matches("struct Item").count(), 1, "{text}");
}

#[test]
fn what_was_added_is_held_to_once_the_file_has_it() {
    let file = file("added.lock");
    lock::write(&file, &interfaces(RELEASED)).unwrap();
    let error = lock::verify(&file, &interfaces(ADDED)).unwrap_err();
    assert!(error.to_string().contains("Shop.open: method added, safe if servers"), "{error}");
    lock::write(&file, &interfaces(ADDED)).unwrap();
    lock::verify(&file, &interfaces(ADDED)).unwrap();
    assert!(matches!(lock::verify(&file, &interfaces(RELEASED)), Err(LockError::Outdated(..))));
}

#[test]
fn order_docs_and_names_of_types_are_no_difference_and_names_of_arguments_are() {
    let file = file("order.lock");
    let of = |text: &str| interfaces(text);
    let two = "/// Docs.\ntrait A { async fn a(&self, x: u32, y: u32); async fn b(&self); }\ntrait B { async fn c(&self, z: T); }\nstruct T { f: u8 }";
    std::fs::write(&file, two).unwrap();
    let turned = "trait B { async fn c(&self, z: U); }\ntrait A { async fn b(&self); async fn a(&self, x: u32, y: u32); }\nstruct U { f: u8 }";
    lock::verify(&file, &of(two)).unwrap();
    lock::verify(&file, &of(turned)).unwrap();
    let renamed = two.replace("x: u32", "z: u32");
    let error = lock::verify(&file, &of(&renamed)).unwrap_err();
    assert!(matches!(error, LockError::Outdated(..)));
    assert!(error.to_string().contains("A.a: arguments renamed, safe: "), "{error}");
    let swapped = two.replace("x: u32, y: u32", "y: u32, x: u32");
    let error = lock::verify(&file, &of(&swapped)).unwrap_err();
    assert!(matches!(error, LockError::Changed(..)));
    let said = error.to_string();
    assert!(
        said.contains("A.a: arguments moved, breaking: ") && said.contains("`x` is read as `y`"),
        "{said}"
    );
}

#[test]
fn a_refusal_says_what_has_changed_and_what_writes_the_file() {
    let file = file("refused.lock");
    lock::write(&file, &interfaces(RELEASED)).unwrap();
    let error = lock::verify(&file, &interfaces(BROKEN)).unwrap_err();
    let said = error.to_string();
    for words in [
        "refused.lock any more:\n  Shop.price: the result: type changed, breaking: ",
        "String is not read as u32",
        "\n  all together: breaking\n",
        "`TRAITWIRE_LOCK=overwrite cargo test` writes the file anew",
    ] {
        assert!(said.contains(words), "{words:?} is missing in {said}");
    }
    assert_eq!(format!("{error:?}"), said);
}

#[test]
fn a_refusal_says_why_changes_that_are_in_order_one_by_one_are_not_so_together() {
    let file = file("together.lock");
    lock::write(&file, &interfaces(RELEASED)).unwrap();
    let renamed = RELEASED.replace("fn price", "fn cost");
    let said = lock::verify(&file, &interfaces(&renamed)).unwrap_err().to_string();
    let last = "\n  all together: breaking: some changes need servers first and others clients; release these one after";
    assert!(said.contains(last), "{said}");
}

#[test]
fn files_that_are_not_there_or_no_text_are_errors() {
    let file = file("none.lock");
    let missing = lock::verify(&file, &interfaces(RELEASED)).unwrap_err();
    assert!(matches!(missing, LockError::Missing(_)));
    assert!(missing.to_string().contains("`TRAITWIRE_LOCK=overwrite cargo test` writes it"), "{missing}");
    std::fs::write(&file, "trait Shop {").unwrap();
    assert!(matches!(lock::verify(&file, &interfaces(RELEASED)), Err(LockError::Text(..))));
    let folder = lock::verify(env!("CARGO_TARGET_TMPDIR"), &interfaces(RELEASED));
    assert!(matches!(folder, Err(LockError::File(..))), "{folder:?}");
}

/// Not a test: what this program does when the test below starts it as another process.
#[test]
fn another_process() -> Result<(), LockError> {
    std::env::var_os("VERIFIED").map_or(Ok(()), |file| lock::verify(file, &interfaces(RELEASED)))
}

#[test]
fn the_variable_writes_the_file() {
    let file = file("overwritten.lock");
    let verified = |value: Option<&str>| {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "another_process"]).env("VERIFIED", &file);
        test.env_remove("TRAITWIRE_LOCK").envs(value.map(|value| ("TRAITWIRE_LOCK", value)));
        test.output().unwrap().status.success()
    };
    assert!(!verified(None) && !verified(Some("1")) && !file.exists());
    assert!(verified(Some("overwrite")) && verified(None));
    lock::write(&file, &interfaces(BROKEN)).unwrap();
    assert!(!verified(None) && verified(Some("overwrite")) && verified(None));
}

#[test]
#[cfg(unix)]
fn a_file_stays_the_one_it_is_and_gets_another_text() {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let folder = folder("kept");
    let in_folder = |name: &str| folder.join(name);
    let names = || {
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    let (lock_file, link) = (in_folder("shop.lock"), in_folder("link.lock"));
    // A link that leads nowhere yet leads to the file afterwards.
    symlink("shop.lock", &link).unwrap();
    lock::write(&link, &interfaces(ADDED)).unwrap();
    assert_eq!(lock::read(&lock_file).unwrap(), without_docs(ADDED));
    fs::set_permissions(&lock_file, fs::Permissions::from_mode(0o640)).unwrap();
    let of_file = || fs::metadata(&lock_file).map(|it| (it.ino(), it.mode(), it.uid(), it.gid())).unwrap();
    let before = of_file();
    // The new text is shorter: nothing of the old one is left.
    lock::write(&link, &interfaces(RELEASED)).unwrap();
    assert_eq!(lock::read(&lock_file).unwrap(), without_docs(RELEASED));
    assert_eq!(of_file(), before);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(), ["link.lock", "shop.lock"]);
}

#[test]
#[cfg(unix)]
fn a_file_that_must_not_be_written_to_is_kept() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("read_only");
    let error = lock::write(&folder, &interfaces(ADDED)).unwrap_err();
    assert!(matches!(&error, LockError::File(..)), "{error}");
    let lock_file = folder.join("shop.lock");
    lock::write(&lock_file, &interfaces(RELEASED)).unwrap();
    fs::set_permissions(&lock_file, fs::Permissions::from_mode(0o444)).unwrap();
    if fs::File::options().append(true).open(&lock_file).is_ok() {
        return eprintln!("skipped: whoever runs this may write to files that are read-only");
    }
    let error = lock::write(&lock_file, &interfaces(ADDED)).unwrap_err();
    assert!(matches!(&error, LockError::File(..)), "{error}");
    assert_eq!(lock::read(&lock_file).unwrap(), without_docs(RELEASED));
}

/// Whatever a crash has left of a file.
#[test]
fn a_part_of_a_file_is_never_taken_for_the_whole() {
    let file = file("part.lock");
    let all =
        interfaces("trait A { async fn a(&self) -> T; }\nstruct T { f: u8 }\ntrait B { async fn b(&self); }");
    lock::write(&file, &all).unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    for length in 0..whole.trim_end().len() {
        std::fs::write(&file, &whole[..length]).unwrap();
        let error = lock::verify(&file, &all).unwrap_err();
        assert!(matches!(error, LockError::Text(..) | LockError::Outdated(..)), "{length}: {error}");
    }
}

fn without_docs(text: &str) -> Vec<Interface> {
    interfaces(text).iter().map(Interface::without_docs).collect()
}

/// Such aliases do nothing, and are what the interface says all the same.
#[test]
fn an_alias_that_another_field_or_variant_has_as_its_name_is_no_change() {
    let file = file("aliases.lock");
    let text = "trait Shop { async fn price(&self, item: Item, kind: Kind) -> u32; }
        struct Item { #[serde(alias = \"name\")] id: u8, name: u8 }
        enum Kind { #[serde(alias = \"B\")] A, B }";
    lock::write(&file, &interfaces(text)).unwrap();
    lock::verify(&file, &interfaces(text)).unwrap();
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let file = file("faulty.lock");
    lock::write(&file, &interfaces(RELEASED)).unwrap();
    let shop = || interfaces(RELEASED).remove(0);
    let mut twice = shop();
    twice.methods.push(twice.methods[0].clone());
    for (faulty, why) in [
        (vec![twice], "another method is called `price` already"),
        (vec![shop(), shop()], "another service is called `Shop` already"),
        (vec![], "describes no service"),
    ] {
        let error = lock::write(&file, &faulty).unwrap_err();
        assert!(matches!(error, LockError::Inexpressible(..)), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        lock::verify(&file, &interfaces(RELEASED)).unwrap();
    }
}
