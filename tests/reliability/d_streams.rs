//! D: streams and their credit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio_stream::StreamExt;
use traitwire::{CallError, Code, Executed, Stream, Streaming};

use crate::support::hostile;
use crate::support::probe::{Chain, ProbeClient};
use crate::support::raw::{
    Raw, call, call_data, call_streaming, cancel, code, credit, flag, frame, items, kind, varint,
};
use crate::support::scripted::{Scripted, probe_greeting};
use crate::support::victim::{EVERYWHERE, SOCKETS, everywhere, soon};

const MIB: u64 = 1 << 20;

async fn client(address: &str) -> ProbeClient {
    ProbeClient::connect(address).await.expect("a connection")
}

async fn count<T>(mut items: Streaming<T>) -> u64 {
    let mut count = 0;
    while let Some(item) = items.next().await {
        assert!(item.is_ok());
        count += 1;
    }
    count
}

/// Counts how many items were asked of it.
fn counted(made: &Arc<AtomicU64>) -> impl Stream<Item = u64> + Send + 'static {
    let made = Arc::clone(made);
    tokio_stream::iter((0..).inspect(move |_| {
        made.fetch_add(1, SeqCst);
    }))
}

#[tokio::test]
async fn d_01_items_beyond_the_credit_end_the_connection_and_are_not_kept() {
    everywhere(&EVERYWHERE, "stream_window=64KiB", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let ignore = greeting.method("ignore");
        raw.send(&call_streaming(0, ignore, &[])).await.expect("sent");
        let block = [&varint(60_000)[..], &[7; 60_000]].concat();
        // Two go: the second may go beyond the credit.
        raw.send(&items(kind::CALL_ITEMS, 0, 1, &block).repeat(2)).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.is_empty(), "{frames:?}");
        let _ = raw.send(&items(kind::CALL_ITEMS, 0, 1, &block).repeat(200)).await;
        let frames = raw.rest().await.unwrap_or_default();
        let goodbye = frames.iter().find(|frame| frame.kind == kind::GO_AWAY);
        assert!(goodbye.is_none_or(|frame| String::from_utf8_lossy(&frame.payload).contains("P-37")));
        assert!(victim.growth() < 4 * MIB, "{} bytes", victim.growth());
        victim
    })
    .await;
}

#[tokio::test]
async fn d_02_credit_that_overflows_ends_the_connection() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let greeting = Raw::greet(&victim.address).await.expect("a connection").1;
        let hang = greeting.method("hang");
        for bytes in [0, u64::from(u32::MAX) + 1, u64::MAX] {
            let sent = [call(0, hang, &[]), credit(kind::REPLY_CREDIT, 0, bytes)].concat();
            let seen = hostile::after_hello(&victim.address, &sent).await.expect("an answer");
            assert!(seen.refused(&["P-37"]), "{bytes}: {seen:?}");
        }
        let most = credit(kind::REPLY_CREDIT, 0, u32::MAX.into());
        let sent = [call(0, hang, &[]), most.clone(), most].concat();
        let seen = hostile::after_hello(&victim.address, &sent).await.expect("an answer");
        assert!(seen.refused(&["P-37"]), "{seen:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn d_03_credit_for_no_stream_is_ignored_and_then_counted() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for stray in [
            credit(kind::REPLY_CREDIT, 3, 1 << 16),
            credit(kind::CALL_CREDIT, 3, 1 << 16),
            frame(kind::CALL_STOP, 0, 3, &[]),
        ] {
            let seen = hostile::after_hello(&victim.address, &stray.repeat(1000)).await.expect("an answer");
            assert!(seen.alive, "{seen:?}");
            let seen =
                hostile::after_hello(&victim.address, &stray.repeat(100_000)).await.expect("an answer");
            assert!(seen.cut_off(&["P-40"]), "{seen:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn d_04_a_stream_nobody_reads_holds_up_nothing_else() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await;
        let mut unread = client.endless();
        assert_eq!(unread.next().await, Some(Ok(0)));
        let held = {
            let client = client.clone();
            let blocks = tokio_stream::iter(std::iter::repeat_with(|| vec![1; 50_000]));
            tokio::spawn(async move { client.ignore(blocks).await })
        };
        victim.counted("both run", |counts| counts.running == 2).await;
        for number in 0..200 {
            assert_eq!(soon("a call", client.add(number, 1)).await, Ok(number + 1));
        }
        let counted: Vec<_> = soon("a stream", client.count(100_000).collect()).await;
        assert!(counted.iter().enumerate().all(|(at, item)| *item == Ok(at as u64)));
        assert_eq!(counted.len(), 100_000);
        // It goes on where it was.
        for number in 1..100_000 {
            assert_eq!(unread.next().await, Some(Ok(number)));
        }
        held.abort();
        victim
    })
    .await;
}

