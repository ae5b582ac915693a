//! Calls between two sessions that both keep to the rules.

use std::task::Poll;
use std::time::Duration;

use traitwire_core::codec::Decoder;
use traitwire_core::proto::frame::{Header, Kind};
use traitwire_core::proto::{Awaits, CallId, Event, NewCall, Outcome, Ticket};
use traitwire_core::{Code, Executed, RpcError};

use crate::pair::{CALLEE, CALLER, End, NOBODY, Pair, block, failure, options, text};

#[test]
fn bodies_arrive_whole_however_they_are_split() {
    for (length, pieces) in [(0, [1, 3]), (100, [1, 7]), (65_535, [1, 4096]), (300_000, [997, 70_000])] {
        for piece in pieces {
            let mut pair = Pair::new(options());
            let spoken = "x".repeat(length);
            let keys =
                [pair.ends[CALLER].start(block(length), None), pair.ends[CALLER].start(text(&spoken), None)];
            pair.exchange(piece);
            let mut calls = pair.calls();
            assert_eq!(calls.len(), 2, "{length} in pieces of {piece}");
            calls.sort_by_key(|(id, _)| *id);
            for (id, mut body) in calls {
                assert_eq!(body.len(), length + if length < 128 { 1 } else { 3 });
                body.as_contiguous();
                let outcome = if id == CallId(0) { Outcome::Output(body) } else { Outcome::Error(body) };
                pair.ends[CALLEE].session.reply(id, outcome);
            }
            pair.exchange(piece);
            let Some(Outcome::Output(mut bytes)) = pair.ends[CALLER].outcome(keys[0]) else {
                panic!("no output")
            };
            let bytes = Decoder::taking(&mut bytes).byte_buf().expect("bytes");
            assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == at as u8) && bytes.len() == length);
            let Some(Outcome::Error(said)) = pair.ends[CALLER].outcome(keys[1]) else { panic!("no error") };
            assert_eq!(Decoder::new(&said).value::<String>().expect("text"), spoken);
            pair.assert_clean();
        }
    }
}

#[test]
fn a_small_call_overtakes_a_large_one() {
    let mut pair = Pair::new(options());
    pair.ends[CALLER].start(block(1_000_000), None);
    // What one write takes can no longer be overtaken.
    let end = &mut pair.ends[CALLER];
    end.session.take_output(&mut end.outgoing);
    pair.ends[CALLER].start(text("urgent"), None);
    pair.exchange(1000);
    let arrived: Vec<_> = pair.calls().iter().map(|(_, body)| body.len()).collect();
    assert_eq!(arrived, [7, 1_000_003]);
}

#[test]
fn a_call_cancelled_at_any_stage_frees_everything() {
    // Before it is written, half written, running, and with its reply half written.
    for stage in 0..5 {
        let mut pair = Pair::new(options());
        let key = pair.ends[CALLER].start(block(600_000), None);
        let mut handler = None;
        match stage {
            0 => {}
            1 => {
                pair.ends[CALLER].write();
                let sent: Vec<u8> = pair.ends[CALLER].wire.drain(..300_000).collect();
                pair.ends[CALLEE].read(&sent, pair.now).expect("no rule broken");
            }
            _ => {
                pair.exchange(usize::MAX);
                handler = pair.calls().pop().map(|(id, _)| id);
            }
        }
        if stage >= 3 {
            pair.ends[CALLEE]
                .session
                .reply(handler.take().expect("running"), Outcome::Output(block(500_000)));
            if stage == 4 {
                pair.ends[CALLEE].write();
                let sent: Vec<u8> = pair.ends[CALLEE].wire.drain(..200_000).collect();
                pair.ends[CALLER].read(&sent, pair.now).expect("no rule broken");
            }
        }
        pair.ends[CALLER].session.cancel_call(key);
        pair.exchange(1234);
        for event in std::mem::take(&mut pair.ends[CALLEE].events) {
            match event {
                Event::Cancel(id, Code::Cancelled) => {
                    assert_eq!(Some(id), handler.take(), "stage {stage}");
                    let error = RpcError::new(Code::Cancelled, "gone");
                    pair.ends[CALLEE].session.reply(id, Outcome::Failure(error));
                }
                other => panic!("stage {stage}: {other:?}"),
            }
        }
        assert_eq!(handler, None, "stage {stage}: the handler hears of it");
        pair.exchange(usize::MAX);
        pair.assert_clean();
    }
}

