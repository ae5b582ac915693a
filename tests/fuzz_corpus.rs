//! The inputs that fuzzing has found interesting, once more, through the same functions.

#[allow(unreachable_pub, reason = "a crate of its own to the fuzzer")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

fn replay(target: &str, run: fn(&[u8])) {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&corpus).expect("a corpus") {
        let path = entry.expect("an entry").path();
        run(&std::fs::read(&path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs > 0, "nothing in {}", corpus.display());
}

#[test]
fn frame() {
    replay("frame", targets::frame);
}

#[test]
fn hello() {
    replay("hello", targets::hello);
}

#[test]
fn bodies() {
    replay("bodies", targets::bodies);
}

#[cfg(feature = "json")]
#[test]
fn json() {
    replay("json", targets::json);
}

#[test]
fn connection() {
    replay("connection", targets::connection);
}
