//! Events: who gets them, what one who falls behind is told, and what never waits; over every kind of connection.
#![cfg(unix)]
#![allow(unreachable_pub, reason = "what the tests share stands for a library")]

#[path = "support/raw.rs"]
mod raw;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use tokio_stream::StreamExt;
use traitwire::idl::Types;
use traitwire::{
    Broadcast, CallError, Lagged, Schema, Server, ServerHandle, Stream, Streaming, ipc_service, ipc_type,
};

/// Bounds a failure; nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

const CAPACITY: usize = 16;

#[ipc_service]
trait Feed {
    fn events(&self) -> impl Stream<Item = Result<u64, Lagged>>;
    /// Without gaps, or not at all.
    fn unbroken(&self) -> impl Stream<Item = Result<u64, Lagged>>;
    fn texts(&self) -> impl Stream<Item = Result<Arc<String>, Lagged>>;
}

#[derive(Clone)]
struct Desk {
    events: Broadcast<u64>,
    texts: Broadcast<Arc<String>>,
}

impl Feed for Desk {
    fn events(&self) -> impl Stream<Item = Result<u64, Lagged>> {
        self.events.subscribe()
    }

    fn unbroken(&self) -> impl Stream<Item = Result<u64, Lagged>> {
        self.events.subscribe().end_on_lag()
    }

    fn texts(&self) -> impl Stream<Item = Result<Arc<String>, Lagged>> {
        self.texts.subscribe()
    }
}

/// A server, and the state that it shares with the test.
struct Stage {
    desk: Desk,
    events: Broadcast<u64>,
    address: String,
    server: ServerHandle,
}

impl Stage {
    async fn client(&self, options: &str) -> FeedClient {
        let address = format!("{}{options}", self.address);
        soon("a connection", FeedClient::connect(address)).await.expect("a connection")
    }

    async fn subscribed(&self, count: usize) {
        let subscribed = async {
            while self.events.subscribers() != count {
                tokio::task::yield_now().await;
            }
        };
        soon("subscribers", subscribed).await;
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: takes too long"))
}

/// Does the same over each kind of connection, on one thread: what does not wait is not interrupted.
async fn everywhere(test: impl AsyncFn(&Stage)) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let directory = tempfile::tempdir().expect("a directory");
    let name = format!("broadcast-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let unix = format!("unix:{}/{name}", directory.path().display());
    for address in [format!("mem:{name}"), unix, "tcp://127.0.0.1:0".to_owned()] {
        println!("at {address}");
        let desk = Desk { events: Broadcast::new(CAPACITY), texts: Broadcast::new(CAPACITY) };
        let server = Server::builder().service(FeedServer::new(desk.clone())).bind(&*address).await;
        let server = server.expect("an address");
        let address = server.endpoint().to_string();
        let stage = Stage { events: desk.events.clone(), desk, address, server: server.spawn() };
        test(&stage).await;
        stage.desk.events.close();
        let ended = stage.server.shutdown(PATIENCE).await.expect("an end");
        assert_eq!(ended.cut_off, 0);
    }
}

type Item = Option<Result<u64, CallError<Lagged>>>;

async fn next(events: &mut Streaming<u64, Lagged>) -> Item {
    soon("an item", events.next()).await
}

fn lagged(count: u64) -> Item {
    Some(Err(CallError::Service(Lagged(count))))
}

fn publish(events: &Broadcast<u64>, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| {
        events.publish(number);
    });
}

/// Subscribes, which happens at the first question for an item.
async fn subscribe(stage: &Stage, mut events: Streaming<u64, Lagged>) -> Streaming<u64, Lagged> {
    let before = stage.events.subscribers();
    let mut first = Box::pin(events.next());
    tokio::select! {
        biased;
        item = &mut first => panic!("{item:?} before anything was published"),
        () = stage.subscribed(before + 1) => {}
    }
    drop(first);
    events
}

#[tokio::test]
async fn every_subscriber_gets_every_event_in_order() {
    everywhere(async |stage| {
        let (one, other) = (stage.client("").await, stage.client("").await);
        let mut subscribers = Vec::new();
        for events in [one.events(), one.events(), one.unbroken(), other.events()] {
            subscribers.push(subscribe(stage, events).await);
        }
        for round in 0..100 {
            for number in 0..10 {
                assert_eq!(stage.events.publish(round * 10 + number), 4);
            }
            for subscriber in &mut subscribers {
                for number in 0..10 {
                    assert_eq!(next(subscriber).await, Some(Ok(round * 10 + number)));
                }
            }
        }
        stage.events.publish(1000);
        stage.events.close();
        for subscriber in &mut subscribers {
            assert_eq!(next(subscriber).await, Some(Ok(1000)), "what was published before the end");
            assert_eq!(next(subscriber).await, None);
        }
    })
    .await;
}

