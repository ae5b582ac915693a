//! What a wide trait costs to build: a program with a trait of 60 methods, its server, its client, and a call of
//! each method, as a package of its own under `target/`.
//!
//! ```text
//! cargo bench --bench macro_cost -- [--rounds N] [--methods N] [--beside tarpc]
//! ```
//!
//! Printed are the time of a release build after a change of the trait, the bytes of `.text`, and the size of the
//! stripped program (the last two with binutils' `size` and `strip`). The profile is Cargo's own for releases.
//! `--beside tarpc` builds the same program with tarpc 0.38, which has to come from a registry, in turns with ours.
//! Another program with a single method says what the first method costs, and what each further one.

mod measured;
mod programs;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if !words.contains(&"--bench") {
        // Under `cargo test` there is nothing to do.
        return println!("builds under `cargo bench` only");
    }
    let value = |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
    let number = |flag, default| value(flag).map_or(Ok(default), |value| value.parse());
    let (Ok(rounds), Ok(methods)) = (number("--rounds", 3), number("--methods", 60)) else {
        return eprintln!("--rounds and --methods need a number");
    };
    let mut frameworks = vec![programs::Framework::Traitwire];
    match value("--beside") {
        None => {}
        Some(&"tarpc") => frameworks.push(programs::Framework::Tarpc),
        Some(other) => return eprintln!("--beside can be tarpc, not {other}"),
    }
    measured::run(&frameworks, rounds, methods);
}
