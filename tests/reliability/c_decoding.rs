//! C: bodies that are not what they should be. Each costs its own call and nothing else.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use traitwire::Code;

use crate::support::probe::{Chain, Choice, ProbeClient};
use crate::support::raw::{Frame, Raw, block, call, code, varint};
use crate::support::victim::{EVERYWHERE, Victim, everywhere};

/// Calls a method with a body made by hand and a sibling call behind it; the answer to the first.
async fn answer(victim: &Victim, method: &str, body: &[u8]) -> Frame {
    let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
    let calls = [call(0, greeting.method(method), body), call(1, greeting.method("add"), &[2, 4])].concat();
    raw.send(&calls).await.expect("sent");
    let (mut frames, alive) = raw.settle().await.expect("an answer");
    assert!(alive && frames.len() == 2, "{method}: {frames:?}");
    frames.sort_by_key(|frame| frame.id);
    assert!(frames[1].is_value(1) && frames[1].payload == [6], "the sibling lives");
    frames.remove(0)
}

async fn is_refused(victim: &Victim, method: &str, body: &[u8]) {
    let frame = answer(victim, method, body).await;
    assert_eq!(frame.failure_code(), Some(code::DECODE), "{method} {:?}", frame.failure());
}

const HUGE: u64 = u64::MAX;

#[tokio::test]
async fn c_01_lengths_that_are_not_there() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for method in ["echo", "text", "names", "units", "empties", "unit_map"] {
            for length in [HUGE, u64::from(u32::MAX), 1 << 40, 1 << 20] {
                is_refused(&victim, method, &varint(length)).await;
            }
        }
        assert!(victim.growth() < 4 << 20, "{} bytes", victim.growth());
        victim
    })
    .await;
}

#[tokio::test]
async fn c_02_elements_that_take_no_bytes() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for method in ["units", "empties", "unit_map"] {
            is_refused(&victim, method, &varint(HUGE)).await;
            let few = answer(&victim, method, &varint(1000)).await;
            let count = if method == "unit_map" { 1 } else { 1000 };
            assert!(few.is_value(0) && few.payload == varint(count), "{method}: {few:?}");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn c_03_values_nested_100_000_deep() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let nested = |depth| [vec![1; depth], vec![0]].concat();
        for depth in [129, 1000, 100_000] {
            is_refused(&victim, "chain", &nested(depth)).await;
        }
        // Without an end.
        is_refused(&victim, "chain", &vec![1; 100_000]).await;
        let deep = answer(&victim, "chain", &nested(100)).await;
        assert!(deep.is_value(0) && deep.payload == [101], "{deep:?}");
        // A client that builds such a value itself is told the same.
        let mut chain = Chain { next: None };
        for _ in 0..1000 {
            chain = Chain { next: Some(Box::new(chain)) };
        }
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let error = client.chain(chain).await.expect_err("too deep");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Decode));
        victim
    })
    .await;
}

#[tokio::test]
async fn c_04_bytes_after_the_last_value() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for (method, body) in [
            ("add", vec![2, 4, 0]),
            ("counts", vec![0]),
            ("echo", [block(b"abc"), vec![0]].concat()),
            ("chain", vec![1, 0, 0]),
            ("units", vec![3, 3]),
        ] {
            is_refused(&victim, method, &body).await;
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn c_05_bytes_that_are_no_value() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for (method, body) in [
            ("text", block(&[0xFF, 0xFE])),
            ("text", block(&[0xC3])),
            ("text", block(&[0xED, 0xA0, 0x80])),
            ("truth", vec![2]),
            ("letter", block(&[0xC3])),
            ("letter", block(b"")),
            ("choose", vec![2]),
            ("choose", [varint(u32::MAX.into()), vec![0]].concat()),
            ("chain", vec![2]),
            ("add", vec![0xFF; 11]),
            ("is_nan", vec![0; 7]),
        ] {
            is_refused(&victim, method, &body).await;
        }
        let nan = answer(&victim, "is_nan", &f64::NAN.to_le_bytes()).await;
        assert!(nan.is_value(0) && nan.payload == [1], "{nan:?}");
        let choice = answer(&victim, "choose", &[1, 9]).await;
        assert!(choice.is_value(0) && choice.payload == [1, 9], "{choice:?}");
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        assert_eq!(client.choose(Choice::Two(9)).await, Ok(Choice::Two(9)));
        victim
    })
    .await;
}

#[tokio::test]
async fn c_06_times_at_the_end_of_time() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        assert_eq!(client.is_far(Duration::MAX).await, Ok(true));
        assert_eq!(client.is_past(SystemTime::UNIX_EPOCH).await, Ok(true));
        // Seconds and nanoseconds that together are more than there are.
        let beyond = [varint(u64::MAX), varint(u32::MAX.into())].concat();
        for method in ["is_far", "is_past"] {
            let frame = answer(&victim, method, &beyond).await;
            assert_eq!(frame.failure_code(), Some(code::DECODE), "{method}: {:?}", frame.failure());
        }
        let last = answer(&victim, "is_past", &[varint(u64::MAX), varint(999_999_999)].concat()).await;
        assert_eq!(last.failure_code(), Some(code::DECODE), "{:?}", last.failure());
        victim
    })
    .await;
}

#[tokio::test]
async fn c_07_too_little_and_too_much_for_a_method() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        for method in ["add", "echo", "text", "names", "chain", "is_far"] {
            is_refused(&victim, method, &[]).await;
        }
        is_refused(&victim, "echo", &[0x80]).await;
        is_refused(&victim, "echo", &varint(1 << 20)).await;
        is_refused(&victim, "add", &[1; 100_000]).await;
        is_refused(&victim, "counts", &[1; 100_000]).await;
        let unknown = {
            let (mut raw, _) = Raw::greet(&victim.address).await.expect("a connection");
            raw.send(&call(0, 1_000_000, b"")).await.expect("sent");
            raw.settle().await.expect("an answer").0.remove(0)
        };
        assert_eq!(unknown.failure_code(), Some(code::UNIMPLEMENTED));
        victim
    })
    .await;
}

#[tokio::test]
async fn c_08_maps_of_many_keys() {
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let names: HashMap<_, _> = (0..20_000).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(client.names(names).await, Ok(20_000));
        victim
    })
    .await;
}