#[test]
fn deadlines_end_a_call_on_both_sides() {
    let mut pair = Pair::new(options());
    let left = Duration::from_secs(2);
    let key = pair.ends[CALLER].start(text("slow"), Some((pair.now + left, left)));
    pair.exchange(usize::MAX);
    let (id, _) = pair.calls().pop().expect("arrived");
    pair.pass(left - Duration::from_millis(1));
    assert!(pair.ends[CALLER].outcome(key).is_none());
    pair.pass(Duration::from_millis(2));
    assert_eq!(failure(pair.ends[CALLER].outcome(key)), (Code::DeadlineExceeded, Executed::Maybe));
    assert!(
        matches!(pair.ends[CALLEE].events[..], [Event::Cancel(cancelled, Code::DeadlineExceeded)] if cancelled == id)
    );
    pair.ends[CALLEE].events.clear();
    let error = RpcError::new(Code::DeadlineExceeded, "late");
    pair.ends[CALLEE].session.reply(id, Outcome::Failure(error));
    pair.exchange(usize::MAX);
    pair.assert_clean();
}

#[test]
fn callers_wait_their_turn_and_leave_the_queue() {
    let mut pair = Pair::new(options());
    let running: Vec<_> = (0..3).map(|_| pair.ends[CALLER].start(text("first"), None)).collect();
    let wait = |end: &mut End, ticket: &mut Option<Ticket>, request: &mut Option<NewCall>| {
        end.session.poll_start(ticket, request, NOBODY)
    };
    let mut waiting: Vec<_> = (0..3).map(|_| (None, Some(NewCall::new(0, text("later"))))).collect();
    for (ticket, request) in &mut waiting {
        assert!(wait(&mut pair.ends[CALLER], ticket, request).is_pending());
    }
    pair.exchange(usize::MAX);
    let (id, _) = pair.calls().remove(0);
    pair.ends[CALLEE].session.reply(id, Outcome::Output(text("done")));
    pair.exchange(usize::MAX);
    // One place is free: the second in the queue may not take it, until the first has left.
    let [(first, _), (second, request), _] = &mut waiting[..] else { unreachable!() };
    assert!(wait(&mut pair.ends[CALLER], second, request).is_pending());
    pair.ends[CALLER].session.leave_queue(first.expect("a ticket"));
    assert!(wait(&mut pair.ends[CALLER], second, request).is_ready());
    assert_eq!(running.iter().filter(|key| pair.ends[CALLER].outcome(**key).is_some()).count(), 1);
}

#[test]
fn a_result_above_the_callers_limit_costs_its_own_call() {
    let mut pair = Pair::new(options());
    for length in [(1 << 20) - 3, (1 << 20) - 2] {
        let key = pair.ends[CALLER].start(text("much"), None);
        pair.exchange(usize::MAX);
        let (id, _) = pair.calls().pop().expect("arrived");
        pair.ends[CALLEE].session.reply(id, Outcome::Output(block(length)));
        pair.exchange(usize::MAX);
        match pair.ends[CALLER].outcome(key) {
            Some(Outcome::Output(body)) => assert_eq!(body.len(), 1 << 20),
            other => assert_eq!(failure(other), (Code::TooLarge, Executed::Yes)),
        }
    }
    pair.assert_clean();
}

#[test]
fn silence_is_answered_with_a_ping_and_then_with_the_end() {
    let mut pair = Pair::new(options());
    let keepalive = options().keepalive.expect("on");
    pair.pass(keepalive);
    pair.exchange(usize::MAX);
    pair.pass(keepalive);
    pair.exchange(usize::MAX);
    // Now the peer hears nothing any more.
    let now = pair.now + keepalive;
    pair.ends[CALLER].session.handle_timeout(now).expect("a ping first");
    let error = pair.ends[CALLER].session.handle_timeout(now + keepalive).expect_err("no sign of life");
    assert_eq!(error.code(), Code::Unavailable);
}

#[test]
fn what_was_never_written_was_not_executed() {
    let mut pair = Pair::new(options());
    let written = pair.ends[CALLER].start(text("written"), None);
    pair.ends[CALLER].write();
    let half = pair.ends[CALLER].start(block(600_000), None);
    let end = &mut pair.ends[CALLER];
    end.session.take_output(&mut end.outgoing);
    let unwritten = end.outgoing.remaining();
    let queued = end.start(text("queued"), None);
    end.session.end(&RpcError::new(Code::Unavailable, "cut"), unwritten);
    assert_eq!(failure(end.outcome(written)), (Code::Unavailable, Executed::Maybe));
    assert_eq!(failure(end.outcome(half)), (Code::Unavailable, Executed::No));
    assert_eq!(failure(end.outcome(queued)), (Code::Unavailable, Executed::No));
}

