//! E: more than a peer may ask for.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpSocket;
use traitwire::{Code, Endpoint, Executed, Peer, RpcError, Wire};

use crate::support::hostile;
use crate::support::probe::ProbeClient;
use crate::support::raw::{
    Greeting, Raw, call, call_data, call_part, call_within, cancel, code, kind, ping, varint,
};
use crate::support::victim::{EVERYWHERE, SOCKETS, everywhere, soon};

#[tokio::test]
async fn e_01_rapid_reset() {
    everywhere(&EVERYWHERE, "max_calls=100", |victim| async move {
        let (_, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        // A connection is closed when it has cancelled too much; the attacker comes back, 200,000 calls in all.
        for round in 0..4 {
            let method = greeting.method(if round % 2 == 0 { "hold" } else { "hold_spawned" });
            let seen = hostile::resets(&victim.address, method, 50_000, 100).await.expect("an answer");
            // A handler in a task of its own may still run when its id comes round again.
            assert!(seen.cut_off(&["P-40", "cancel"]) || seen.cut_off(&["P-21"]), "{seen:?}");
            victim.counted("handlers of the attacker", |counts| counts.running == 0).await;
        }
        let counts = victim.counts().await;
        assert!(counts.peak <= 100, "{counts:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn e_01_calls_cancelled_but_still_running_count() {
    // The handler holds its thread and cannot hear that it was cancelled: its id stays taken. The thread must
    // not be the one of this test.
    everywhere(&SOCKETS, "max_calls=2", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let occupy = greeting.method("occupy");
        raw.send(&call(0, occupy, &varint(400))).await.expect("sent");
        victim.counted("the handler", |counts| counts.running == 1).await;
        raw.send(&[cancel(0), call(0, occupy, &[1])].concat()).await.expect("sent");
        let frames = raw.rest().await.expect("an end");
        let goodbye = frames.iter().find(|frame| frame.kind == kind::GO_AWAY).expect("a goodbye");
        assert!(String::from_utf8_lossy(&goodbye.payload).contains("P-21"));
        assert_eq!(victim.counts().await.peak, 1);
        victim
    })
    .await;
}

#[tokio::test]
async fn e_02_making_the_server_do_the_resetting() {
    everywhere(&EVERYWHERE, "max_calls=100", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let hold = greeting.method("hold");
        // Each call's time is up at once: the server ends it, and its id is free when its reply has come.
        let mut answered = 0;
        for _ in 0..100 {
            let calls: Vec<u8> = (0..100).flat_map(|id| call_within(id, hold, 1, &[])).collect();
            raw.send(&calls).await.expect("sent");
            let mut ids = HashSet::new();
            while ids.len() < 100 {
                let frame = raw.frame().await.expect("an answer").expect("no end");
                assert_eq!(frame.failure_code(), Some(code::DEADLINE_EXCEEDED), "{frame:?}");
                assert!(ids.insert(frame.id));
                answered += 1;
            }
        }
        assert_eq!(answered, 10_000);
        let counts = victim.counted("handlers", |counts| counts.running == 0).await;
        assert!(counts.peak <= 100, "{counts:?}");
        // Data after the end, and a body that overflows: the connection ends, its handlers with it.
        let all: Vec<u8> = (0..50).flat_map(|id| call(id, hold, &[])).collect();
        raw.send(&[all, call_part(60, 0, 10, b"x"), call_data(60, &[1; 10])].concat()).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an end");
        assert!(!alive && String::from_utf8_lossy(&frames[0].payload).contains("P-31"), "{frames:?}");
        victim.counted("handlers", |counts| counts.running == 0).await;
        victim
    })
    .await;
}

#[tokio::test]
async fn e_03_an_honest_burst_of_cancels_is_no_attack() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        for _ in 0..10 {
            let calls: Vec<_> = (0..500)
                .map(|_| {
                    let client = client.clone();
                    tokio::spawn(async move { client.hold().await })
                })
                .collect();
            victim.counted("the burst", |counts| counts.running == 500).await;
            calls.iter().for_each(tokio::task::JoinHandle::abort);
            victim.counted("the burst", |counts| counts.running == 0).await;
        }
        assert_eq!(client.add(1, 2).await, Ok(3), "on the same connection");
        assert_eq!(victim.counts().await.dropped, 5000);
        victim
    })
    .await;
}

