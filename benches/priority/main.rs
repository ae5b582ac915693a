//! What a small urgent call costs while a large one of low priority is on its way over the same connection.
//!
//! ```text
//! cargo bench --bench priority -- [--calls N]
//! ```
//!
//! The server is a process of its own. The client makes small calls one after another, first alone, then while
//! 100 MiB of low priority go to the server again and again; only calls that begin and end during an upload count.
//! The last line is what such a call would cost if the body went out as one chunk: a client by hand sends just that.

#[cfg(unix)]
mod chunk;
#[cfg(unix)]
mod measured;

#[cfg(unix)]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", address] => measured::serve(address),
        // Under `cargo test` there is nothing to do.
        _ if !words.contains(&"--bench") => println!("measures under `cargo bench` only"),
        _ => {
            let calls = words.iter().position(|word| *word == "--calls").and_then(|at| words.get(at + 1));
            measured::run(calls.and_then(|calls| calls.parse().ok()).unwrap_or(20_000));
        }
    }
}

#[cfg(not(unix))]
fn main() {}
