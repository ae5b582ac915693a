//! Priorities between two sessions: who goes first, what waits for the peer, and lies about it.

use std::task::Poll;

use traitwire_core::proto::frame::{Header, Kind, flags};
use traitwire_core::proto::{CallKey, Event, NewCall, Outcome};
use traitwire_core::{Body, Code, Options, Priority};

use crate::pair::{CALLEE, CALLER, NOBODY, Pair, block, options, text};

fn call(priority: Priority, body: Body) -> Option<NewCall> {
    Some(NewCall { priority, ..NewCall::new(0, body) })
}

fn start(pair: &mut Pair, priority: Priority, body: Body) -> CallKey {
    match pair.ends[CALLER].session.poll_start(&mut None, &mut call(priority, body), NOBODY) {
        Poll::Ready(started) => started.expect("admitted"),
        Poll::Pending => panic!("not admitted"),
    }
}

/// Hands over what the caller may write now, and nothing of what the callee answers.
fn deliver(pair: &mut Pair) -> usize {
    pair.ends[CALLER].write();
    let wire = std::mem::take(&mut pair.ends[CALLER].wire);
    pair.ends[CALLEE].read(&wire, pair.now).expect("no rule broken");
    wire.len()
}

fn exchange_all(pair: &mut Pair) {
    while pair.ends.iter().any(|end| end.session.has_output() || !end.wire.is_empty()) {
        pair.exchange(usize::MAX);
    }
}

#[test]
fn of_low_priority_no_more_is_on_its_way_than_the_window_and_a_part() {
    let mut pair = Pair::new(options());
    let key = start(&mut pair, Priority::Low, block(700_000));
    let first = deliver(&mut pair);
    let most = Options::default().low_window as usize + (16 << 10) + 100;
    assert!(first <= most, "{first} bytes at once");
    assert_eq!(deliver(&mut pair), 0, "the peer has to take some before it gets more");
    // What is urgent does not wait for it.
    start(&mut pair, Priority::High, text("urgent"));
    assert!(deliver(&mut pair) < 100);
    assert_eq!(pair.calls().len(), 1);
    exchange_all(&mut pair);
    let (id, body) = pair.calls().pop().expect("arrived");
    assert_eq!(body.len(), 700_003);
    // The reply has the priority of its call.
    pair.ends[CALLEE].session.reply(id, Outcome::Output(block(500_000)));
    pair.ends[CALLEE].write();
    assert!(pair.ends[CALLEE].wire.len() <= most);
    exchange_all(&mut pair);
    assert!(matches!(pair.ends[CALLER].outcome(key), Some(Outcome::Output(body)) if body.len() == 500_003));
}

#[test]
fn calls_run_the_most_urgent_first_and_in_order_within_one_priority() {
    let mut many = options();
    many.limits.max_calls = 200;
    let mut pair = Pair::new(many);
    for n in 0..40 {
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            start(&mut pair, priority, text(&format!("{n:02}")));
        }
    }
    // All have come before one is run.
    pair.ends[CALLER].write();
    let wire = std::mem::take(&mut pair.ends[CALLER].wire);
    let used = pair.ends[CALLEE].session.handle_input(&wire, pair.now).expect("no rule broken");
    assert_eq!(used, wire.len());
    let mut ran = Vec::new();
    while let Some(Event::Call(mut incoming)) = pair.ends[CALLEE].session.poll_event() {
        ran.push((incoming.priority, incoming.body.as_contiguous().to_vec()));
    }
    assert_eq!(ran.len(), 120);
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        let of = ran.iter().filter(|(of, _)| *of == priority).map(|(_, body)| body);
        assert!(of.is_sorted(), "{priority:?}: {ran:?}");
    }
    let high = ran[..40].iter().filter(|(priority, _)| *priority == Priority::High).count();
    assert!((34..40).contains(&high), "{high} of the first forty");
    assert!(ran[..40].iter().any(|(priority, _)| *priority == Priority::Low), "nobody starves");
}

#[test]
fn a_place_that_is_free_goes_to_the_most_urgent() {
    let mut pair = Pair::new(options());
    for _ in 0..3 {
        start(&mut pair, Priority::Normal, text("first"));
    }
    let mut low = (None, call(Priority::Low, text("low")));
    let mut high = (None, call(Priority::High, text("high")));
    for (ticket, call) in [&mut low, &mut high] {
        assert!(pair.ends[CALLER].session.poll_start(ticket, call, NOBODY).is_pending());
    }
    exchange_all(&mut pair);
    let (id, _) = pair.calls().pop().expect("arrived");
    pair.ends[CALLEE].session.reply(id, Outcome::Output(text("done")));
    exchange_all(&mut pair);
    let session = &mut pair.ends[CALLER].session;
    assert!(session.poll_start(&mut low.0, &mut low.1, NOBODY).is_pending());
    assert!(session.poll_start(&mut high.0, &mut high.1, NOBODY).is_ready());
}

#[test]
fn a_low_call_that_is_given_up_unsent_frees_everything() {
    let mut pair = Pair::new(options());
    let large = start(&mut pair, Priority::Low, block(300_000));
    deliver(&mut pair);
    let small = start(&mut pair, Priority::Low, text("waits"));
    pair.ends[CALLER].session.cancel_call(small);
    pair.ends[CALLER].session.cancel_call(large);
    exchange_all(&mut pair);
    assert!(pair.calls().is_empty());
    pair.assert_clean();
}

#[test]
fn lies_about_priority_end_the_connection() {
    let frame = |kind, flags, payload: &[u8]| {
        let header = Header { length: payload.len() as u32, kind, flags, id: 0 };
        [&header.encode()[..], payload].concat()
    };
    let lies = [
        (frame(Kind::Call, flags::PRIORITY, &[0, 3]), "P-20"),
        (frame(Kind::Call, flags::PRIORITY, &[0]), "P-20"),
        (frame(Kind::Taken, 0, &[0]), "P-46"),
        (frame(Kind::Taken, 0, &[1]), "P-46"),
        (frame(Kind::Taken, 0, &[0xFF; 10]), "P-13"),
        (frame(Kind::Cancel, flags::LOW, &[]), "P-12"),
    ];
    for (lie, rule) in lies {
        let mut pair = Pair::new(options());
        let error = pair.ends[CALLEE].read(&lie, pair.now).expect_err("a rule is broken");
        assert_eq!(error.code(), Code::Protocol);
        assert!(error.message().contains(rule), "{error}");
    }
}