#[test]
fn going_away_refuses_new_calls_and_finishes_old_ones() {
    let mut pair = Pair::new(options());
    let old = pair.ends[CALLER].start(text("old"), None);
    pair.exchange(usize::MAX);
    let (id, _) = pair.calls().pop().expect("arrived");
    // This one is on its way when the peer decides to leave.
    let crossing = pair.ends[CALLER].start(text("crossing"), None);
    pair.ends[CALLEE].session.go_away("closing time");
    pair.exchange(usize::MAX);
    assert_eq!(failure(pair.ends[CALLER].outcome(crossing)), (Code::Unavailable, Executed::No));
    let mut request = Some(NewCall::new(0, text("new")));
    match pair.ends[CALLER].session.poll_start(&mut None, &mut request, NOBODY) {
        Poll::Ready(Err(error)) => assert!(error.message().contains("closing time"), "{error}"),
        other => panic!("{other:?}"),
    }
    pair.ends[CALLEE].session.reply(id, Outcome::Output(text("done")));
    pair.exchange(usize::MAX);
    assert!(matches!(pair.ends[CALLER].outcome(old), Some(Outcome::Output(_))));
}

#[test]
fn frames_of_a_later_version_are_skipped_and_floods_of_them_end_the_connection() {
    let mut pair = Pair::new(options());
    let header = Header { length: 3, kind: Kind::Extension, flags: 0xFF, id: 9 };
    let frame = [&header.encode()[..], b"new"].concat();
    for _ in 0..20_000 {
        pair.ends[CALLEE].read(&frame, pair.now).expect("skipped");
    }
    let error = pair.ends[CALLEE].read(&frame, pair.now).expect_err("a flood");
    assert_eq!(error.code(), Code::Protocol);
}

#[test]
fn bodies_about_as_large_as_a_frame_arrive_with_and_without_a_deadline() {
    let mut small = options();
    small.limits.max_frame = 1024;
    let mut pair = Pair::new(small);
    for length in 960..1030 {
        for deadline in [None, Some((pair.now + Duration::from_secs(9), Duration::from_secs(9)))] {
            let key = pair.ends[CALLER].start(text(&"x".repeat(length)), deadline);
            pair.exchange(usize::MAX);
            let (id, body) = pair.calls().pop().expect("arrived");
            pair.ends[CALLEE].session.reply(id, Outcome::Output(body));
            pair.exchange(usize::MAX);
            let Some(Outcome::Output(body)) = pair.ends[CALLER].outcome(key) else { panic!("{length}") };
            assert_eq!(Decoder::new(&body).value::<String>().expect("text").len(), length);
        }
    }
}

#[test]
fn a_call_whose_time_ran_out_in_the_queue_holds_up_nobody() {
    let mut one = options();
    one.limits.max_calls = 1;
    let mut pair = Pair::new(one);
    pair.ends[CALLER].start(text("running"), None);
    let left = Duration::from_secs(1);
    let call = |deadline| Some(NewCall { deadline, ..NewCall::new(0, text("waiting")) });
    let (mut forgotten, mut ticket) = (None, None);
    let (mut never_polled_again, mut waiting) = (call(Some((pair.now + left, left))), call(None));
    let session = &mut pair.ends[CALLER].session;
    assert!(session.poll_start(&mut forgotten, &mut never_polled_again, NOBODY).is_pending());
    assert!(session.poll_start(&mut ticket, &mut waiting, NOBODY).is_pending());
    pair.exchange(usize::MAX);
    pair.pass(left);
    let (id, _) = pair.calls().pop().expect("arrived");
    pair.ends[CALLEE].session.reply(id, Outcome::Output(text("done")));
    pair.exchange(usize::MAX);
    assert!(pair.ends[CALLER].session.poll_start(&mut ticket, &mut waiting, NOBODY).is_ready());
}

/// Makes a call and gives it up. Whether the callee is told.
fn give_up(pair: &mut Pair) -> bool {
    let caller = &mut pair.ends[CALLER];
    let key = caller.start(text("go"), None);
    caller.write();
    let before = caller.wire.len();
    caller.session.cancel_call(key);
    caller.write();
    caller.wire.len() > before
}