#[tokio::test]
async fn one_who_falls_behind_is_told_how_far_and_goes_on() {
    everywhere(async |stage| {
        let client = stage.client("").await;
        let mut events = subscribe(stage, client.events()).await;
        for begin in [0, 100] {
            publish(&stage.events, begin..begin + 100);
            assert_eq!(next(&mut events).await, lagged(84));
            for number in begin + 84..begin + 100 {
                assert_eq!(next(&mut events).await, Some(Ok(number)));
            }
        }
        // As many as there is room for are none too many.
        publish(&stage.events, 200..216);
        for number in 200..216 {
            assert_eq!(next(&mut events).await, Some(Ok(number)));
        }
    })
    .await;
}

#[tokio::test]
async fn i_04_one_who_stops_reading_holds_up_nobody_and_misses_what_it_could_not_hold() {
    everywhere(async |stage| {
        let client = stage.client("?stream_window=1KiB").await;
        let mut slow = subscribe(stage, client.events()).await;
        let mut fast = subscribe(stage, client.events()).await;
        let all = 32_000;
        for begin in (0..all).step_by(CAPACITY) {
            publish(&stage.events, begin..begin + CAPACITY as u64);
            for number in begin..begin + CAPACITY as u64 {
                assert_eq!(next(&mut fast).await, Some(Ok(number)));
            }
        }
        let mut held = 0;
        let missed = loop {
            match next(&mut slow).await {
                Some(Ok(number)) => {
                    assert_eq!(number, held);
                    held += 1;
                }
                Some(Err(CallError::Service(Lagged(missed)))) => break missed,
                other => panic!("{other:?}"),
            }
        };
        // Three bytes each: the window, a batch that may go beyond it, and one that waits.
        assert!((300..600).contains(&held), "{held} items");
        let rest = all - held - missed;
        assert_eq!(rest, CAPACITY as u64);
        for number in all - rest..all {
            assert_eq!(next(&mut slow).await, Some(Ok(number)));
        }
        publish(&stage.events, all..all + 1);
        assert_eq!(next(&mut slow).await, Some(Ok(all)));
    })
    .await;
}

#[tokio::test]
async fn one_who_must_not_miss_anything_ends_with_all_that_it_missed() {
    everywhere(async |stage| {
        let client = stage.client("").await;
        let mut unbroken = subscribe(stage, client.unbroken()).await;
        let mut events = subscribe(stage, client.events()).await;
        publish(&stage.events, 0..10);
        for number in 0..10 {
            assert_eq!(next(&mut unbroken).await, Some(Ok(number)));
            assert_eq!(next(&mut events).await, Some(Ok(number)));
        }
        publish(&stage.events, 10..110);
        assert_eq!(next(&mut unbroken).await, lagged(100));
        assert_eq!(next(&mut unbroken).await, None);
        assert_eq!(next(&mut events).await, lagged(84));
        stage.subscribed(1).await;
    })
    .await;
}

#[tokio::test]
async fn one_who_drops_its_stream_is_forgotten() {
    everywhere(async |stage| {
        let client = stage.client("").await;
        let dropped = subscribe(stage, client.events()).await;
        let mut kept = subscribe(stage, client.events()).await;
        drop(dropped);
        stage.subscribed(1).await;
        assert_eq!(stage.events.publish(7), 1);
        assert_eq!(next(&mut kept).await, Some(Ok(7)));
    })
    .await;
}