#[tokio::test]
async fn d_05_calls_while_a_stream_of_the_same_connection_is_read() {
    everywhere(&EVERYWHERE, "max_calls=2", |victim| async move {
        let client = client(&victim.address).await;
        let mut numbers = client.count(50_000);
        while let Some(number) = numbers.next().await {
            let number = number.expect("a number");
            if number % 1_000 == 0 {
                assert_eq!(soon("a call", client.add(number as i64, 1)).await, Ok(number as i64 + 1));
            }
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn d_06_streams_dropped_unread_give_everything_back() {
    everywhere(&EVERYWHERE, "max_calls=4&max_inflight=1MiB", |victim| async move {
        let client = client(&victim.address).await;
        for round in 0..1000 {
            let mut endless = client.endless();
            assert_eq!(soon("an item", endless.next()).await, Some(Ok(0)));
            drop(endless);
            if round % 10 == 0 {
                let mut large = client.blocks(vec![600_000; 3]);
                assert!(soon("a block", large.next()).await.is_some());
                drop(large);
                let numbers = tokio_stream::iter(0..);
                assert_eq!(soon("a call", client.first(numbers)).await, Ok(Some(0)));
            }
        }
        assert_eq!(soon("a stream", count(client.count(200_000))).await, 200_000);
        let blocks = tokio_stream::iter((0..8).map(|_| vec![1; 700_000]));
        assert_eq!(soon("an upload", client.measure(blocks)).await, Ok(8 * 700_000));
        victim
    })
    .await;
}

#[tokio::test]
async fn d_07_all_items_come_before_the_end_and_the_end_says_how_it_was() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await;
        let mut numbers = client.count_and_panic(1_000);
        for number in 0..1_000 {
            assert_eq!(numbers.next().await, Some(Ok(number)));
        }
        match numbers.next().await {
            Some(Err(CallError::Rpc(error))) => {
                assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::Yes), "{error}");
                assert_eq!(error.method(), Some("Probe.count_and_panic"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(numbers.next().await, None);
        victim
    })
    .await;
}

#[tokio::test]
async fn d_09_items_of_every_size() {
    everywhere(&EVERYWHERE, "stream_window=64KiB&max_message=2MiB&max_inflight=3MiB", |victim| async move {
        let client = client(&victim.address).await;
        // Small ones come together, not one in each frame.
        let bytes = soon("small items", count(client.blocks(vec![1; 200_000]))).await;
        assert_eq!(bytes, 200_000);
        let units = tokio_stream::iter((0..1_000_000).map(|_| ()));
        assert_eq!(soon("units", client.units_sent(units)).await, Ok(1_000_000));
        // Larger than the window, as large as can be, and larger.
        let most = 2 * MIB - 64;
        let sizes = [1, 40_000, 70_000, 1 << 20, most, 3, 0, 65_536];
        let blocks: Vec<_> = soon("blocks", client.blocks(sizes.to_vec()).collect()).await;
        let came: Vec<_> = blocks.into_iter().map(|block| block.expect("a block").len() as u64).collect();
        assert_eq!(came, sizes);
        let blocks = tokio_stream::iter(sizes.map(|size| vec![1; size as usize]));
        assert_eq!(soon("an upload", client.measure(blocks)).await, Ok(sizes.iter().sum()));
        // Too large: as much as came before it comes, then why there is no more.
        let blocks = tokio_stream::iter([1, 3 * MIB, 1].map(|size| vec![1; size as usize]));
        match soon("an upload", client.measure(blocks)).await {
            // The handler has begun, and may have had the items before.
            Err(CallError::Rpc(error)) => {
                assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::Maybe), "{error}");
            }
            other => panic!("{other:?}"),
        }
        let mut blocks = client.blocks(vec![1, 17 * MIB]);
        assert_eq!(blocks.next().await, Some(Ok(vec![7])));
        match soon("the end", blocks.next()).await {
            Some(Err(CallError::Rpc(error))) => {
                assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::Yes), "{error}");
            }
            other => panic!("{other:?}"),
        }
        // Many at once wait for one another.
        let uploads = (0..6).map(|_| {
            let (client, blocks) = (client.clone(), tokio_stream::iter([vec![1; 1 << 20], vec![2; 1 << 20]]));
            tokio::spawn(async move { client.measure(blocks).await })
        });
        for upload in uploads.collect::<Vec<_>>() {
            assert_eq!(soon("an upload", upload).await.expect("no panic"), Ok(2 << 20));
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn d_09_deep_and_empty_items_are_checked() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await;
        let chain =
            |depth| (1..depth).fold(Chain { next: None }, |inner, _| Chain { next: Some(Box::new(inner)) });
        let chains = tokio_stream::iter((0..300).map(move |_| chain(50)));
        assert_eq!(soon("chains", client.depths(chains)).await, Ok(15_000));
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let (depths, units) = (greeting.method("depths"), greeting.method("units_sent"));
        // 60,000 levels: refused where they are read, which costs the stream.
        let deep = [vec![1; 60_000], vec![0]].concat();
        raw.send(&[call_streaming(0, depths, &[]), items(kind::CALL_ITEMS, 0, 1, &deep)].concat())
            .await
            .expect("sent");
        let reply = loop {
            let frame = raw.frame().await.expect("an answer").expect("no end");
            if frame.kind == kind::REPLY {
                break frame;
            }
        };
        assert!(reply.is_value(0) && reply.payload == [0], "{reply:?}");
        // 2^40 items of no bytes in a frame of a few.
        raw.send(&[call_streaming(1, units, &[]), items(kind::CALL_ITEMS, 1, 1 << 40, &[])].concat())
            .await
            .expect("sent");
        let reply = loop {
            let frame = raw.frame().await.expect("an answer").expect("no end");
            if frame.kind == kind::REPLY {
                break frame;
            }
        };
        assert!(reply.is_value(1) && reply.payload == [0], "{reply:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn d_10_both_sides_send_at_full_rate() {
    everywhere(&EVERYWHERE, "stream_window=64KiB", |victim| async move {
        let client = client(&victim.address).await;
        let pairs = (0..4).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut doubled = client.double(tokio_stream::iter(0..500_000));
                let mut count = 0;
                while let Some(number) = doubled.next().await {
                    assert_eq!(number, Ok(2 * count));
                    count += 1;
                }
                count
            })
        });
        for pair in pairs.collect::<Vec<_>>() {
            assert_eq!(soon("both directions", pair).await.expect("no panic"), 500_000);
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn d_10_items_go_out_while_nobody_reads_results() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await;
        let made = Arc::default();
        let mut doubled = client.double(counted(&made));
        assert_eq!(doubled.next().await, Some(Ok(0)));
        soon("items are sent", async {
            while made.load(SeqCst) < 20_000 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        victim
    })
    .await;
}

#[tokio::test]
async fn d_11_results_go_on_after_the_last_argument() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await;
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let mut doubled = client.double(tokio_stream::wrappers::ReceiverStream::new(receiver));
        let sending = tokio::spawn(async move { sender.send(21).await });
        assert_eq!(soon("an item", doubled.next()).await, Some(Ok(42)));
        sending.await.expect("no panic").expect("received");
        assert_eq!(soon("the end", doubled.next()).await, None);
        victim
    })
    .await;
}

