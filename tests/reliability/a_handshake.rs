//! A: before anybody has said who they are.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use traitwire::{Channel, Code, Executed, Server};

use crate::support::hostile::{self, Seen};
use crate::support::probe::{ProbeClient, ProbeServer, Prober};
use crate::support::raw::{Greeting, Raw, call, kind};
use crate::support::scripted::{Failing, Scripted, probe_greeting};
use crate::support::victim::{EVERYWHERE, Place, SOCKETS, eventually, everywhere, soon};

#[tokio::test]
async fn a_01_silence_ends_at_the_handshake_timeout() {
    everywhere(&EVERYWHERE, "handshake_timeout=200ms", |victim| async move {
        let begin = Instant::now();
        let seen = hostile::silence(&victim.address).await.expect("an end");
        assert!(seen.refused(&["no hello within 200ms"]), "{seen:?}");
        assert!(begin.elapsed() >= Duration::from_millis(200));
        victim
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_01_the_timeout_counts_from_the_beginning_and_not_from_the_last_byte() {
    let address = Place::Memory.address("handshake_timeout=3s");
    let server = Server::builder().service(ProbeServer::new(Prober::default())).bind(&address).await;
    let handle = server.expect("an address").spawn();
    let mut raw = Raw::open(handle.endpoint().to_string().as_str()).await.expect("a connection");
    let begin = tokio::time::Instant::now();
    let mut sent = 0;
    for byte in Greeting::default().bytes() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if raw.send(&[byte]).await.is_err() {
            break;
        }
        sent += 1;
    }
    let seen = async {
        raw.hello().await?;
        raw.rest().await
    };
    let said = seen.await.expect("an end").pop().expect("a goodbye");
    assert_eq!(said.kind, kind::GO_AWAY);
    assert!(sent < 10 && begin.elapsed() < Duration::from_secs(30), "{sent} bytes were taken");
}

#[tokio::test]
async fn a_02_those_who_have_not_said_hello_are_few_and_the_oldest_gives_way() {
    for place in SOCKETS {
        let mut victim = crate::support::victim::Victim::start(place, "max_handshakes=16").await;
        let mut crowd = Vec::new();
        for _ in 0..20 {
            crowd.extend(hostile::crowd(&victim.address, 100, b"\xFFTW").await.expect("connections"));
            let client = soon("a client in a crowd", ProbeClient::connect(&victim.address));
            let client = client.await.expect("it connects");
            assert_eq!(client.add(1, 2).await, Ok(3));
            let process = victim.process().expect("a process");
            // Its own, those of the crowd that may stay, and those of two clients.
            eventually("the crowd is held", || process.files() < 16 + 24).await;
        }
        // The first of all has had to go, perhaps before it was greeted.
        let _ = crowd[0].hello().await;
        assert_eq!(soon("the end", crowd[0].rest()).await.expect("an end"), []);
        drop(crowd);
        victim.unharmed().await;
    }
}

#[tokio::test]
async fn a_03_what_is_no_hello_is_refused_by_what_it_is() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let address = &victim.address;
        let seen = hostile::http(address).await.expect("an answer");
        assert!(seen.refused(&["does not speak this protocol", "GET / HTTP", "an HTTP request"]), "{seen:?}");
        let seen = hostile::tls(address).await.expect("an answer");
        assert!(seen.refused(&["a TLS handshake"]), "{seen:?}");
        let seen = hostile::wrong_magic(address).await.expect("an answer");
        assert!(seen.refused(&["does not speak this protocol", "TWIRE"]), "{seen:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn a_03_a_client_says_what_it_found() {
    for (said, words) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "an HTTP response"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0"),
        (b"\x16\x03\x03\x00\x02", "a TLS handshake"),
    ] {
        let peer = Scripted::answers(said.to_vec(), Vec::new());
        let error = soon("connecting", Channel::connect(peer)).await.expect_err("no such protocol");
        assert_eq!((error.code(), error.executed()), (Code::Protocol, Executed::No));
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_04_other_versions_are_refused_to_both_sides() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for (lowest, highest) in [(2, 9), (0, 0), (u16::MAX, u16::MAX), (2, 1)] {
            let seen = hostile::version(&victim.address, lowest, highest).await.expect("an answer");
            let theirs = format!("{lowest} to {highest}");
            assert!(seen.refused(&["protocol versions", &theirs, "1 to 1"]), "{seen:?}");
        }
        // A range that holds ours, and fields of a later version, are fine.
        let hello = Greeting { versions: (0, 9), appended: vec![1, 2, 3], ..Greeting::default() };
        let mut raw = Raw::open(&victim.address).await.expect("a connection");
        raw.send(&hello.bytes()).await.expect("sent");
        raw.hello().await.expect("a hello");
        let (_, alive) = raw.settle().await.expect("an answer");
        assert!(alive);
        victim
    })
    .await;
}

#[tokio::test]
async fn a_04_a_client_refuses_a_server_of_another_version() {
    for versions in [(2, 9), (0, 0), (u16::MAX, u16::MAX)] {
        let hello = Greeting { versions, ..Greeting::default() };
        let peer = Scripted::answers(hello.bytes(), Vec::new());
        let error = soon("connecting", Channel::connect(peer)).await.expect_err("no common version");
        assert_eq!(error.code(), Code::Protocol);
        assert!(error.message().contains("protocol versions"), "{error}");
    }
}