#[tokio::test]
async fn one_whose_connection_is_lost_is_forgotten() {
    everywhere(async |stage| {
        let (mut raw, greeting) = raw::Raw::greet(&stage.address).await.expect("a connection");
        for id in 0..3 {
            raw.send(&raw::call(id, greeting.method("events"), &[])).await.expect("sent");
        }
        stage.subscribed(3).await;
        drop(raw);
        stage.subscribed(0).await;
        assert_eq!(stage.events.publish(7), 0);
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_those_who_were_told_the_end() {
    everywhere(async |stage| {
        let client = stage.client("").await;
        let mut events = subscribe(stage, client.events()).await;
        stage.events.close();
        let ended = soon("an end", stage.server.shutdown(PATIENCE * 2)).await.expect("an end");
        assert_eq!(ended.cut_off, 0);
        assert_eq!(next(&mut events).await, None);
    })
    .await;
}

#[tokio::test]
async fn what_is_shared_travels_as_what_it_holds() {
    everywhere(async |stage| {
        let client = stage.client("").await;
        let mut texts = client.texts();
        let text = Arc::new("large".to_owned());
        let publishing = async {
            while stage.desk.texts.publish(Arc::clone(&text)) == 0 {
                tokio::task::yield_now().await;
            }
        };
        let (_, item) = tokio::join!(soon("a subscriber", publishing), soon("an item", texts.next()));
        assert_eq!(item, Some(Ok(text)));
        stage.desk.texts.close();
    })
    .await;
}

#[test]
fn publishing_does_not_wait_for_anybody_to_read() {
    let events = Broadcast::new(CAPACITY);
    assert_eq!(events.publish(0), 0, "nobody is there");
    let mut subscriptions = [events.subscribe(), events.subscribe()];
    // Nothing else runs meanwhile that could make room.
    for number in 0..1_000_000 {
        assert_eq!(events.publish(number), 2);
    }
    drop(events);
    for subscription in &mut subscriptions {
        assert_eq!(now(subscription.next()), Some(Err(Lagged(1_000_000 - CAPACITY as u64))));
        let rest = now(subscription.collect::<Vec<_>>());
        assert!(rest.into_iter().eq((1_000_000 - CAPACITY as u64..1_000_000).map(Ok)));
    }
}

/// The result of a future that need not wait for this thread.
fn now<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(soon("what should be there", future))
}

/// Something whose clone takes until it is allowed to end.
struct Reluctant {
    cloning: mpsc::Sender<()>,
    allowed: Arc<(Mutex<bool>, Condvar)>,
}

impl Clone for Reluctant {
    fn clone(&self) -> Self {
        self.cloning.send(()).expect("the test listens");
        let (allowed, changed) = &*self.allowed;
        let allowed = allowed.lock().expect("not poisoned");
        let waited =
            changed.wait_timeout_while(allowed, PATIENCE, |allowed| !*allowed).expect("not poisoned");
        assert!(!waited.1.timed_out(), "nobody went on meanwhile");
        Self { cloning: self.cloning.clone(), allowed: Arc::clone(&self.allowed) }
    }
}

#[test]
fn publishing_does_not_wait_for_a_value_to_be_cloned() {
    let (cloning, is_cloning) = mpsc::channel();
    let allowed = Arc::new((Mutex::new(false), Condvar::new()));
    let value = || Reluctant { cloning: cloning.clone(), allowed: Arc::clone(&allowed) };
    let events = Broadcast::new(2);
    // The second keeps the value in its place, so that the first has to clone it.
    let (mut first, mut second) = (events.subscribe(), events.subscribe());
    assert_eq!(events.publish(value()), 2);
    let reading = std::thread::spawn(move || assert!(matches!(now(first.next()), Some(Ok(_)))));
    is_cloning.recv_timeout(PATIENCE).expect("the reader clones");
    for _ in 0..10 {
        assert_eq!(events.publish(value()), 2);
    }
    assert_eq!(now(second.next()).map(Result::err), Some(Some(Lagged(9))));
    *allowed.0.lock().expect("not poisoned") = true;
    allowed.1.notify_all();
    reading.join().expect("a clone");
}

#[test]
fn what_came_and_what_was_missed_is_all_that_several_publishers_sent() {
    const EACH: u64 = 50_000;
    let events = Broadcast::new(CAPACITY);
    let mut subscription = events.subscribe();
    let publishers: Vec<_> = (0..4u64)
        .map(|publisher| {
            let events = events.clone();
            std::thread::spawn(move || {
                for number in 0..EACH {
                    events.publish((publisher, number));
                }
            })
        })
        .collect();
    // The last clone ends it.
    drop(events);
    let (mut came, mut missed) = (0, 0);
    let mut least = [0; 4];
    now(async {
        while let Some(item) = subscription.next().await {
            match item {
                Ok((publisher, number)) => {
                    assert!(number >= least[publisher as usize], "out of order");
                    least[publisher as usize] = number + 1;
                    came += 1;
                }
                Err(Lagged(count)) => missed += count,
            }
        }
    });
    publishers.into_iter().for_each(|publisher| publisher.join().expect("published"));
    assert_eq!(came + missed, 4 * EACH, "{came} came");
}

#[test]
fn one_who_must_not_miss_anything_is_counted_until_it_finds_out() {
    let events = Broadcast::new(CAPACITY);
    let mut subscription = events.subscribe().end_on_lag();
    publish(&events, 0..17);
    assert_eq!(events.subscribers(), 1);
    assert_eq!(now(subscription.next()), Some(Err(Lagged(17))));
    assert_eq!(events.subscribers(), 0);
    assert_eq!(now(subscription.next()), None);
}

#[test]
fn the_end_is_for_all_clones_and_for_those_who_come_later() {
    let events = Broadcast::new(CAPACITY);
    let clone = events.clone();
    let before = events.subscribe();
    assert_eq!(clone.publish(1), 1);
    clone.close();
    assert_eq!((events.publish(2), events.subscribers()), (0, 0));
    assert_eq!(now(before.collect::<Vec<_>>()), [Ok(1)]);
    assert_eq!(now(events.subscribe().collect::<Vec<_>>()), []);
}

#[test]
fn room_is_a_power_of_two_and_at_least_one() {
    for (capacity, room) in [(0, 1), (1, 1), (2, 2), (3, 4), (100, 128)] {
        let events = Broadcast::new(capacity);
        let mut subscription = events.subscribe();
        publish(&events, 0..room + 1);
        assert_eq!(now(subscription.next()), Some(Err(Lagged(1))), "{capacity}");
    }
}

#[test]
fn the_error_has_the_schema_that_is_derived() {
    mod derived {
        #[super::ipc_type]
        pub struct Lagged(pub u64);
    }
    let (mut ours, mut theirs) = (Types::default(), Types::default());
    Lagged::describe(&mut ours);
    derived::Lagged::describe(&mut theirs);
    let (ours, theirs) = (&ours.definitions()[0], &theirs.definitions()[0]);
    assert_eq!((&ours.name, &ours.shape), (&theirs.name, &theirs.shape));
    assert_eq!(Lagged(3).to_string(), "fell behind; values missed: 3");
}
