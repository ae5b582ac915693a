//! Traitwire as a contestant in benchmarks that are not its own: one executable that serves, and one workload
//! at a time that calls.
//!
//! ```text
//! cargo build --release --example contestant      # gives target/release/examples/contestant
//! contestant serve ADDR                           # prints READY, then serves until it is killed
//! contestant bench ADDR W1|W2|W3|W4|W5|W6         # prints one line of JSON
//! contestant bench blocking+ADDR W1               # the same by the blocking client
//! ```
//!
//! `ADDR` is `uds:/path`, `tcp:IP:PORT`, `child:` (the client starts its own server and talks to it through
//! pipes), or any address of Traitwire's. `PEERS_SECS` is how long W2 lasts (W3 and W4 half of it),
//! `PEER_SERVER_PID` the server's process, whose CPU time counts.

use std::time::Instant;

mod support;

use support::contestant::{BenchBlockingClient, BenchClient, bind};
use support::measurement::Measurement;
use support::workload::{TIMED_CALLS, WARM_UP_CALLS, Work, latency, run};
use support::{on_worker, say};
use traitwire::Endpoint;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", address] => on_worker(serve(translated(address))),
        ["bench", address, work] => match (address.strip_prefix("blocking+"), Work::parse(work)) {
            (Some(address), Some(Work::W1)) => bench_blocking(&translated(address)),
            (None, Some(work)) => on_worker(bench(translated(address), work)),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() {
    eprintln!("usage: contestant serve ADDR | contestant bench [blocking+]ADDR W1|W2|W3|W4|W5|W6");
    std::process::exit(2);
}

/// The same place as an address of Traitwire's.
fn translated(address: &str) -> String {
    match address.split_once(':') {
        Some(("uds", path)) => format!("unix:{path}"),
        Some(("tcp", target)) if !target.starts_with("//") => format!("tcp://{target}"),
        Some(("child", "")) => {
            let this = std::env::current_exe().expect("this program has a path").display().to_string();
            Endpoint::from_words([this.as_str(), "serve", "stdio:"]).expect("these are words").to_string()
        }
        _ => address.to_owned(),
    }
}

async fn serve(address: String) {
    let server = bind(&address).await;
    if address != "stdio:" {
        say("READY");
    }
    server.run().await.expect("it serves until it is killed");
}

async fn bench(address: String, work: Work) {
    say(&run::<BenchClient>(work, &address).await.to_string());
}

fn bench_blocking(address: &str) {
    let client = BenchBlockingClient::connect(address).expect("the server is there");
    let add = |a, b| client.add(a, b).expect("the call succeeds");
    say(&Measurement::new(Work::W1, &latency(times(add))).to_string());
}

/// The times of calls that are made one after another without a runtime, in nanoseconds.
fn times(mut add: impl FnMut(i32, i32) -> i32) -> Vec<u64> {
    for n in 0..WARM_UP_CALLS {
        assert_eq!(add(n, 2), n + 2);
    }
    let timed = |n| {
        let start = Instant::now();
        let sum = add(n, 1);
        let took = start.elapsed().as_nanos() as u64;
        assert_eq!(sum, n + 1);
        took
    };
    (0..TIMED_CALLS).map(timed).collect()
}
