//! One client process with many connections to one server: what they cost while nobody calls, and while calls
//! go round over all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::echoes::seconds;
use crate::process::{files, memory, raise_files};
use crate::support::contestant::BenchClient;
use crate::support::cpu::{Clocks, used_by};
use crate::support::measurement::Measurement;
use crate::support::{on_worker, say};

/// Calls in flight, over all connections together.
const IN_FLIGHT: usize = 64;
/// Connections that are opened at once.
const AT_ONCE: usize = 100;
/// Until tasks that have nothing to do have been parked, and buffers given back.
const SETTLING: Duration = Duration::from_millis(500);

/// Opens connections, measures, prints the figures, and ends with all of them open: the server sees them go.
pub(crate) fn measure(address: &str, count: usize) {
    raise_files();
    let address = address.to_owned();
    let measurement = on_worker(async move {
        let first = BenchClient::connect(&*address).await.expect("the server is there");
        let server = first.process().await.expect("the server says who it is");
        tokio::time::sleep(SETTLING).await;
        let this = std::process::id();
        let before = [server, this].map(memory);
        let files_before = files(server);
        let start = Instant::now();
        let clients = Arc::new(connect(&address, count).await);
        let connecting = start.elapsed() / count as u32;
        let server_files = (files(server) - files_before) as f64 / count as f64;
        tokio::time::sleep(SETTLING).await;
        let [server_memory, client_memory] = [0, 1].map(|side| {
            let now = memory([server, this][side]);
            now.saturating_sub(before[side]) as f64 / count as f64
        });
        let idle = idle(server).await;
        let busy = calls(&clients, server).await;
        Measurement::new("connections", &[("connect_ns", connecting.as_nanos() as f64)])
            .and(&[("server_bytes", server_memory), ("client_bytes", client_memory)])
            .and(&[("server_files", server_files), ("idle_cpu_ns_per_s", idle)])
            .and(&busy)
    });
    say(&measurement.to_string());
}

async fn connect(address: &str, count: usize) -> Vec<BenchClient> {
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        let few = AT_ONCE.min(count - clients.len());
        let connecting = (0..few).map(|_| {
            let address = address.to_owned();
            tokio::spawn(async move {
                let client = BenchClient::connect(&*address).await.expect("the server takes it");
                assert_eq!(client.add(1, 2).await.expect("the call succeeds"), 3);
                client
            })
        });
        for client in connecting.collect::<Vec<_>>() {
            clients.push(client.await.expect("it does not panic"));
        }
    }
    clients
}

/// Nanoseconds of CPU time that the server uses in a second in which nobody calls.
async fn idle(server: u32) -> f64 {
    let (start, before) = (Instant::now(), used_by(server));
    tokio::time::sleep(Duration::from_secs_f64(seconds() * 2.0)).await;
    (used_by(server) - before) as f64 / start.elapsed().as_secs_f64()
}

/// Small calls by so many callers, each of which goes on to the next of its connections after every call.
async fn calls(clients: &Arc<Vec<BenchClient>>, server: u32) -> [(&'static str, f64); 2] {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for caller in 0..IN_FLIGHT {
        let (clients, stop, count) = (Arc::clone(clients), Arc::clone(&stop), Arc::clone(&count));
        tokio::spawn(async move {
            let mut at = caller;
            while !stop.load(Relaxed) {
                let client = &clients[at % clients.len()];
                assert_eq!(client.add(at as i32, 1).await.expect("the call succeeds"), at as i32 + 1);
                count.fetch_add(1, Relaxed);
                at = (at + IN_FLIGHT) % (IN_FLIGHT * clients.len());
            }
        });
    }
    let clocks = Clocks::new(Some(server));
    let time = Duration::from_secs_f64(seconds());
    tokio::time::sleep(time / 3).await;
    let (start, before, cpu) = (Instant::now(), count.load(Relaxed), clocks.now());
    tokio::time::sleep(time).await;
    let (calls, cpu) = (count.load(Relaxed) - before, clocks.now() - cpu);
    let took = start.elapsed().as_secs_f64();
    stop.store(true, Relaxed);
    [("calls_per_s", calls as f64 / took), ("cpu_ns_per_call", cpu as f64 / calls.max(1) as f64)]
}
