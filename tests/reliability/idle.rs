//! What 10,000 connections cost a server that nobody calls.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::probe::ProbeClient;
use crate::support::process::Process;
use crate::support::victim::{Place, eventually};

const CONNECTIONS: usize = 10_000;

/// Descriptors that a process has beside its connections.
const OTHERS: u64 = 500;

/// Bytes that an idle connection may cost the server: its tasks, its session, and no buffer.
const MOST: u64 = 10 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_09_ten_thousand_idle_connections_cost_little() {
    let needed = CONNECTIONS as u64 + OTHERS;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if maximum.is_some_and(|maximum| maximum < needed) {
        println!("skipped: {maximum:?} descriptors are allowed, {needed} are needed");
        return;
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("within the limit");
    // Longer than the test takes, so that nobody pings.
    let address = Place::Unix.address("max_connections=20000&max_handshakes=20000&keepalive=10m");
    let (process, address) = Process::start(&format!("server {address}"), Some(needed));
    let first = ProbeClient::connect(&address).await.expect("connected");
    assert_eq!(first.add(1, 2).await, Ok(3));
    let before = process.memory();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS / 100 {
        let connecting = (0..100).map(|_| {
            let address = format!("{address}?keepalive=10m");
            tokio::spawn(async move { ProbeClient::connect(address).await })
        });
        for client in connecting.collect::<Vec<_>>() {
            clients.push(client.await.expect("no panic").expect("connected"));
        }
    }
    assert!(process.files() > CONNECTIONS);
    let each = process.memory().saturating_sub(before) / CONNECTIONS as u64;
    println!("{each} bytes a connection");
    assert!(each < MOST, "{each} bytes a connection");
    // Each of them still works, and the server is as quick as with one.
    for client in clients.iter().step_by(97) {
        assert_eq!(client.add(2, 3).await, Ok(5));
    }
    drop(clients);
    eventually("descriptors are left", || process.files() < OTHERS as usize).await;
    assert_eq!(first.add(1, 2).await, Ok(3));
}