#[tokio::test]
async fn a_05_a_second_hello_and_a_frame_before_the_first() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let seen = hostile::second_hello(&victim.address).await.expect("an answer");
        assert!(seen.refused(&["P-1"]), "{seen:?}");
        let seen = hostile::early_frame(&victim.address).await.expect("an answer");
        assert!(seen.refused(&["does not speak this protocol"]), "{seen:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn a_06_a_hello_byte_by_byte() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let seen = hostile::byte_by_byte(&victim.address, &call(4, 0, &[2, 4])).await.expect("an answer");
        let Seen { frames, alive, .. } = &seen;
        assert!(*alive && frames.len() == 1 && frames[0].is_value(4), "{seen:?}");
        assert_eq!(frames[0].payload, [6], "1 + 2 in zigzag");
        victim
    })
    .await;
}

#[tokio::test]
async fn a_07_leaving_in_the_middle_of_the_hello() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let hello = Greeting::default().bytes();
        for length in 0..hello.len() {
            let mut raw = Raw::open(&victim.address).await.expect("a connection");
            raw.send(&hello[..length]).await.expect("sent");
            raw.finish().await.expect("closed");
            // The server hangs up at once: nothing waits for the handshake timeout.
            let _ = raw.hello().await;
            soon("the end", raw.rest()).await.expect("an end");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn a_08_impossible_limits() {
    const GOOD: [u64; 5] = [1 << 17, 1 << 20, 16, 1 << 20, 1 << 18];
    everywhere(&EVERYWHERE, "", |victim| async move {
        for (at, name) in
            ["max_frame", "max_message", "max_calls", "max_inflight", "stream_window"].iter().enumerate()
        {
            let mut limits = GOOD;
            limits[at] = 0;
            let seen = hostile::limits(&victim.address, limits).await.expect("an answer");
            assert!(seen.refused(&["P-5", name]), "{seen:?}");
            limits[at] = u64::MAX;
            let seen = hostile::limits(&victim.address, limits).await.expect("an answer");
            assert!(seen.refused(&["P-4"]), "{seen:?}");
            limits[at] = u32::MAX.into();
            let hello = Greeting { limits, ..Greeting::default() };
            let mut raw = Raw::open(&victim.address).await.expect("a connection");
            raw.send(&[hello.bytes(), call(0, 0, &[2, 4])].concat()).await.expect("sent");
            raw.hello().await.expect("a hello");
            let (frames, alive) = raw.settle().await.expect("an answer");
            assert!(alive && frames.len() == 1 && frames[0].is_value(0), "{frames:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn a_08_a_client_survives_the_same_from_a_server() {
    let greeting = probe_greeting().await;
    for limits in [[0; 5], [1024, 1, 1, 1, 1], [u32::MAX.into(); 5], [1 << 17, u64::MAX, 1, 1, 1]] {
        let hello = Greeting { limits, ..greeting.clone() };
        let reply = crate::support::raw::frame(kind::REPLY, 0, 0, &[6]);
        let peer = Scripted::answers(hello.bytes(), reply);
        match soon("connecting", ProbeClient::connect(peer)).await {
            Err(error) => assert_eq!(error.code(), Code::Protocol, "{limits:?}"),
            Ok(client) => match soon("a call", client.add(1, 2)).await {
                Ok(sum) => assert_eq!(sum, 3),
                Err(error) => {
                    let error = error.rpc().expect("the framework's").clone();
                    assert_eq!(error.code(), Code::TooLarge, "{limits:?}: {error}");
                }
            },
        }
    }
}

#[tokio::test]
async fn a_09_pings_of_a_peer_that_never_reads() {
    everywhere(&EVERYWHERE, "max_queued=65536", |victim| async move {
        let pings = crate::support::raw::ping(1).repeat(1000);
        let raw = hostile::deaf(&victim.address, &pings, 1000).await.expect("a connection");
        assert!(victim.growth() < 8 << 20, "{} bytes", victim.growth());
        drop(raw);
        victim
    })
    .await;
}

#[tokio::test]
async fn a_10_connections_reset_before_they_are_accepted() {
    everywhere(&[Place::Tcp], "", |victim| async move {
        for _ in 0..20 {
            let address = victim.address.strip_prefix("tcp://").expect("an address").to_owned();
            // Fewer than the kernel queues: beyond that it drops, and each attempt takes a second.
            let resets = tokio::task::spawn_blocking(move || {
                for _ in 0..100 {
                    let stream = TcpStream::connect(&address).expect("a connection");
                    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
                        .expect("no linger");
                }
            });
            resets.await.expect("all of them");
            let client = ProbeClient::connect(&victim.address).await.expect("the server still accepts");
            assert_eq!(client.add(1, 2).await, Ok(3));
        }
        victim
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_10_no_error_of_accept_ends_the_server() {
    use rustix::io::Errno;
    let peers_own = [Errno::CONNABORTED, Errno::CONNRESET, Errno::PIPE, Errno::NOTCONN, Errno::INTR];
    let machines = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::INVAL, Errno::PERM];
    let address = Place::Memory.address("");
    let all = peers_own.iter().chain(&machines).map(|errno| errno.raw_os_error());
    let all: BTreeSet<i32> = all.collect();
    assert_eq!(all.len(), 11);
    let errors = std::iter::repeat_n(all, 20).flatten();
    let listener = Failing::at(&address, errors).await;
    let server = Server::builder().service(ProbeServer::new(Prober::default())).bind(listener).await;
    let handle = server.expect("bound").spawn();
    // The clock goes on by itself while everybody waits: the pauses between attempts pass.
    let client = ProbeClient::connect(&format!("{address}?connect_timeout=1h&handshake_timeout=1h")).await;
    assert_eq!(client.expect("accepted in the end").add(1, 2).await, Ok(3));
    handle.shutdown(Duration::from_secs(1)).await.expect("an end");
}
