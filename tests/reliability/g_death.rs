//! G: a peer that is gone from one moment to the next, as real processes go.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use traitwire::{ChannelState, Code, Executed, RpcError};

use crate::support::hostile;
use crate::support::probe::{Counts, ProbeClient};
use crate::support::process::Process;
use crate::support::raw::{Raw, call, call_part};
use crate::support::victim::{EVERYWHERE, Place, SOCKETS, eventually, everywhere, soon};

/// A local peer's death shows within a second.
const AT_ONCE: Duration = Duration::from_secs(1);

fn server(place: Place, options: &str) -> (Process, String) {
    Process::start(&format!("server {}", place.address(options)), None)
}

async fn running(client: &ProbeClient, count: u64) -> Counts {
    loop {
        let counts = soon("a call", client.counts()).await.expect("counts");
        if counts.running == count {
            return counts;
        }
    }
}

fn is_lost(error: &RpcError, executed: Executed, since: Instant) {
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, executed), "{error}");
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
}

#[tokio::test]
async fn g_01_the_server_is_killed_before_it_accepts() {
    for place in SOCKETS {
        let (mut process, address) = Process::start(&format!("deaf {}", place.address("")), None);
        let connecting = tokio::spawn(async move { ProbeClient::connect(&address).await });
        // It waits for the hello of a server that never accepts.
        let waits = tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>());
        assert!(waits.await.is_err() && !connecting.is_finished());
        process.kill();
        let since = Instant::now();
        let error = soon("connecting", connecting).await.expect("no panic").expect_err("no server");
        is_lost(&error, Executed::No, since);
    }
}

#[tokio::test]
async fn g_01_the_server_is_killed_while_nothing_happens() {
    for place in SOCKETS {
        let (mut process, address) = server(place, "");
        let client = ProbeClient::connect(&address).await.expect("a connection");
        assert_eq!(client.add(1, 2).await, Ok(3));
        process.kill();
        eventually("the loss shows", || client.channel().state() != ChannelState::Ready).await;
        let since = Instant::now();
        let error = client.add(1, 2).await.expect_err("no server");
        is_lost(error.rpc().expect("the framework's"), Executed::No, since);
        let error = soon("connecting", ProbeClient::connect(&address)).await.expect_err("no server");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No));
    }
}

#[tokio::test]
async fn g_01_the_server_is_killed_with_calls_running_and_waiting() {
    for place in SOCKETS {
        let (mut process, address) = server(place, "max_calls=3");
        let client = ProbeClient::connect(&address).await.expect("a connection");
        let other = ProbeClient::connect(&address).await.expect("a connection");
        let call = |_| {
            let client = client.clone();
            tokio::spawn(async move { client.hold().await.expect_err("no answer") })
        };
        let calls: Vec<_> = (0..3).map(call).collect();
        running(&other, 3).await;
        let waiting: Vec<_> = (0..20).map(call).collect();
        tokio::task::yield_now().await;
        process.kill();
        let since = Instant::now();
        for (calls, executed) in [(calls, Executed::Maybe), (waiting, Executed::No)] {
            for call in calls {
                let error = soon("a call", call).await.expect("no panic");
                is_lost(error.rpc().expect("the framework's"), executed, since);
            }
        }
    }
}

#[tokio::test]
async fn g_01_the_server_is_killed_in_the_middle_of_an_answer() {
    for place in SOCKETS {
        for round in 0..8 {
            let (mut process, address) = server(place, "");
            let client = ProbeClient::connect(&address).await.expect("a connection");
            let killer = tokio::task::spawn_blocking(move || {
                std::thread::sleep(Duration::from_micros(500 * round));
                process.kill();
                Instant::now()
            });
            let error = loop {
                match soon("a call", client.produce(8 << 20)).await {
                    Ok(bytes) => assert_eq!(bytes.len(), 8 << 20),
                    Err(error) => break error,
                }
            };
            let killed = killer.await.expect("no panic");
            let error = error.rpc().expect("the framework's");
            assert_eq!(error.code(), Code::Unavailable, "{error}");
            assert!(killed.elapsed() < AT_ONCE);
        }
    }
}

