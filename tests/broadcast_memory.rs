//! The memory of a server with a thousand subscribers, alone in its binary: what is measured is the whole process.
#![cfg(target_os = "linux")]
#![allow(unreachable_pub, reason = "what the tests share stands for a library")]

#[path = "support/raw.rs"]
mod raw;

use std::time::Duration;

use tokio::task::JoinSet;
use traitwire::{Broadcast, CallError, Lagged, Server, Stream, Streaming, ipc_service, ipc_type};

/// Bounds a failure; nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(300);

const SUBSCRIBERS: usize = 1000;

const CONNECTIONS: usize = 10;

/// Before the first measurement: by then every buffer has its size.
const WARM: u64 = 20_000;

const EVENTS: u64 = 100_000;

/// Published without a pause. More than the ring holds, so that everybody falls behind.
const BURST: u64 = 500;

const MIB: u64 = 1 << 20;

/// What may come on top. Were events kept for a single subscriber, it would be five times as much.
const GROWTH: u64 = 4 * MIB;

#[ipc_type]
struct Event {
    number: u64,
    text: String,
}

#[ipc_service]
trait Feed {
    fn events(&self) -> impl Stream<Item = Result<Event, Lagged>>;
}

struct Desk(Broadcast<Event>);

impl Feed for Desk {
    fn events(&self) -> impl Stream<Item = Result<Event, Lagged>> {
        self.0.subscribe()
    }
}

/// Bytes of memory in use.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * rustix::param::page_size() as u64
}

/// Reads to the end, and says how many events came and how many were missed, each gap being as long as it is said.
async fn read(mut events: Streaming<Event, Lagged>) -> (u64, u64) {
    let (mut came, mut missed) = (0, 0);
    while let Some(item) = events.next().await {
        match item {
            Ok(event) => {
                assert_eq!(event.number, came + missed);
                came += 1;
            }
            Err(CallError::Service(Lagged(count))) => missed += count,
            Err(CallError::Rpc(error)) => panic!("{error}"),
        }
    }
    (came, missed)
}

/// Publishes at the pace of one subscriber, who reads to the end of each burst, and says how much memory there was
/// in use at most.
async fn publish(
    events: &Broadcast<Event>,
    numbers: std::ops::Range<u64>,
    pace: &mut Streaming<Event, Lagged>,
) -> u64 {
    let text = "x".repeat(200);
    let mut most = 0;
    for number in numbers {
        let subscribers = events.publish(Event { number, text: text.clone() });
        // Where this takes long, who does not read its connection loses it.
        assert!((SUBSCRIBERS - 1..=SUBSCRIBERS).contains(&subscribers), "{subscribers} subscribers");
        if (number + 1) % BURST == 0 {
            while pace.next().await.expect("no end").ok().is_none_or(|event| event.number < number) {}
            most = most.max(memory());
        }
    }
    most
}

async fn run() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = format!("unix:{}/events", directory.path().display());
    let events = Broadcast::new(16);
    let server = Server::builder().service(FeedServer::new(Desk(events.clone()))).bind(&*address).await;
    let server = server.expect("an address").spawn();

    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = FeedClient::connect(format!("{address}?stream_window=16KiB")).await;
        clients.push(client.expect("a connection"));
    }
    // One does not even read its connection; it is sent no more than its 256 KiB of credit.
    let (mut deaf, greeting) = raw::Raw::greet(&address).await.expect("a connection");
    deaf.send(&raw::call(0, greeting.method("events"), &[])).await.expect("sent");
    // One asks for its first event and never for another. It shares its connection with a hundred who read.
    let mut idle = clients[0].events();
    let mut pace = clients[1].events();
    let mut readers = JoinSet::new();
    for reader in 0..SUBSCRIBERS - 3 {
        readers.spawn(read(clients[reader % CONNECTIONS].events()));
    }
    tokio::select! {
        biased;
        _ = idle.next() => panic!("nothing was published"),
        _ = pace.next() => panic!("nothing was published"),
        () = all_there(&events) => {}
    }

    let warm = publish(&events, 0..WARM, &mut pace).await;
    let most = publish(&events, WARM..WARM + EVENTS, &mut pace).await;
    let growth = most.saturating_sub(warm);
    println!("{} MiB before, {} KiB more at most", warm / MIB, growth >> 10);
    assert!(growth < GROWTH, "grown from {warm} to {most} bytes");

    events.close();
    let mut fewest = u64::MAX;
    while let Some(read) = readers.join_next().await {
        let (came, missed) = read.expect("a reader");
        assert_eq!(came + missed, WARM + EVENTS);
        fewest = fewest.min(came);
    }
    // The ring holds 16: everybody read again and again.
    assert!(fewest >= 100, "somebody got {fewest} events only");
    // What it had not read is there still: the first events, then how many are gone, then the last.
    let (came, missed) = read(idle).await;
    assert!(missed > 0);
    assert_eq!(came + missed, WARM + EVENTS);
    drop((clients, pace, deaf));
    let ended = server.shutdown(PATIENCE).await.expect("an end");
    assert_eq!(ended.cut_off, 0);
}

async fn all_there(events: &Broadcast<Event>) {
    while events.subscribers() < SUBSCRIBERS {
        tokio::task::yield_now().await;
    }
}

/// On one thread, so that the allocator's arenas do not differ from run to run.
#[tokio::test]
async fn a_thousand_subscribers_of_whom_two_do_not_read_take_no_more_memory_with_every_event() {
    tokio::time::timeout(PATIENCE, run()).await.expect("it takes too long");
}
