//! A session whose peer breaks the rules, or ends calls where it hurts most.

use std::task::Poll;
use std::time::Duration;

use traitwire_core::codec::Decoder;
use traitwire_core::proto::frame::{Header, Kind, flags};
use traitwire_core::proto::{CallId, CallKey, NewCall, Outcome};
use traitwire_core::{Body, Code, Executed, RpcError};

use crate::pair::{CALLEE, CALLER, End, NOBODY, Pair, block, failure, options, text};

fn reply_frame(id: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let header = Header { length: payload.len() as u32, kind: Kind::Reply, flags, id };
    [&header.encode()[..], payload].concat()
}

fn try_start(end: &mut End, body: Body) -> Poll<Result<CallKey, RpcError>> {
    let mut call = Some(NewCall::new(0, body));
    end.session.poll_start(&mut None, &mut call, NOBODY)
}

#[test]
fn the_rest_of_a_call_answered_midway_is_not_taken_for_the_next_calls() {
    let mut pair = Pair::new(options());
    let left = Duration::from_secs(2);
    let first = pair.ends[CALLER].start(block(900_000), Some((pair.now + left, left)));
    let end = &mut pair.ends[CALLER];
    end.session.take_output(&mut end.outgoing);
    pair.ends[CALLER].write_taken();
    let sent = std::mem::take(&mut pair.ends[CALLER].wire);
    assert!(sent.len() < 900_000, "part of it still waits");
    pair.ends[CALLEE].read(&sent, pair.now).expect("no rule broken");
    // The callee's clock is ahead: it gives up first.
    pair.ends[CALLEE].session.handle_timeout(pair.now + left).expect("the call's time is up");
    pair.ends[CALLEE].write();
    let refused = std::mem::take(&mut pair.ends[CALLEE].wire);
    pair.ends[CALLER].read(&refused, pair.now).expect("no rule broken");
    assert_eq!(failure(pair.ends[CALLER].outcome(first)), (Code::DeadlineExceeded, Executed::No));
    // The next one has the same id, and no byte of the first.
    pair.ends[CALLER].start(text(&"y".repeat(200_000)), None);
    pair.exchange(usize::MAX);
    let (id, body) = pair.calls().pop().expect("arrived");
    assert_eq!(id, CallId(0));
    assert_eq!(Decoder::new(&body).value::<String>().expect("text"), "y".repeat(200_000));
    pair.ends[CALLEE].session.reply(id, Outcome::Output(text("fine")));
    pair.exchange(usize::MAX);
}

#[test]
fn a_reply_to_a_call_that_was_not_sent_ends_the_connection() {
    let mut pair = Pair::new(options());
    pair.ends[CALLER].start(block(600_000), None);
    let error = pair.ends[CALLER].read(&reply_frame(0, 0, b"guessed"), pair.now).expect_err("a guess");
    assert!(error.message().contains("P-22"), "{error}");
}

#[test]
fn an_oversized_reply_frees_its_id_once() {
    let mut small = options();
    small.limits.max_message = 1000;
    let mut pair = Pair::of(small, options());
    let key = pair.ends[CALLER].start(text("much"), None);
    pair.ends[CALLER].write();
    let too_large = reply_frame(0, 0, &[1; 2000]);
    pair.ends[CALLER].read(&too_large, pair.now).expect("costs its own call");
    assert_eq!(failure(pair.ends[CALLER].outcome(key)), (Code::TooLarge, Executed::Yes));
    assert_eq!(pair.ends[CALLER].session.in_flight(), 0);
    pair.ends[CALLER].wire.clear();
    // Freed twice, the id would go to two calls at once.
    for text_sent in ["a", "b", "c"] {
        pair.ends[CALLER].start(text(text_sent), None);
    }
    pair.ends[CALLEE].read(&[], pair.now).expect("nothing");
    pair.exchange(usize::MAX);
    let mut ids: Vec<_> = pair.calls().iter().map(|(id, _)| *id).collect();
    ids.sort();
    assert_eq!(ids, [CallId(0), CallId(1), CallId(2)]);
}