#[tokio::test]
async fn g_01_the_server_is_killed_while_it_drains() {
    for place in SOCKETS {
        let (mut process, address) = server(place, "");
        let client = ProbeClient::connect(&address).await.expect("a connection");
        let (mut raw, _) = Raw::greet(&address).await.expect("a connection");
        let holding = tokio::spawn({
            let client = client.clone();
            async move { client.hold().await.expect_err("no answer") }
        });
        running(&client, 1).await;
        process.tell("stop 60000");
        // Every connection is told.
        assert!(raw.frame().await.expect("an answer").is_some());
        let refused = loop {
            match client.add(1, 2).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        let refused = refused.rpc().expect("the framework's").clone();
        assert_eq!((refused.code(), refused.executed()), (Code::Unavailable, Executed::No));
        process.kill();
        let since = Instant::now();
        let error = soon("a call", holding).await.expect("no panic");
        is_lost(error.rpc().expect("the framework's"), Executed::Maybe, since);
    }
}

#[tokio::test]
async fn g_02_the_client_is_killed_at_each_point() {
    everywhere(&SOCKETS, "", |victim| async move {
        for point in ["silent", "half_hello", "half_frame", "idle", "calling", "sending"] {
            let before = victim.counts().await;
            let (mut client, word) = Process::start(&format!("client {} {point}", victim.address), None);
            assert_eq!(word, "there", "{point}");
            if point == "calling" {
                assert_eq!(victim.counts().await.running, 3);
            }
            client.kill();
            let after = victim.counted(point, |counts| counts.running == 0).await;
            assert_eq!(after.dropped - before.dropped, if point == "calling" { 3 } else { 0 });
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn g_06_every_pending_call_hears_of_the_end() {
    for place in SOCKETS {
        let (mut process, address) = server(place, "");
        let client = ProbeClient::connect(&address).await.expect("a connection");
        let calls: Vec<_> = (0..2000)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.hold().await.expect_err("no answer") })
            })
            .collect();
        let other = ProbeClient::connect(&address).await.expect("a connection");
        running(&other, 1024).await;
        process.kill();
        let since = Instant::now();
        let mut maybe = 0;
        for call in calls {
            let error = soon("a call", call).await.expect("no panic");
            let error = error.rpc().expect("the framework's");
            assert_eq!(error.code(), Code::Unavailable, "{error}");
            maybe += usize::from(error.executed() == Executed::Maybe);
        }
        assert!(since.elapsed() < 2 * AT_ONCE, "{:?}", since.elapsed());
        assert_eq!(maybe, 1024, "those that were sent");
    }
}

#[tokio::test]
async fn g_02_connections_reset_in_the_middle_of_everything() {
    everywhere(&[Place::Tcp], "", |victim| async move {
        let (_, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let hello = crate::support::raw::Greeting::default().bytes();
        let produce = call(1, greeting.method("produce"), &crate::support::raw::varint(4 << 20));
        let all =
            [hello, call(0, greeting.method("hold"), &[]), produce, call_part(2, 0, 999, b"x")].concat();
        let address = victim.address.strip_prefix("tcp://").expect("an address").to_owned();
        for length in (0..all.len()).step_by(3).chain([all.len()]) {
            let mut stream = std::net::TcpStream::connect(&address).expect("a connection");
            std::io::Write::write_all(&mut stream, &all[..length]).expect("sent");
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("no linger");
        }
        let seen = hostile::after_hello(&victim.address, &[]).await.expect("an answer");
        assert!(seen.alive);
        victim
    })
    .await;
}

#[tokio::test]
async fn g_03_a_peer_that_says_nothing_any_more_is_given_up() {
    for place in SOCKETS {
        // The server falls silent, as behind a cable that was pulled.
        let (process, address) = server(place, "");
        let client = ProbeClient::connect(with(&address, "keepalive=200ms")).await.expect("a connection");
        let holding = tokio::spawn({
            let client = client.clone();
            async move { client.hold().await.expect_err("no answer") }
        });
        running(&client, 1).await;
        process.stop();
        let since = Instant::now();
        let error = soon("the call", holding).await.expect("no panic");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::Maybe), "{error}");
        assert!(error.message().contains("no sign of life"), "{error}");
        assert!((200..2000).contains(&since.elapsed().as_millis()), "{:?}", since.elapsed());
        drop(process);

        // The client does: its handlers end.
        let (_server, address) = server(place, "keepalive=200ms");
        let (client, _) = Process::start(&format!("client {} calling", without_options(&address)), None);
        let other = ProbeClient::connect(&address).await.expect("a connection");
        running(&other, 3).await;
        client.stop();
        running(&other, 0).await;
    }
}

#[tokio::test]
async fn g_04_a_peer_that_was_only_stopped_goes_on_where_it_was() {
    for place in SOCKETS {
        let (process, address) = server(place, "");
        let client = ProbeClient::connect(&address).await.expect("a connection");
        let id = client.process().await.expect("its number");
        process.stop();
        let hasty = client.with_timeout(Duration::from_millis(50));
        for _ in 0..20 {
            let error = hasty.add(1, 2).await.expect_err("nobody answers");
            assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded), "{error}");
        }
        let patient = tokio::spawn({
            let client = client.clone();
            async move { client.add(20, 3).await }
        });
        assert_eq!(client.channel().state(), ChannelState::Ready);
        process.signal(Signal::CONT);
        // Late answers to calls that have ended are nobody's; those who waited get their own.
        assert_eq!(soon("the call that waited", patient).await.expect("no panic"), Ok(23));
        for n in 0..100 {
            assert_eq!(soon("a call", client.add(n, n)).await, Ok(2 * n));
        }
        assert_eq!(client.process().await, Ok(id));
    }
}

#[tokio::test]
async fn g_05_what_is_too_large_is_no_dead_peer() {
    everywhere(&EVERYWHERE, "max_message=1MiB", |victim| async move {
        let options = "max_message=1MiB";
        let client = ProbeClient::connect(with(&without_options(&victim.address), options)).await;
        let client = client.expect("a connection");
        let sent = client.echo(vec![1; 2 << 20]).await.expect_err("too large");
        let received = client.produce(2 << 20).await.expect_err("too large");
        for (error, executed) in [(sent, Executed::No), (received, Executed::Yes)] {
            let error = error.rpc().expect("the framework's");
            assert_eq!((error.code(), error.executed()), (Code::TooLarge, executed), "{error}");
            assert!(error.message().contains("max_message"), "{error}");
        }
        assert_eq!(client.channel().state(), ChannelState::Ready);
        assert_eq!(client.add(1, 2).await, Ok(3));
        victim
    })
    .await;
}

fn without_options(address: &str) -> String {
    address.split('?').next().unwrap_or(address).to_owned()
}

fn with(address: &str, options: &str) -> String {
    format!("{address}?{options}")
}
