//! References to objects: what a peer may do with them, and that none is ever lost.

use traitwire::{ChannelState, Code, Executed};

use crate::support::hostile;
use crate::support::probe::{BellClient, Brass, ProbeClient};
use crate::support::process::Process;
use crate::support::raw::{Raw, call, code, flag, frame, kind, take_varint, varint};
use crate::support::victim::{EVERYWHERE, SOCKETS, eventually, everywhere, soon};

/// A `GIVE` of an object of the sender's.
fn give(number: u64) -> Vec<u8> {
    frame(kind::GIVE, 0, 0, &[&[0][..], &varint(number), &[7; 8]].concat())
}

/// A `GIVE` of an object of the receiver's.
fn give_own(number: u64) -> Vec<u8> {
    frame(kind::GIVE, 0, 0, &[&[1][..], &varint(number)].concat())
}

fn call_object(id: u32, object: u64, method: u32) -> Vec<u8> {
    frame(kind::CALL, flag::OBJECT, id, &[varint(object), varint(method.into())].concat())
}

#[tokio::test]
async fn references_that_break_a_rule_cost_the_connection() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let greeting = Raw::greet(&victim.address).await.expect("a connection").1;
        let ring = call(0, greeting.method("ring"), &[0]);
        let many = |count| frame(kind::GIVE, 0, 0, &[&[0, 1][..], &[7; 8]].concat().repeat(count));
        for (what, bytes) in [
            ("nothing follows but another frame", [give(1), frame(kind::PING, 0, 0, &[0; 8])].concat()),
            ("a part follows", [give(1), frame(kind::CALL_DATA, 0, 0, &[0; 8])].concat()),
            ("two for one message", [give(1), give(2), ring.clone()].concat()),
            ("none", [frame(kind::GIVE, 0, 0, &[]), ring.clone()].concat()),
            ("too many", [many(1001), ring.clone()].concat()),
            ("cut short", [frame(kind::GIVE, 0, 0, &[0, 1, 7]), ring.clone()].concat()),
            ("of no kind", [frame(kind::GIVE, 0, 0, &[2, 1]), ring.clone()].concat()),
            ("of the victim's, which gave none", [give_own(1), ring.clone()].concat()),
        ] {
            let seen = hostile::after_hello(&victim.address, &bytes).await.expect("an answer");
            assert!(seen.refused(&["P-38"]), "{what}: {seen:?}");
        }
        for payload in [&[1][..], &[0], &[0xFF; 9]] {
            let bytes = frame(kind::RETURN, 0, 0, payload);
            let seen = hostile::after_hello(&victim.address, &bytes).await.expect("an answer");
            assert!(seen.refused(&["P-39"]) || seen.refused(&["P-13"]), "{payload:?}: {seen:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn what_is_given_comes_back_whatever_becomes_of_its_message() {
    everywhere(&EVERYWHERE, "max_message=1KiB&max_calls=2", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let ring = greeting.method("ring");
        let messages = [
            // Not read: the value is none.
            [give(1), call(0, greeting.method("add"), &[2, 4])].concat(),
            // The value names another one.
            [give(2), call(1, ring, &[9])].concat(),
            // Refused: too large, too many, no method.
            [give(3), call(0, ring, &[0; 2000])].concat(),
            [give(4), call(70_000, ring, &[0])].concat(),
            [give(5), call(1, 60_000, &[0])].concat(),
            // Cancelled in the middle.
            [give(6), call(0, greeting.method("hold_bell"), &[0]), frame(kind::CANCEL, 0, 0, &[])].concat(),
        ];
        let mut back = Vec::new();
        for (number, message) in (1u64..).zip(messages) {
            raw.send(&message).await.expect("sent");
            let (mut answered, mut returned) = (false, false);
            while !(answered && returned) {
                let next = soon("an answer", raw.frame()).await.expect("an answer").expect("the connection");
                match next.kind {
                    kind::REPLY => answered = true,
                    kind::RETURN => {
                        let mut payload = &next.payload[..];
                        back.push(take_varint(&mut payload).expect("a number"));
                        returned = true;
                    }
                    _ => {}
                }
            }
            assert_eq!(back.last(), Some(&number));
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn an_object_is_there_as_long_as_it_is_held() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        raw.send(&call(0, greeting.method("bell"), &[]).repeat(1)).await.expect("sent");
        let given = raw.frame().await.expect("a frame").expect("the connection");
        assert_eq!(given.kind, kind::GIVE);
        let mut payload = &given.payload[1..];
        let object = take_varint(&mut payload).expect("a number");
        assert!(raw.frame().await.expect("a frame").expect("the connection").is_value(0));

        raw.send(&call_object(0, object, 0)).await.expect("sent");
        assert!(raw.frame().await.expect("a frame").expect("the connection").is_value(0));
        // A method it has not, and its description.
        raw.send(&call_object(0, object, 1)).await.expect("sent");
        let reply = raw.frame().await.expect("a frame").expect("the connection");
        assert_eq!(reply.failure_code(), Some(code::UNIMPLEMENTED));
        let asked = [&varint(object)[..], &varint(u32::MAX.into()), &[4], b"Bell"].concat();
        raw.send(&frame(kind::CALL, flag::OBJECT, 0, &asked)).await.expect("sent");
        let reply = raw.frame().await.expect("a frame").expect("the connection");
        assert!(reply.is_value(0) && reply.payload.windows(4).any(|name| name == b"ring"), "{reply:?}");

        raw.send(&frame(kind::RETURN, 0, 0, &varint(object))).await.expect("sent");
        raw.send(&call_object(0, object, 0)).await.expect("sent");
        let reply = raw.frame().await.expect("a frame").expect("the connection");
        assert_eq!(reply.failure_code(), Some(code::UNIMPLEMENTED), "it was given back");
        raw.send(&frame(kind::RETURN, 0, 0, &varint(object))).await.expect("sent");
        let frames = raw.rest().await.unwrap_or_default();
        assert!(frames.iter().any(|frame| frame.kind == kind::GO_AWAY), "{frames:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_gives_nothing_back_is_given_no_more() {
    everywhere(&EVERYWHERE, "max_references=50", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let mut bells = Vec::new();
        for _ in 0..50 {
            bells.push(client.bell().await.expect("a bell"));
        }
        let error = client.bell().await.expect_err("one too many");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::ResourceExhausted, Executed::Yes), "{error}");
        assert!(error.message().contains("max_references"), "{error}");
        assert_ne!(bells[49].ring().await.expect("a ring"), 0);
        bells.pop();
        // Giving back takes a moment.
        let again = async { while client.bell().await.is_err() {} };
        soon("a place", again).await;
        victim
    })
    .await;
}

#[tokio::test]
async fn g_h_objects_are_lost_with_their_process() {
    for place in SOCKETS {
        let (mut process, address) = Process::start(&format!("server {}", place.address("")), None);
        let client =
            ProbeClient::connect(format!("{address}?wait_for_ready=on")).await.expect("a connection");
        let bell = client.bell().await.expect("a bell");
        let old = bell.ring().await.expect("a ring");
        process.kill();
        eventually("the loss shows", || client.channel().state() != ChannelState::Ready).await;
        let (process, _) = Process::start(&format!("server {address}"), None);
        let new = client.bell().await.expect("another bell");
        assert_ne!(new.ring().await.expect("a ring"), old);
        let error = bell.ring().await.expect_err("lost");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{error}");
        let error = client.ring(bell).await.expect_err("it belongs to nobody here");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::InvalidArgument));
        // One of this process can be passed to any server, also to the next one.
        assert_eq!(client.ring(BellClient::local(Brass)).await, Ok(std::process::id()));
        drop(process);
    }
}