#[tokio::test]
async fn e_03_deadlines_and_dropped_calls_cost_no_connection_however_many() {
    const CALLS: usize = 40_000;
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let held = {
            let client = client.clone();
            tokio::spawn(async move { client.hold().await })
        };
        // Twice what a peer may cancel at once, as fast as it goes.
        let impatient = client.with_timeout(Duration::from_millis(1));
        let callers = (0..100).map(|caller| {
            let client = if caller % 2 == 0 { impatient.clone() } else { client.clone() };
            tokio::spawn(async move {
                for _ in 0..CALLS / 100 {
                    let called = tokio::time::timeout(Duration::from_millis(2), client.hold()).await;
                    if let Ok(answer) = called {
                        let error = answer.expect_err("it never answers");
                        assert_eq!(error.rpc().map(RpcError::code), Some(Code::DeadlineExceeded), "{error}");
                    }
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("no connection is lost");
        }
        assert_eq!(client.add(1, 2).await, Ok(3), "on the same connection");
        assert!(!held.is_finished(), "what had no part in it goes on");
        // All of them are ended in the end, the one that is held apart.
        victim.counted("handlers", |counts| counts.running == 1).await;
        held.abort();
        victim
    })
    .await;
}

#[tokio::test]
async fn e_04_one_call_more_than_the_limit() {
    everywhere(&EVERYWHERE, "max_calls=4", |victim| async move {
        // One who does not keep to the limit is refused that call.
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let hold = greeting.method("hold");
        let calls: Vec<u8> = (0..5).flat_map(|id| call(id, hold, &[])).collect();
        raw.send(&calls).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.len() == 1 && frames[0].id == 4, "{frames:?}");
        let (code, executed, message) = frames[0].failure().expect("a failure");
        assert_eq!((code, executed), (code::RESOURCE_EXHAUSTED, 0), "{message}");
        drop(raw);
        victim.counted("the handlers", |counts| counts.running == 0).await;

        // One who keeps to it waits for his turn, within his time.
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let holding: Vec<_> = (0..4)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.hold().await })
            })
            .collect();
        victim.counted("the handlers", |counts| counts.running == 4).await;
        let hasty = client.with_timeout(Duration::from_millis(50));
        let error = soon("a call", hasty.add(1, 2)).await.expect_err("no room");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::No));
        let patient = tokio::spawn({
            let client = client.clone();
            async move { client.add(1, 2).await }
        });
        holding[0].abort();
        assert_eq!(soon("a call", patient).await.expect("no panic"), Ok(3));
        drop(client);
        holding.iter().for_each(tokio::task::JoinHandle::abort);
        victim
    })
    .await;
}

#[tokio::test]
async fn e_11_floods_of_frames_that_cost_nothing() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let seen = hostile::ping_flood(&victim.address).await.expect("an answer");
        assert!(seen.cut_off(&["P-40", "ping"]), "{seen:?}");
        let seen = hostile::cancel_flood(&victim.address).await.expect("an answer");
        assert!(seen.cut_off(&["P-40", "cancel"]), "{seen:?}");
        // As many as an honest peer sends in an hour are fine.
        let (mut raw, _) = Raw::greet(&victim.address).await.expect("a connection");
        raw.send(&ping(1).repeat(1000)).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.len() == 1000);
        // Calls that are refused before anything runs are counted, too.
        let refused = call_within(0, 0, 0, &[]).repeat(30_000);
        let seen = hostile::after_hello(&victim.address, &refused).await.expect("an answer");
        assert!(seen.cut_off(&["P-40", "refused call"]), "{:?}", seen.goodbye);
        victim
    })
    .await;
}

