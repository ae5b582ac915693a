//! F: calls given up, and times that run out.

use std::time::Duration;

use traitwire::{Code, Executed, Server};

use crate::support::probe::{ProbeClient, ProbeServer, Prober};
use crate::support::raw::{
    Raw, call, call_data, call_part, call_within, cancel, code, flag, frame, items, kind, varint,
};
use crate::support::victim::{EVERYWHERE, Place, SOCKETS, everywhere, soon};

#[tokio::test]
async fn f_01_cancelled_at_each_stage() {
    everywhere(&EVERYWHERE, "max_calls=2", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let [echo, hold, produce] = ["echo", "hold", "produce"].map(|name| greeting.method(name));

        // Half sent: answered as cancelled, what still comes is skipped, and the id is free.
        raw.send(&[call_part(0, echo, 100, &[99; 50]), cancel(0), call_data(0, &[1; 49])].concat())
            .await
            .expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.len() == 1, "{frames:?}");
        assert_eq!(
            frames[0].failure().map(|(code, executed, _)| (code, executed)),
            Some((code::CANCELLED, 0))
        );

        // In the same batch as the call: started or not, there is one answer.
        raw.send(&[call(0, hold, &[]), cancel(0)].concat()).await.expect("sent");
        let (frames, _) = raw.settle().await.expect("an answer");
        assert!(frames.len() == 1 && frames[0].failure_code() == Some(code::CANCELLED), "{frames:?}");

        // Running.
        let before = victim.counts().await;
        raw.send(&call(0, hold, &[])).await.expect("sent");
        victim.counted("it runs", |counts| counts.running == 1).await;
        raw.send(&cancel(0)).await.expect("sent");
        let frame = raw.frame().await.expect("an answer").expect("no end");
        assert_eq!(frame.failure().map(|(code, executed, _)| (code, executed)), Some((code::CANCELLED, 2)));
        let after = victim.counted("it ends", |counts| counts.running == 0).await;
        assert_eq!(after.dropped, before.dropped + 1);

        // After its answer, and for a call that never was: nothing.
        raw.send(&[cancel(0), cancel(1), cancel(99)].concat()).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.is_empty(), "{frames:?}");

        // Half answered: the rest may be left out, and then it says so.
        raw.send(&call(0, produce, &varint(8 << 20))).await.expect("sent");
        let first = raw.frame().await.expect("an answer").expect("no end");
        assert_eq!((first.kind, first.flags), (kind::REPLY, flag::PARTIAL | flag::BLOCK));
        raw.send(&cancel(0)).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        let parts = frames.iter().filter(|frame| frame.kind == kind::REPLY_DATA).count();
        let ends: Vec<_> = frames.iter().filter_map(|frame| frame.failure_code()).collect();
        assert!(alive && (ends == [code::CANCELLED] || (ends.is_empty() && parts > 100)), "{ends:?} {parts}");

        // Its id serves again.
        raw.send(&call(0, 0, &[2, 4])).await.expect("sent");
        assert!(raw.frame().await.expect("an answer").expect("no end").is_value(0));
        victim
    })
    .await;
}

#[tokio::test]
async fn f_01_a_call_given_up_while_it_waits_for_its_turn() {
    everywhere(&EVERYWHERE, "max_calls=1", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let holding = tokio::spawn({
            let client = client.clone();
            async move { client.hold().await }
        });
        victim.counted("it runs", |counts| counts.running == 1).await;
        let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(client.hold())).collect();
        for call in &mut waiting {
            assert!(
                std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx))).await.is_pending()
            );
        }
        drop(waiting);
        holding.abort();
        assert_eq!(soon("a call", client.add(1, 2)).await, Ok(3));
        assert_eq!(victim.counts().await.started, 1, "none of the others ever ran");
        victim
    })
    .await;
}

#[tokio::test]
async fn f_02_handlers_end_with_their_clients_connection() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        for id in 0..20 {
            let method = if id % 2 == 0 { "hold" } else { "hold_spawned" };
            raw.send(&call(id, greeting.method(method), &[])).await.expect("sent");
        }
        victim.counted("they run", |counts| counts.running == 20).await;
        drop(raw);
        let counts = victim.counted("they end", |counts| counts.running == 0).await;
        assert_eq!(counts.dropped, 20);
        victim
    })
    .await;
}

#[tokio::test]
async fn f_03_a_handler_that_panics_leaves_its_place() {
    everywhere(&EVERYWHERE, "max_calls=1", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        for _ in 0..50 {
            let error = soon("a call", client.panic_later()).await.expect_err("it panics");
            assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Panicked));
        }
        assert_eq!(soon("a call", client.add(1, 2)).await, Ok(3));
        victim
    })
    .await;
}

