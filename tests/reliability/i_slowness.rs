//! I: peers that read slowly, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rustix::process::Signal;
use tokio_stream::Stream;
use traitwire::{Code, Executed, Server};

use crate::support::probe::{ProbeClient, ProbeServer, Prober};
use crate::support::process::Process;
use crate::support::raw::{Raw, call, varint};
use crate::support::scripted::{Scripted, probe_greeting};
use crate::support::victim::{EVERYWHERE, Place, SOCKETS, eventually, everywhere, soon};

const MIB: usize = 1 << 20;

/// Blocks of 64 KiB, and how many were asked for.
fn blocks(count: usize, made: &Arc<AtomicU64>) -> impl Stream<Item = Vec<u8>> + Send + 'static {
    let made = Arc::clone(made);
    tokio_stream::iter((0..count).map(move |_| {
        made.fetch_add(1, SeqCst);
        vec![7; 64 << 10]
    }))
}

#[tokio::test]
async fn i_01_answers_that_nobody_reads_take_bounded_memory() {
    everywhere(&EVERYWHERE, "max_calls=10000", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let produce = greeting.method("produce");
        let calls: Vec<u8> = (0..10_000).flat_map(|id| call(id, produce, &varint(MIB as u64))).collect();
        raw.push(&calls, Duration::from_secs(5)).await.expect("sent");
        // The last of them was taken: what it was to produce waits for its turn.
        for _ in 0..50 {
            victim.canary().add(1, 1).await.expect("a sum");
        }
        assert!(victim.growth() < 64 * MIB as u64, "{} bytes", victim.growth());
        drop(raw);
        victim
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn i_01_a_peer_that_reads_nothing_is_given_up() {
    let address = Place::Memory.address("keepalive=off");
    let service = Prober::default();
    let server = Server::builder().service(ProbeServer::new(service.clone()));
    let handle = server.bind(&address).await.expect("an address").spawn();
    let (mut raw, greeting) = Raw::greet(&address).await.expect("a connection");
    let (produce, hold) = (greeting.method("produce"), greeting.method("hold"));
    let calls = [call(0, hold, &[]), call(1, produce, &varint(4 * MIB as u64))].concat();
    raw.send(&calls).await.expect("sent");
    let begin = tokio::time::Instant::now();
    while service.tally().dropped == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(begin.elapsed() < Duration::from_secs(30), "it holds the connection for ever");
    }
    assert!(begin.elapsed() >= Duration::from_secs(20), "{:?}", begin.elapsed());
    assert_eq!(handle.shutdown(Duration::ZERO).await.expect("an end").cut_off, 0);
}

#[tokio::test]
async fn i_02_a_server_that_does_not_read_holds_its_callers_up() {
    for place in SOCKETS {
        let (process, address) = Process::start(&format!("server {}", place.address("")), None);
        let client = ProbeClient::connect(&address).await.expect("a connection");
        assert_eq!(client.add(1, 2).await, Ok(3));
        process.stop();
        let made = Arc::default();
        let upload = {
            let (client, blocks) = (client.clone(), blocks(1000, &made));
            tokio::spawn(async move { client.measure(blocks).await })
        };
        eventually("it begins", || made.load(SeqCst) > 0).await;
        // Other calls are queued behind what the server does not read, and no item more is asked for.
        let echo = {
            let client = client.clone();
            tokio::spawn(async move { client.echo(vec![1; 4 * MIB]).await })
        };
        let quiet = tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>());
        assert!(quiet.await.is_err() && !upload.is_finished() && !echo.is_finished());
        assert!(made.load(SeqCst) < 32, "{made:?} blocks of 64 KiB");
        process.signal(Signal::CONT);
        assert_eq!(soon("the upload", upload).await.expect("no panic"), Ok(1000 * (64 << 10)));
        let echoed = soon("the echo", echo).await.expect("no panic").expect("an echo");
        assert_eq!(echoed.len(), 4 * MIB);
    }
}

#[tokio::test(start_paused = true)]
async fn i_05_closing_ends_though_the_writer_is_stuck() {
    let greeting = probe_greeting().await.bytes();
    let deaf = Scripted::new(move |mut raw| {
        let greeting = greeting.clone();
        async move {
            raw.push(&greeting, Duration::from_secs(1)).await.expect("sent");
            std::future::pending::<()>().await;
        }
    });
    let client = ProbeClient::connect(deaf).await.expect("a connection");
    let stuck = {
        let client = client.clone();
        tokio::spawn(async move { client.echo(vec![1; 8 * MIB]).await })
    };
    // The pipe is full once a small call does not get through either.
    client.with_timeout(Duration::from_millis(1)).add(1, 1).await.expect_err("nobody answers");
    let begin = tokio::time::Instant::now();
    client.channel().close().await;
    assert!(begin.elapsed() <= Duration::from_secs(21), "{:?}", begin.elapsed());
    let error = stuck.await.expect("no panic").expect_err("it was closed");
    let error = error.rpc().expect("the framework's");
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{error}");
}