#[tokio::test]
async fn d_12_a_handler_that_returns_early_stops_the_upload() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await;
        for _ in 0..50 {
            let made = Arc::default();
            assert_eq!(soon("a call", client.first(counted(&made))).await, Ok(Some(0)));
            // The stream went with the call.
            assert_eq!(Arc::strong_count(&made), 1);
        }
        // What is still on its way is skipped, and its id serves again.
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let first = greeting.method("first");
        let batch = items(kind::CALL_ITEMS, 0, 2, &[5, 6]);
        for _ in 0..3 {
            raw.send(
                &[call_streaming(0, first, &[]), batch.repeat(100), frame(kind::CALL_END, 0, 0, &[])]
                    .concat(),
            )
            .await
            .expect("sent");
            let (frames, alive) = raw.settle().await.expect("an answer");
            let replies: Vec<_> = frames.iter().filter(|frame| frame.kind == kind::REPLY).collect();
            assert!(alive && replies.len() == 1 && replies[0].payload == [1, 5], "{frames:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn d_12_dropping_either_end_ends_the_other() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await;
        let mut hanging = client.hang();
        assert_eq!(hanging.next().await, Some(Ok(1)));
        victim.counted("it runs", |counts| counts.running == 1).await;
        drop(hanging);
        victim.counted("it ends", |counts| counts.running == 0).await;
        let never = client.hang();
        drop(never);
        let counts = victim.counts().await;
        assert_eq!(counts.started, 1, "a stream that is not read is not called");
        victim
    })
    .await;
}