#[tokio::test]
async fn f_04_deadlines_of_every_length() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let hold = greeting.method("hold");
        raw.send(&call_within(0, hold, 0, &[])).await.expect("sent");
        let frame = raw.frame().await.expect("an answer").expect("no end");
        let failure = frame.failure().map(|(code, executed, _)| (code, executed));
        assert_eq!(failure, Some((code::DEADLINE_EXCEEDED, 0)));
        assert_eq!(victim.counts().await.started, 0);
        raw.send(&call_within(0, hold, 1, &[])).await.expect("sent");
        let frame = raw.frame().await.expect("an answer").expect("no end");
        assert_eq!(frame.failure_code(), Some(code::DEADLINE_EXCEEDED));
        let century = 100 * 365 * 86_400 * 1_000_000;
        for micros in [century, i64::MAX as u64, u64::MAX] {
            raw.send(&call_within(1, 0, micros, &[2, 4])).await.expect("sent");
            assert!(raw.frame().await.expect("an answer").expect("no end").is_value(1), "{micros}");
            raw.send(&call_within(2, hold, micros, &[])).await.expect("sent");
            victim.counted("it runs", |counts| counts.running == 1).await;
            raw.send(&cancel(2)).await.expect("sent");
            assert_eq!(raw.frame().await.expect("an answer").expect("no end").failure_code(), Some(2));
        }

        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let started = victim.counts().await.started;
        let error = client.with_timeout(Duration::ZERO).hold().await.expect_err("no time");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::No));
        assert_eq!(victim.counts().await.started, started);
        let hasty = client.with_timeout(Duration::from_nanos(1));
        let error = soon("a call", hasty.hold()).await.expect_err("no time");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded));
        for long in [Duration::from_secs(100 * 365 * 86_400), Duration::from_secs(u64::MAX), Duration::MAX] {
            assert_eq!(client.with_timeout(long).add(1, 2).await, Ok(3), "{long:?}");
        }
        victim
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f_05_time_in_the_callers_own_queue_counts() {
    let address = Place::Memory.address("max_calls=1");
    let prober = Prober::default();
    let server = Server::builder().service(ProbeServer::new(prober.clone())).bind(&address).await;
    let handle = server.expect("an address").spawn();
    let client = ProbeClient::connect(handle.endpoint()).await.expect("a connection");
    let holding = tokio::spawn({
        let client = client.clone();
        async move { client.with_timeout(Duration::from_secs(7)).hold().await }
    });
    while prober.tally().running == 0 {
        tokio::task::yield_now().await;
    }
    let begin = tokio::time::Instant::now();
    let error = client.with_timeout(Duration::from_secs(2)).add(1, 2).await.expect_err("no turn");
    let error = error.rpc().expect("the framework's");
    assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::No));
    assert_eq!(begin.elapsed().as_secs(), 2);
    // One that gets its turn has only what is left of its time.
    let left = client.with_timeout(Duration::from_secs(60)).left().await;
    assert_eq!(begin.elapsed().as_secs(), 7);
    // In whole seconds, rounded down on the way.
    assert!(matches!(left, Ok(Some(54 | 55))), "{left:?}");
    let error = holding.await.expect("no panic").expect_err("its time is up");
    assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded));
    handle.shutdown(Duration::from_secs(1)).await.expect("an end");
}

#[tokio::test]
async fn f_10_a_handler_that_holds_its_thread_delays_no_deadline() {
    // Not the thread of this test: the server has two of its own.
    everywhere(&SOCKETS, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let hasty = client.with_timeout(Duration::from_millis(50));
        let begin = std::time::Instant::now();
        let error = hasty.occupy(1000).await.expect_err("too slow");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded));
        assert!(begin.elapsed() < Duration::from_millis(900), "{:?}", begin.elapsed());
        assert_eq!(client.add(1, 2).await, Ok(3));
        victim
    })
    .await;
}

#[tokio::test]
async fn f_10_a_handler_that_seizes_its_thread_holds_up_its_own_connection_only() {
    everywhere(&SOCKETS, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let seizing = {
            let client = client.with_timeout(Duration::from_millis(50));
            tokio::spawn(async move { client.seize(1000).await })
        };
        victim.counted("it holds its thread", |counts| counts.running == 1).await;
        let error = soon("the deadline", seizing).await.expect("no panic").expect_err("too slow");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded));
        // The thread is still held: the caller's own clock has ended the call, and who is elsewhere is served.
        assert_eq!(victim.counts().await.running, 1);
        // In a task of its own it holds up nothing at all.
        let blocking = {
            let client = client.clone();
            tokio::spawn(async move { client.block(300).await })
        };
        assert_eq!(soon("a call beside it", client.add(1, 2)).await, Ok(3));
        victim.counted("it blocks", |counts| counts.running == 1 && counts.started == 2).await;
        assert_eq!(soon("a call beside it", client.add(1, 2)).await, Ok(3));
        assert_eq!(soon("its end", blocking).await.expect("no panic"), Ok(()));
        victim
    })
    .await;
}

#[tokio::test]
async fn f_06_a_deadline_travels_as_time_left() {
    // Whatever the peer's clock says: it is not asked, and cannot be told.
    everywhere(&EVERYWHERE, "", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let left = greeting.method("left");
        raw.send(&call_within(0, left, 100_500_000, &[])).await.expect("sent");
        let (frames, _) = raw.settle().await.expect("an answer");
        assert_eq!(frames[0].payload, [1, 100], "100 seconds: {frames:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn f_08_a_caller_that_goes_on_after_its_deadline_is_heard_no_more() {
    everywhere(&EVERYWHERE, "stream_window=64KiB", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let measure = [varint(greeting.method("measure").into()), varint(20_000)].concat();
        raw.send(&frame(kind::CALL, flag::STREAM | flag::DEADLINE, 0, &measure)).await.expect("sent");
        let stop = raw.frame().await.expect("an answer").expect("an answer");
        let reply = raw.frame().await.expect("an answer").expect("an answer");
        assert_eq!((stop.kind, reply.failure_code()), (kind::CALL_STOP, Some(code::DEADLINE_EXCEEDED)));
        // What is within its credit may have been on its way, and is dropped; the place is free.
        let block = items(kind::CALL_ITEMS, 0, 1, &[&varint(10_000)[..], &[7; 10_000]].concat());
        raw.send(&block.repeat(3)).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.iter().all(|frame| frame.kind != kind::REPLY), "{frames:?}");
        assert_eq!(victim.counts().await.running, 0);
        // What is beyond was never allowed.
        let _ = raw.send(&block.repeat(50)).await;
        let (_, alive) = raw.settle().await.expect("an answer");
        assert!(!alive, "it may send without end");
        assert!(victim.growth() < 4 << 20, "{} bytes", victim.growth());
        victim
    })
    .await;
}
