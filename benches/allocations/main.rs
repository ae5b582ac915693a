//! Allocations of one call in the steady state, by side: `cargo bench --bench allocations`.

#[cfg(unix)]
mod calls;
#[cfg(unix)]
mod counting;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

#[cfg(unix)]
fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!("counts under `cargo bench` only");
    }
    let calls = calls::Calls::new();
    let rows = [
        ("add(i32, i32) -> i32", calls.add()),
        ("greet(&str) -> String", calls.greet()),
        ("echo of 4 KiB", calls.echo()),
    ];
    println!("| allocations per call   | client | server | both |");
    println!("|------------------------|-------:|-------:|-----:|");
    for (call, [client, server]) in rows {
        println!("| {call:<22} | {client:>6.2} | {server:>6.2} | {:>4.2} |", client + server);
    }
}

#[cfg(not(unix))]
fn main() {}