#[tokio::test]
async fn d_frames_out_of_their_place_end_the_connection() {
    everywhere(&SOCKETS, "", |victim| async move {
        let greeting = Raw::greet(&victim.address).await.expect("a connection").1;
        let (ignore, add) = (greeting.method("ignore"), greeting.method("add"));
        let open = call_streaming(0, ignore, &[]);
        let item = items(kind::CALL_ITEMS, 0, 1, &[1, 7]);
        let end = frame(kind::CALL_END, 0, 0, &[]);
        let part = frame(kind::CALL_ITEMS, flag::PARTIAL, 0, &[&varint(100)[..], &[1, 90, 7]].concat());
        let cases: [(&str, Vec<u8>, &str); 11] = [
            ("items of no call", item.clone(), "P-36"),
            (
                "items of a call without a stream",
                [call(0, greeting.method("hold"), &[]), item.clone()].concat(),
                "P-36",
            ),
            (
                "items of an answered call without a stream",
                [call(0, add, &[2, 4]), item.clone()].concat(),
                "P-36",
            ),
            ("items after the end", [open.clone(), end.clone(), item.clone()].concat(), "P-36"),
            ("two ends", [open.clone(), end.clone(), end.clone()].concat(), "P-36"),
            ("no item at all", [open.clone(), frame(kind::CALL_ITEMS, 0, 0, &[])].concat(), "P-31"),
            ("items among the parts of another", [open.clone(), part.clone(), item].concat(), "P-36"),
            ("an end among parts", [open.clone(), part.clone(), end].concat(), "P-36"),
            ("more parts than announced", [open.clone(), part, call_data(0, &[7; 98])].concat(), "P-31"),
            (
                "a giant",
                [open, frame(kind::CALL_ITEMS, flag::PARTIAL, 0, &[&varint(u64::MAX)[..], &[1]].concat())]
                    .concat(),
                "P-27",
            ),
            ("results nobody asked for", items(kind::REPLY_ITEMS, 0, 1, &[1]), "P-36"),
        ];
        for (what, bytes, rule) in cases {
            let seen = hostile::after_hello(&victim.address, &bytes).await.expect("an answer");
            assert!(seen.refused(&[rule]), "{what}: {seen:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn d_an_end_that_cannot_be_read_is_an_error_of_a_call_that_was_executed() {
    let hello = probe_greeting().await.bytes();
    for end in [frame(kind::REPLY, 0, 0, &[6]), frame(kind::REPLY, flag::ERROR, 0, &[200])] {
        let said = [items(kind::REPLY_ITEMS, 0, 1, &[1]), end].concat();
        let client =
            ProbeClient::connect(Scripted::answers(hello.clone(), said)).await.expect("a connection");
        let mut numbers = client.count(1);
        assert_eq!(numbers.next().await, Some(Ok(1)));
        match soon("the end", numbers.next()).await {
            Some(Err(CallError::Rpc(error))) => {
                assert_eq!((error.code(), error.executed()), (Code::Decode, Executed::Yes), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn d_a_refused_call_with_a_stream_costs_only_itself() {
    everywhere(&EVERYWHERE, "max_calls=2&max_message=1MiB", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let measure = greeting.method("measure");
        let batch = |id| {
            [items(kind::CALL_ITEMS, id, 1, &[1, 7]).repeat(10), frame(kind::CALL_END, 0, id, &[])].concat()
        };
        let too_late = frame(
            kind::CALL,
            flag::STREAM | flag::DEADLINE,
            1,
            &[&varint(measure.into())[..], &varint(0)].concat(),
        );
        raw.send(&[too_late, batch(1)].concat()).await.expect("sent");
        raw.send(&[call_streaming(7, measure, &[]), batch(7)].concat()).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        let codes: Vec<_> = frames.iter().filter_map(|frame| frame.failure_code()).collect();
        assert!(alive && codes == [code::DEADLINE_EXCEEDED, code::RESOURCE_EXHAUSTED], "{frames:?}");
        // Cancelled before its items are through.
        raw.send(&[call_streaming(1, measure, &[]), cancel(1), batch(1)].concat()).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.len() == 1, "{frames:?}");
        raw.send(&[call_streaming(1, measure, &[]), batch(1)].concat()).await.expect("sent");
        let (frames, alive) = raw.settle().await.expect("an answer");
        assert!(alive && frames.iter().any(|frame| frame.is_value(1) && frame.payload == [10]), "{frames:?}");
        victim
    })
    .await;
}

#[tokio::test]
async fn f_09_time_that_runs_out_while_a_stream_waits_for_credit() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = client(&victim.address).await.with_timeout(Duration::from_millis(200));
        // The server's handler waits, since nobody reads.
        let mut endless = client.endless();
        assert_eq!(endless.next().await, Some(Ok(0)));
        victim.counted("its handler ends", |counts| counts.started == 1 && counts.running == 0).await;
        let mut last = None;
        while let Some(item) = endless.next().await {
            last = Some(item);
        }
        match last {
            Some(Err(CallError::Rpc(error))) => {
                assert_eq!(error.code(), Code::DeadlineExceeded);
                assert!(error.message().contains("it had 200ms"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        // The client waits, since the handler does not read.
        let blocks = tokio_stream::iter(std::iter::repeat_with(|| vec![1; 50_000]));
        match soon("the deadline", client.ignore(blocks)).await {
            Err(CallError::Rpc(error)) => assert_eq!(error.code(), Code::DeadlineExceeded, "{error}"),
            other => panic!("{other:?}"),
        }
        victim.counted("its handler ends", |counts| counts.running == 0).await;
        victim
    })
    .await;
}

#[tokio::test]
async fn g_a_connection_lost_in_the_middle_is_an_error_and_no_end() {
    for place in SOCKETS {
        let mut victim = crate::support::victim::Victim::start(place, "").await;
        let client = client(&victim.address).await;
        let mut endless = client.endless();
        assert_eq!(endless.next().await, Some(Ok(0)));
        let upload = {
            let client = client.clone();
            tokio::spawn(async move { client.measure(tokio_stream::pending()).await })
        };
        victim.counted("both run", |counts| counts.running == 2).await;
        victim.process().expect("a process").kill();
        let last = soon("the end", async {
            let mut last = None;
            while let Some(item) = endless.next().await {
                last = Some(item);
            }
            last
        });
        match last.await {
            Some(Err(CallError::Rpc(error))) => {
                assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::Maybe), "{error}");
            }
            other => panic!("{other:?}"),
        }
        match soon("the upload", upload).await.expect("no panic") {
            Err(CallError::Rpc(error)) => assert_eq!(error.code(), Code::Unavailable, "{error}"),
            other => panic!("{other:?}"),
        }
    }
}
