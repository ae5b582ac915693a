//! B: bytes that are not quite frames.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use traitwire::{Code, Executed, Peer, Server, Wire};

use crate::support::hostile::{self, Seen};
use crate::support::probe::{ProbeClient, ProbeServer, Prober};
use crate::support::raw::{
    Greeting, Raw, block, call, call_data, call_part, code, flag, frame, header, kind, ping, varint,
};
use crate::support::scripted::{Breaking, Broken, Scripted, probe_greeting};
use crate::support::victim::{EVERYWHERE, Place, SOCKETS, Victim, everywhere, soon};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn b_01_a_length_is_refused_before_memory_is_taken_for_it() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for length in [u32::MAX, i32::MAX as u32, (128 << 10) + 1] {
            let seen = hostile::after_hello(&victim.address, &header(length, kind::CALL, 0, 0)).await;
            let seen = seen.expect("an answer");
            assert!(seen.refused(&["P-10", &length.to_string()]), "{seen:?}");
        }
        // A body beyond the limit costs its call only. The rest of it is skipped.
        for total in [u64::MAX, u64::from(u32::MAX), (16 << 20) + 1] {
            let bytes = [call_part(0, 0, total, b"x"), call_data(0, &[1; 1000])].concat();
            let seen = hostile::after_hello(&victim.address, &bytes).await.expect("an answer");
            assert!(seen.alive && seen.frames[0].failure_code() == Some(code::TOO_LARGE), "{seen:?}");
        }
        assert!(victim.growth() < 4 * MIB, "{} bytes", victim.growth());
        victim
    })
    .await;
}

#[tokio::test]
async fn b_01_promised_bodies_take_no_memory_until_they_come() {
    everywhere(&SOCKETS, "", |victim| async move {
        let mut crowd = Vec::new();
        for _ in 0..20 {
            let (mut raw, _) = Raw::greet(&victim.address).await.expect("a connection");
            let parts: Vec<u8> = (0..4).flat_map(|id| call_part(id, 0, 16 << 20, b"x")).collect();
            raw.send(&parts).await.expect("sent");
            let (frames, alive) = raw.settle().await.expect("an answer");
            assert!(alive && frames.is_empty(), "{frames:?}");
            crowd.push(raw);
        }
        // 1.25 GiB are promised.
        assert!(victim.growth() < 32 * MIB, "{} bytes", victim.growth());
        victim
    })
    .await;
}

