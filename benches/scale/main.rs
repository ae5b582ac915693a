//! How cost grows: with connections, with calls in flight, with the size of a message.
//!
//! ```text
//! cargo bench --bench scale -- [--quick] [--rounds N] [--transports unix,tcp,shm] [--plots FOLDER]
//!     [--sweeps connections,in-flight,payload]
//! ```
//!
//! The server is a process of its own, started anew for each transport in each round; rounds take the
//! transports in turn. Tables go to standard output, plots to `target/scale` or the folder named. Where the
//! limit of open files is too low for a number of connections, that number is left out and the table says so.

#[cfg(unix)]
mod connections;
#[cfg(unix)]
mod echoes;
#[cfg(unix)]
mod plan;
#[cfg(unix)]
#[path = "../support/plot.rs"]
mod plot;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod report;
#[cfg(unix)]
#[path = "../support/running.rs"]
mod running;
#[cfg(unix)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(unix)]
#[path = "../support/values.rs"]
mod values;

#[cfg(unix)]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", address] => plan::serve(address),
        ["connections", address, count] => {
            connections::measure(address, count.parse().expect("a number of connections"));
        }
        ["echo", address, work] => echoes::measure(address, work),
        // Under `cargo test` there is nothing to do.
        _ if !words.contains(&"--bench") => println!("measures under `cargo bench` only"),
        _ => match plan::Plan::parse(&words) {
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