#[test]
fn a_cancelled_call_is_charged_until_the_callee_has_let_go_of_it() {
    let mut pair = Pair::new(options());
    let key = pair.ends[CALLER].start(block(700_000), None);
    pair.exchange(usize::MAX);
    let (id, _) = pair.calls().pop().expect("arrived");
    pair.ends[CALLER].session.cancel_call(key);
    pair.exchange(usize::MAX);
    pair.ends[CALLEE].events.clear();
    // Its handler still holds 700 KB of the callee's 1 MiB.
    assert!(try_start(&mut pair.ends[CALLER], block(300_000)).is_ready(), "this one has room");
    let (mut ticket, mut call) = (None, Some(NewCall::new(0, block(700_000))));
    let session = &mut pair.ends[CALLER].session;
    assert!(session.poll_start(&mut ticket, &mut call, NOBODY).is_pending());
    let error = RpcError::new(Code::Cancelled, "gone");
    pair.ends[CALLEE].session.reply(id, Outcome::Failure(error));
    pair.exchange(usize::MAX);
    assert!(pair.ends[CALLER].session.poll_start(&mut ticket, &mut call, NOBODY).is_ready());
}

#[test]
fn arguments_that_alone_exceed_max_inflight_are_not_sent() {
    let mut little = options();
    little.limits.max_inflight = 200_000;
    let mut pair = Pair::new(little);
    assert!(try_start(&mut pair.ends[CALLER], block(199_000)).is_ready());
    match try_start(&mut pair.ends[CALLER], block(200_000)) {
        Poll::Ready(Err(error)) => {
            assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::No));
            assert!(error.message().contains("max_inflight"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failure_arrives_abridged_however_long_its_text_and_however_little_the_caller_takes() {
    let mut small = options();
    small.limits.max_message = 16;
    small.limits.max_frame = 1024;
    let mut pair = Pair::of(small, options());
    let key = pair.ends[CALLER].start(text("go"), None);
    pair.exchange(usize::MAX);
    let (id, _) = pair.calls().pop().expect("arrived");
    let error = RpcError::new(Code::Panicked, "ä".repeat(100_000)).with_executed(Executed::Yes);
    pair.ends[CALLEE].session.reply(id, Outcome::Failure(error));
    pair.exchange(100);
    match pair.ends[CALLER].outcome(key) {
        Some(Outcome::Failure(error)) => {
            assert_eq!(error.code(), Code::Panicked);
            assert!(error.message().starts_with("ää") && error.message().ends_with('…'));
            assert!((4000..=4096).contains(&error.message().len()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pair.ends[CALLER].session.in_flight(), 0);
}

#[test]
fn a_failure_of_an_unknown_code_is_internal() {
    let mut pair = Pair::new(options());
    let key = pair.ends[CALLER].start(text("go"), None);
    pair.ends[CALLER].write();
    let body = [200, 1, 2, 4, b'n', b'e', b'w', b'!', 0, 0, 0];
    pair.ends[CALLER].read(&reply_frame(0, flags::FAILURE, &body), pair.now).expect("understood");
    match pair.ends[CALLER].outcome(key) {
        Some(Outcome::Failure(error)) => {
            assert_eq!((error.code(), error.message()), (Code::Internal, "new!"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn replies_begun_over_and_over_end_the_connection() {
    let mut pair = Pair::new(options());
    pair.ends[CALLER].start(text("go"), None);
    pair.ends[CALLER].write();
    // A first part of 1,000,000 bytes.
    let begun = reply_frame(0, flags::PARTIAL, &[0xC0, 0x84, 0x3D, 1]);
    let mut ended = None;
    for count in 0..30_000 {
        if let Err(error) = pair.ends[CALLER].read(&begun, pair.now) {
            ended = Some((count, error));
            break;
        }
    }
    let (count, error) = ended.expect("a flood");
    assert!(count > 1000 && error.message().contains("P-40"), "{count}: {error}");
}

#[test]
fn a_block_that_is_announced_without_parts_ends_the_connection() {
    let mut pair = Pair::new(options());
    pair.ends[CALLER].start(text("go"), None);
    pair.ends[CALLER].write();
    let error = pair.ends[CALLER].read(&reply_frame(0, flags::BLOCK, b"x"), pair.now).expect_err("no parts");
    assert!(error.message().contains("P-12"), "{error}");
}

#[test]
fn metadata_that_is_cut_short_ends_the_connection_and_too_much_of_it_the_call() {
    let call = |payload: &[u8]| {
        let header = Header { length: payload.len() as u32, kind: Kind::Call, flags: flags::METADATA, id: 0 };
        [&header.encode()[..], payload].concat()
    };
    let mut pair = Pair::new(options());
    // Of 8,193 bytes, which are all there; then of 3 bytes, of which 2 are.
    let too_much = call(&[&[0, 0x81, 0x40][..], &[0; 8193]].concat());
    pair.ends[CALLEE].read(&too_much, pair.now).expect("costs its own call");
    assert!(pair.calls().is_empty());
    let error = pair.ends[CALLEE].read(&call(&[0, 3, 1, 1]), pair.now).expect_err("cut short");
    assert!(error.message().contains("P-29"), "{error}");
}
