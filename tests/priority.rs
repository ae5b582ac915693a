//! What priorities promise, over each kind of transport: urgent calls overtake, the order within one priority
//! stays, nobody starves, and a peer that lies about priorities loses its own connection only.

#![allow(missing_docs, unreachable_pub, reason = "a service of a test needs neither")]

#[path = "support/raw.rs"]
mod raw;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use traitwire::{Priority, Server, ServerHandle, Stream, ipc_service};

#[ipc_service]
trait Desk {
    #[ipc(priority = "high")]
    async fn urgent(&self, n: u32) -> u32;
    #[ipc(priority = "low")]
    async fn bulk(&self, data: Vec<u8>) -> Vec<u8>;
    #[ipc(oneway)]
    async fn note(&self, n: u32);
    async fn noted(&self) -> Vec<u32>;
    #[ipc(priority = "low")]
    fn flood(&self, items: u32) -> impl Stream<Item = Vec<u8>>;
    /// Waits to be let go.
    async fn wait(&self) -> bool;
    async fn let_go(&self, calls: u32);
}

#[derive(Clone)]
struct Plain {
    notes: Arc<Mutex<Vec<u32>>>,
    gate: Arc<Semaphore>,
}

impl Desk for Plain {
    async fn urgent(&self, n: u32) -> u32 {
        n
    }

    async fn bulk(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }

    async fn note(&self, n: u32) {
        self.notes.lock().expect("not poisoned").push(n);
    }

    async fn noted(&self) -> Vec<u32> {
        std::mem::take(&mut *self.notes.lock().expect("not poisoned"))
    }

    fn flood(&self, items: u32) -> impl Stream<Item = Vec<u8>> {
        tokio_stream::iter((0..items).map(|_| vec![3; 1000]))
    }

    async fn wait(&self) -> bool {
        self.gate.acquire().await.expect("never closed").forget();
        true
    }

    async fn let_go(&self, calls: u32) {
        self.gate.add_permits(calls as usize);
    }
}

struct Place {
    address: String,
    server: ServerHandle,
    _directory: tempfile::TempDir,
}

async fn serve(transport: &str) -> Place {
    let directory = tempfile::tempdir().expect("a directory");
    let address = match transport {
        "unix" => format!("unix:{}/desk", directory.path().display()),
        "tcp" => "tcp://127.0.0.1:0".to_owned(),
        _ => format!("mem:priority-{}", directory.path().display().to_string().replace('/', "-")),
    };
    let desk = Plain { notes: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
    let limits = "max_message=128MiB&max_inflight=256MiB&max_calls=4";
    let server = Server::builder().service(DeskServer::new(desk));
    let server = server.bind(&*format!("{address}?{limits}")).await.expect("bound");
    let address = server.endpoint().to_string();
    let address = address.split('?').next().unwrap_or_default().to_owned();
    Place { address, server: server.spawn(), _directory: directory }
}

impl Place {
    async fn client(&self) -> DeskClient {
        let address = format!("{}?max_message=128MiB", self.address);
        DeskClient::connect(&*address).await.expect("connected")
    }
}

async fn overtaking(transport: &str) {
    let place = serve(transport).await;
    let client = place.client().await;
    let bulk = tokio::spawn({
        let client = client.clone();
        async move { client.bulk(vec![7; 64 << 20]).await.expect("it arrives").len() }
    });
    tokio::task::yield_now().await;
    for n in 0..50 {
        assert_eq!(client.urgent(n).await.expect("answered"), n);
    }
    assert!(!bulk.is_finished(), "{transport}: fifty urgent calls are through before the bulk");
    // What is urgent without end does not starve what is not.
    let mut n = 0;
    while !bulk.is_finished() {
        client.urgent(n).await.expect("answered");
        n += 1;
    }
    assert_eq!(bulk.await.expect("no panic"), 64 << 20);
    place.server.shutdown(Duration::from_secs(1)).await.expect("an end");
}

async fn order_within_one_priority(transport: &str) {
    let place = serve(transport).await;
    let client = place.client().await;
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        let client = client.with_priority(priority);
        for n in 0..500 {
            client.note(n).await.expect("queued");
        }
        assert_eq!(client.noted().await.expect("answered"), (0..500).collect::<Vec<_>>(), "{priority:?}");
    }
    place.server.shutdown(Duration::from_secs(1)).await.expect("an end");
}

