//! Every transport against what bare tokio can do, and beside other frameworks, all in one run.
//!
//! ```text
//! cargo bench --bench transports -- [--rounds N] [--seconds S] [--works W1,W2] [--transports unix,tcp]
//! cargo bench --bench transports -- --sizes PLOT.svg [--rounds N] [--seconds S]
//! cargo bench --bench transports -- --count syscalls [--transports unix,tcp]
//! ```
//!
//! `--sizes` gives the tables of which the README shows a part, of echoes from 16 B to 1 MiB, and a plot; `--count
//! syscalls` the system calls that a small call costs, one at a time (W1) and 64 in flight (W2). With `--beside
//! frameworks` tarpc, tonic and Cap'n Proto take part, each over Unix sockets and TCP. They are a package of their
//! own, `benches/frameworks`, which is built into `target/frameworks` first and needs the registry for that once.
//!
//! Two limits are measured along with Traitwire: `ping-pong` has one task at each end and no calls at all, and
//! with W2 and W3 keeps its one pipeline full, which nothing that serves separate callers can do;
//! `multiplexer` is the least that 64 separate callers need. Client and server are processes of their own
//! (but for `mem`), started anew in every round; the contestants take turns, so that what else the machine
//! does meets them all. Compare figures of one run only, and none that differ by less than their spread.

#[cfg(unix)]
mod beside;
#[cfg(unix)]
mod entrants;
#[cfg(unix)]
mod multiplexer;
#[cfg(unix)]
mod ping_pong;
#[cfg(unix)]
#[path = "../support/plot.rs"]
mod plot;
#[cfg(unix)]
mod rounds;
#[cfg(unix)]
#[path = "../support/running.rs"]
mod running;
#[cfg(unix)]
mod sizes;
#[cfg(unix)]
mod stream;
#[cfg(unix)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(unix)]
mod syscalls;
#[cfg(unix)]
mod table;
#[cfg(unix)]
#[path = "../support/values.rs"]
mod values;

#[cfg(unix)]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", entrant, address] => entrants::serve(entrant, address),
        ["bench", entrant, address, work] => entrants::bench(entrant, address, work),
        // Under `cargo test` there is nothing to do.
        _ if !words.contains(&"--bench") => println!("measures under `cargo bench` only"),
        _ => match rounds::Plan::parse(&words) {
            Ok(plan) => plan.run(),
            Err(problem) => {
                eprintln!("{problem}");
                std::process::exit(2);
            }
        },
    }
}

#[cfg(not(unix))]
fn main() {}
