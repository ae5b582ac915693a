//! What the macros refuse, and in which words: one folder for each rule, `tests/ui/<rule>/case.rs` and what
//! the compiler says to it beside it. `TRYBUILD=overwrite cargo test --test ui` writes the latter anew.

#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/ui/*/case.rs");
}