async fn places_go_to_the_urgent_first(transport: &str) {
    let place = serve(transport).await;
    let client = place.client().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let wait = |priority: Priority| {
        let (client, order) = (client.with_priority(priority), Arc::clone(&order));
        tokio::spawn(async move {
            client.wait().await.expect("let go");
            order.lock().expect("not poisoned").push(priority);
        })
    };
    // Three of four places are taken, and the others are wanted by more than there are.
    let mut waiting: Vec<_> = (0..4).map(|_| wait(Priority::Normal)).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    waiting.extend((0..4).map(|_| wait(Priority::Low)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    waiting.extend((0..4).map(|_| wait(Priority::High)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    // The places are full: who lets go comes by another connection.
    place.client().await.let_go(12).await.expect("answered");
    for task in waiting {
        task.await.expect("no panic");
    }
    let order = std::mem::take(&mut *order.lock().expect("not poisoned"));
    let last = |wanted| order.iter().rposition(|priority| *priority == wanted).expect("all came");
    assert!(last(Priority::High) < last(Priority::Low), "{transport}: {order:?}");
    assert!(order[8..].iter().all(|priority| *priority == Priority::Low), "{transport}: {order:?}");
    place.server.shutdown(Duration::from_secs(1)).await.expect("an end");
}

async fn streams(transport: &str) {
    let place = serve(transport).await;
    let client = place.client().await;
    let mut flood = client.flood(5_000);
    let mut came = 0;
    while let Some(item) = flood.next().await {
        assert_eq!(item.expect("an item").len(), 1000);
        came += 1;
        if came % 100 == 0 {
            assert_eq!(client.urgent(came).await.expect("answered"), came);
        }
    }
    assert_eq!(came, 5_000);
    place.server.shutdown(Duration::from_secs(1)).await.expect("an end");
}

macro_rules! over {
    ($($transport:ident),*) => {$(
        mod $transport {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn e_10_urgent_calls_overtake_bulk_and_do_not_starve_it() {
                super::overtaking(stringify!($transport)).await;
            }

            #[tokio::test]
            async fn the_order_within_one_priority_stays() {
                super::order_within_one_priority(stringify!($transport)).await;
            }

            #[tokio::test]
            async fn places_go_to_the_urgent_first() {
                super::places_go_to_the_urgent_first(stringify!($transport)).await;
            }

            #[tokio::test]
            async fn a_low_stream_arrives_whole_beside_urgent_calls() {
                super::streams(stringify!($transport)).await;
            }
        }
    )*};
}

over!(mem, tcp);
#[cfg(unix)]
over!(unix);

#[tokio::test]
async fn a_peer_that_lies_about_priorities_loses_its_own_connection_only() {
    let place = serve("tcp").await;
    let client = place.client().await;
    let lies = [
        // A priority that there is none of, none at all, and a receipt for what was never sent.
        raw::frame(raw::kind::CALL, raw::flag::PRIORITY, 0, &[0, 3, 7]),
        raw::frame(raw::kind::CALL, raw::flag::PRIORITY, 0, &[0]),
        raw::frame(raw::kind::TAKEN, 0, 0, &[5]),
        raw::frame(raw::kind::TAKEN, 0, 0, &[0]),
    ];
    for lie in lies {
        let (mut peer, _) = raw::Raw::greet(&place.address).await.expect("a connection");
        peer.send(&lie).await.expect("sent");
        let said = peer.rest().await.expect("an end");
        assert!(said.iter().any(|frame| frame.kind == raw::kind::GO_AWAY), "{said:?}");
        assert_eq!(client.urgent(1).await.expect("answered"), 1);
    }
    place.server.shutdown(Duration::from_secs(1)).await.expect("an end");
}