#[tokio::test]
async fn b_02_sums_of_lengths_do_not_wrap() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for length in (0..12).map(|less| u32::MAX - less) {
            let seen = hostile::after_hello(&victim.address, &header(length, kind::EXTENSION, 0, 0)).await;
            assert!(seen.as_ref().is_ok_and(|seen| seen.refused(&["P-10"])), "{seen:?}");
        }
        // Bodies whose sum would wrap what is held.
        let parts: Vec<u8> = (0..8).flat_map(|id| call_part(id, 0, u64::MAX - u64::from(id), b"x")).collect();
        let seen = hostile::after_hello(&victim.address, &parts).await.expect("an answer");
        assert!(seen.alive && seen.frames.len() == 8, "{seen:?}");
        let length = u32::MAX.to_le_bytes();
        let hello = [&Greeting::default().bytes()[..12], &length].concat();
        let seen = hostile::instead_of_hello(&victim.address, &hello).await.expect("an answer");
        assert!(seen.refused(&["P-3"]), "{seen:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn b_03_exactly_the_limit_and_one_more_and_nothing() {
    everywhere(&EVERYWHERE, "max_frame=4096&max_message=8192", |victim| async move {
        let (_, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let echo = greeting.method("echo");
        // A frame of the limit; the method's number takes one byte, the length of the block two.
        let most = call(0, echo, &block(&vec![1; 4096 - 1 - 2]));
        assert_eq!(most.len(), 4096 + 10);
        let seen = hostile::after_hello(&victim.address, &most).await.expect("an answer");
        assert!(seen.alive && seen.frames.len() == 1 && seen.frames[0].is_value(0), "{seen:?}");
        let more = call(0, echo, &block(&vec![1; 4096 - 1 - 2 + 1]));
        let seen = hostile::after_hello(&victim.address, &more).await.expect("an answer");
        assert!(seen.refused(&["P-10", "4097"]), "{seen:?}");

        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        assert_eq!(client.echo(vec![1; 8190]).await, Ok(vec![1; 8190]));
        let error = client.echo(vec![1; 8191]).await.expect_err("above max_message");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::TooLarge));
        assert_eq!(client.echo(Vec::new()).await, Ok(Vec::new()));

        // A frame without a payload holds not even a method's number.
        let seen = hostile::after_hello(&victim.address, &frame(kind::CALL, 0, 0, b"")).await;
        assert!(seen.as_ref().is_ok_and(|seen| seen.refused(&["P-13"])), "{seen:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn b_04_frames_that_carry_nothing_are_counted() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let seen = hostile::empty_parts(&victim.address).await.expect("an answer");
        assert!(seen.cut_off(&["P-31"]), "{seen:?}");
        let seen = hostile::stray_parts(&victim.address).await.expect("an answer");
        assert!(seen.cut_off(&["P-40", "data"]), "{seen:?}");
        let seen = hostile::extension_flood(&victim.address).await.expect("an answer");
        assert!(seen.cut_off(&["P-40", "extension"]), "{seen:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn b_05_numbers_end() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let beyond_64_bits = [&[0xFF; 9][..], &[2]].concat();
        for number in [vec![0x80; 11], vec![0x80; 100_000], vec![0x80], beyond_64_bits] {
            let bytes = frame(kind::CALL, 0, 0, &number);
            let seen = hostile::after_hello(&victim.address, &bytes).await.expect("an answer");
            assert!(seen.refused(&["P-13"]), "{seen:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn b_06_a_body_does_not_go_on_for_ever() {
    everywhere(&EVERYWHERE, "max_message=1MiB", |victim| async move {
        let part = call_data(0, &[1; 60_000]);
        let bytes = [call_part(0, 0, 1 << 20, b"x"), part.repeat(100)].concat();
        let seen = hostile::after_hello(&victim.address, &bytes).await.expect("an answer");
        assert!(seen.cut_off(&["P-31"]), "{seen:?}");
        assert!(victim.growth() < 8 * MIB, "{} bytes", victim.growth());
        victim
    })
    .await;
}

#[tokio::test]
async fn b_07_unknown_kinds_and_flags() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for number in [0, 18, 0x7F] {
            let seen = hostile::after_hello(&victim.address, &frame(number, 0, 0, b"")).await;
            assert!(seen.as_ref().is_ok_and(|seen| seen.refused(&["P-11"])), "{seen:?}");
        }
        for (kind, flags) in [(kind::CALL, 8), (kind::PING, 0x40), (kind::PING, 1), (kind::CALL_DATA, 1)] {
            let seen = hostile::after_hello(&victim.address, &frame(kind, flags, 0, &[0; 8])).await;
            assert!(seen.as_ref().is_ok_and(|seen| seen.refused(&["P-12"])), "{seen:?}");
        }
        // What a later version may say is skipped, whatever it holds.
        for number in [0x80, 0xFF] {
            let bytes = [frame(number, 0xFF, u32::MAX, &[9; 5000]), call(0, 0, &[2, 4])].concat();
            let seen = hostile::after_hello(&victim.address, &bytes).await.expect("an answer");
            assert!(seen.alive && seen.frames[0].is_value(0), "{seen:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn b_08_a_thousand_frames_that_never_end() {
    everywhere(&SOCKETS, "", |mut victim| async move {
        let mut crowd = Vec::new();
        for _ in 0..crowd_size(&mut victim) {
            let (mut raw, _) = Raw::greet(&victim.address).await.expect("a connection");
            crowd.push(raw.send(&header(100_000, kind::CALL, 0, 0)).await.map(|()| raw).expect("sent"));
        }
        let before = victim.growth();
        for _ in 0..20 {
            for raw in &mut crowd {
                raw.send(b"x").await.expect("sent");
            }
        }
        // What has arrived is 20 bytes for each; what was promised is 100 kB.
        let size = crowd.len() as u64;
        assert!(before < size * 40_000, "{before} bytes for {size} connections");
        assert!(victim.growth() - before < size * 10_000, "{} bytes more", victim.growth() - before);
        victim
    })
    .await;
}

/// A thousand, or what this machine lets both processes have.
fn crowd_size(victim: &mut Victim) -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let used = victim.process().map_or(0, |process| process.files()) as u64;
    1000.min(limit.saturating_sub(used + 200) / 2) as usize
}

#[tokio::test]
async fn b_09_frames_cut_anywhere_stay_in_step() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let (_, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let echo = greeting.method("echo");
        let body = block(b"abc");
        let calls = [
            call(0, 0, &[2, 4]),
            ping(3),
            call(1, echo, &body),
            call_part(2, echo, body.len() as u64, &body[..2]),
            frame(kind::EXTENSION, 0, 0, b"?"),
            call_data(2, &body[2..]),
            call(3, 0, &[4, 4]),
        ]
        .concat();
        let is_right = |seen: &Seen| {
            let mut values: Vec<_> = seen.frames.iter().filter(|frame| frame.kind == kind::REPLY).collect();
            values.sort_by_key(|frame| frame.id);
            let values: Vec<_> = values.iter().map(|frame| (frame.id, &frame.payload[..])).collect();
            seen.alive && values == [(0, &[6][..]), (1, &body), (2, &body), (3, &[8])]
        };
        let seen = hostile::byte_by_byte(&victim.address, &calls).await.expect("an answer");
        assert!(is_right(&seen), "{seen:?}");
        for cut in 1..calls.len() {
            let (mut raw, _) = Raw::greet(&victim.address).await.expect("a connection");
            raw.send(&calls[..cut]).await.expect("sent");
            tokio::task::yield_now().await;
            raw.send(&calls[cut..]).await.expect("sent");
            let (frames, alive) = raw.settle().await.expect("an answer");
            assert!(is_right(&Seen { frames, alive, goodbye: None }), "cut at {cut}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn b_10_calls_dropped_at_any_moment_leave_no_half_frames() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        for round in 0..60_usize {
            let size = [10, 70_000, 600_000][round % 3];
            let mut call = Box::pin(client.echo(vec![round as u8; size]));
            // Polled so often and then dropped, with a call of somebody else between.
            for _ in 0..round / 3 {
                tokio::select! {
                    biased;
                    echoed = &mut call => {
                        assert_eq!(echoed.map(|bytes| bytes.len()), Ok(size));
                        break;
                    }
                    () = tokio::task::yield_now() => {}
                }
            }
            drop(call);
            assert_eq!(client.add(round as i64, 1).await, Ok(round as i64 + 1));
        }
        assert_eq!(client.echo(vec![7; 3_000_000]).await.map(|bytes| bytes.len()), Ok(3_000_000));
        victim
    })
    .await;
}

#[tokio::test]
async fn b_11_a_writer_that_takes_nothing_or_fails_ends_the_connection() {
    for broken in [Broken::TakesNothing, Broken::Errs(ErrorKind::BrokenPipe)] {
        let how = Arc::new(Mutex::new(None));
        let client = client_over_breaking(Arc::clone(&how)).await;
        assert_eq!(client.add(1, 2).await, Ok(3));
        *how.lock().expect("whole") = Some(broken);
        let error = soon("a call", client.add(1, 2)).await.expect_err("it cannot be sent");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{error}");
        assert!(error.message().contains("writing failed"), "{error}");
    }
}

async fn client_over_breaking(how: Arc<Mutex<Option<Broken>>>) -> ProbeClient {
    let address = Place::Memory.address("");
    let server = Server::builder().service(ProbeServer::new(Prober::default()));
    server.bind(&address).await.expect("an address").spawn();
    ProbeClient::connect(crate::support::scripted::Through::new(&address, move |wire: Wire| {
        let Wire { reader, writer, peer, .. } = wire;
        let peer: Peer = peer;
        Wire::new(reader, Breaking::new(writer, Arc::clone(&how)), peer)
    }))
    .await
    .expect("a connection")
}

#[tokio::test]
async fn b_11_the_last_words_of_a_peer_are_heard() {
    let greeting = probe_greeting().await;
    let last = frame(kind::GO_AWAY, 0, 0, b"the disk is full");
    let peer = Scripted::answers(greeting.bytes(), last);
    let client = ProbeClient::connect(peer).await.expect("a connection");
    let error = soon("a call", client.add(1, 2)).await.expect_err("no reply");
    assert!(error.to_string().contains("the disk is full"), "{error}");
}

#[tokio::test]
async fn b_12_the_end_at_each_byte_of_what_a_client_says() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let hello = Greeting::default().bytes();
        let all = [hello.clone(), call(0, 0, &[2, 4]), call_part(1, 0, 50, &[1; 20])].concat();
        for length in hello.len()..=all.len() {
            let mut raw = Raw::open(&victim.address).await.expect("a connection");
            raw.send(&all[..length]).await.expect("sent");
            raw.finish().await.expect("closed");
            // A server that reads the end first has nobody left to greet.
            let _ = raw.hello().await;
            soon("the end", raw.rest()).await.expect("an end");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn b_12_the_end_at_each_byte_of_what_a_server_says() {
    let hello = probe_greeting().await.bytes();
    let reply = frame(kind::REPLY, 0, 0, &[6]);
    let part = [frame(kind::REPLY, flag::PARTIAL, 0, &[&varint(100)[..], &[1; 40]].concat())].concat();
    for length in 0..hello.len() {
        let peer = Scripted::answers(hello[..length].to_vec(), Vec::new());
        let error = soon("connecting", ProbeClient::connect(peer)).await.expect_err("no hello");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{length}: {error}");
    }
    for said in [reply, part] {
        for length in 1..=said.len() {
            let peer = Scripted::answers(hello.clone(), said[..length].to_vec());
            let client = soon("connecting", ProbeClient::connect(peer)).await.expect("a connection");
            let outcome = soon("a call", client.add(1, 2)).await;
            if outcome == Ok(3) {
                assert_eq!(length, said.len());
                continue;
            }
            let error = outcome.expect_err("cut short");
            let error = error.rpc().expect("the framework's");
            assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::Maybe), "{error}");
            let is_whole = length == said.len();
            assert_eq!(error.message().contains("in the middle of a frame"), !is_whole, "{error}");
        }
    }
}