/// What the callee does with what it is told. How many it was told of.
fn stop_cancelled(pair: &mut Pair) -> usize {
    pair.exchange(usize::MAX);
    let mut stopped = 0;
    for event in std::mem::take(&mut pair.ends[CALLEE].events) {
        if let Event::Cancel(id, code) = event {
            stopped += 1;
            pair.ends[CALLEE].session.reply(id, Outcome::Failure(RpcError::new(code, "stopped")));
        }
    }
    pair.exchange(usize::MAX);
    stopped
}

#[test]
fn cancels_keep_to_half_of_the_peers_budget_and_those_that_wait_go_out_in_time() {
    let mut pair = Pair::new(options());
    for told in 0..10_000 {
        assert!(give_up(&mut pair), "{told} were told");
        stop_cancelled(&mut pair);
    }
    for _ in 0..3 {
        assert!(!give_up(&mut pair), "further ones wait");
    }
    pair.exchange(usize::MAX);
    // One of them is answered before it is cancelled, and is not cancelled then.
    let (answered, _) = pair.calls().swap_remove(1);
    pair.ends[CALLEE].session.reply(answered, Outcome::Output(text("fine")));
    assert_eq!(stop_cancelled(&mut pair), 0);
    pair.pass(Duration::from_secs(1));
    assert_eq!(stop_cancelled(&mut pair), 2);
    assert_eq!(pair.ends[CALLER].session.in_flight(), 0);
}

/// Uses up what may be told at once.
fn use_up(pair: &mut Pair) {
    while give_up(pair) {
        stop_cancelled(pair);
    }
    answer(pair);
}

/// Answers the calls that have arrived.
fn answer(pair: &mut Pair) {
    pair.exchange(usize::MAX);
    for event in std::mem::take(&mut pair.ends[CALLEE].events) {
        if let Event::Call(incoming) = event {
            pair.ends[CALLEE].session.reply(incoming.id, Outcome::Output(text("fine")));
        }
    }
    pair.exchange(usize::MAX);
}

#[test]
fn a_call_that_nobody_waits_for_is_not_cancelled_for_one_that_had_its_id() {
    let mut pair = Pair::new(options());
    use_up(&mut pair);
    assert!(!give_up(&mut pair), "it waits");
    answer(&mut pair);
    let oneway = NewCall { awaits: Awaits::Start, ..NewCall::new(0, text("note")) };
    let Poll::Ready(Ok(key)) = pair.ends[CALLER].session.poll_start(&mut None, &mut Some(oneway), NOBODY)
    else {
        panic!("not admitted")
    };
    pair.exchange(usize::MAX);
    assert!(matches!(pair.ends[CALLER].outcome(key), Some(Outcome::Output(_))), "it is on its way");
    pair.pass(Duration::from_secs(10));
    assert_eq!(stop_cancelled(&mut pair), 0);
}

#[test]
fn calls_that_are_given_up_for_ever_wait_in_a_line_no_longer_than_the_calls_there_can_be() {
    let mut pair = Pair::new(options());
    use_up(&mut pair);
    // Each is answered before it is told of: the same ids again and again.
    for _ in 0..100_000 {
        assert!(!give_up(&mut pair));
        answer(&mut pair);
    }
    assert!(pair.ends[CALLER].session.untold() <= 2, "{}", pair.ends[CALLER].session.untold());
}

#[test]
fn after_any_time_no_more_are_told_at_once_than_at_first() {
    let mut pair = Pair::new(options());
    use_up(&mut pair);
    // Longer than nothing is said, so that the ends' keepalive goes on.
    for _ in 0..5 {
        pair.pass(Duration::from_secs(4));
        pair.exchange(usize::MAX);
    }
    let mut told = 0;
    while give_up(&mut pair) {
        stop_cancelled(&mut pair);
        told += 1;
    }
    assert_eq!(told, 10_000);
}

#[test]
fn calls_that_were_sent_in_part_are_told_of_no_faster() {
    let mut pair = Pair::new(options());
    use_up(&mut pair);
    let caller = &mut pair.ends[CALLER];
    let key = caller.start(block(700_000), None);
    caller.session.take_output(&mut caller.outgoing);
    caller.write_taken();
    let before = caller.wire.len();
    assert!(before > 0 && before < 700_000);
    pair.ends[CALLER].session.cancel_call(key);
    pair.ends[CALLER].write();
    assert_eq!(pair.ends[CALLER].wire.len(), before);
    pair.exchange(usize::MAX);
    pair.pass(Duration::from_secs(1));
    pair.exchange(usize::MAX);
    assert_eq!(pair.ends[CALLER].session.in_flight(), 0);
}