#[tokio::test]
async fn e_12_ids_used_twice_and_in_any_order() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let seen = hostile::same_id(&victim.address).await.expect("an answer");
        assert!(seen.refused(&["P-21"]), "{seen:?}");
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let hold = greeting.method("hold");
        raw.send(&[call(7, hold, &[]), call(7, hold, &[])].concat()).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an end");
        assert!(!alive && String::from_utf8_lossy(&frames[0].payload).contains("P-21"), "{frames:?}");

        // Downwards, and again when the reply has come.
        let (mut raw, _) = Raw::greet(&victim.address).await.expect("a connection");
        for id in (0..1024).rev().chain([5, 5, 5]) {
            raw.send(&call(id, 0, &[2, 4])).await.expect("sent");
            assert!(raw.frame().await.expect("an answer").expect("no end").is_value(id));
        }
        // Beyond what was announced.
        raw.send(&call(u32::MAX, 0, &[2, 4])).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames[0].failure_code() == Some(code::RESOURCE_EXHAUSTED), "{frames:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn e_07_a_thousand_connections_of_one_peer() {
    everywhere(&EVERYWHERE, "max_peer_connections=20", |victim| async move {
        let hello = Greeting::default().bytes();
        let mut inside = Vec::new();
        for mut raw in hostile::crowd(&victim.address, 1000, &hello).await.expect("connections") {
            if raw.hello().await.is_ok() {
                inside.push(raw);
            }
        }
        // The canary has one of them.
        assert_eq!(inside.len(), 19);
        let refused = ProbeClient::connect(&victim.address).await.expect_err("it is full");
        assert_eq!((refused.code(), refused.executed()), (Code::Unavailable, Executed::No));
        if let Some(at) = victim.address.strip_prefix("tcp://") {
            let mut other = other_host(at.split('?').next().expect("an address")).await;
            other.send(&hello).await.expect("sent");
            other.hello().await.expect("another host has room");
        }
        drop(inside);
        let connected = async {
            // The server learns by and by who has gone.
            loop {
                match ProbeClient::connect(&victim.address).await {
                    Ok(client) => return client,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        assert_eq!(soon("a place", connected).await.add(1, 2).await, Ok(3));
        victim
    })
    .await;
}

/// A connection that comes from 127.0.0.2, every address of 127.0.0.0/8 being this machine.
async fn other_host(at: &str) -> Raw {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 2], 0))).expect("an address");
    let stream = socket.connect(at.parse().expect("an address")).await.expect("a connection");
    let (reader, writer) = stream.into_split();
    let from: Endpoint = "tcp://127.0.0.2:0".parse().expect("an address");
    Raw::over(Wire::new(reader, writer, Peer::new(from)))
}

#[tokio::test]
async fn e_08_limits_at_the_end_of_their_numbers() {
    let most = u32::MAX;
    let options = format!(
        "max_calls=65536&max_inflight={most}&max_queued={most}&max_message={most}&stream_window={most}&\
         max_connections={most}&max_peer_connections={most}&max_references={most}&low_window={most}"
    );
    let options = &*options;
    everywhere(&EVERYWHERE, options, |victim| async move {
        let address = victim.address.split('?').next().expect("an address").to_owned();
        let client = ProbeClient::connect(format!("{address}?{options}")).await.expect("a connection");
        let calls = (0..8).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.echo(vec![1; 3 << 20]).await.map(|bytes| bytes.len()) })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(soon("a call", call).await.expect("no panic"), Ok(3 << 20));
        }
        let blocks = tokio_stream::iter((0..50).map(|_| vec![1; 100_000]));
        assert_eq!(soon("an upload", client.measure(blocks)).await, Ok(5_000_000));
        // And at the other end.
        let refused = ProbeClient::connect(format!("{address}?max_calls=65537")).await;
        assert_eq!(refused.expect_err("too much").code(), Code::InvalidArgument);
        victim
    })
    .await;
}
