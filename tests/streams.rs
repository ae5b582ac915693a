//! Streams of items: in either direction and in both, over every transport of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use traitwire::{CallError, Stream, Streaming, ipc_service, ipc_type};

#[ipc_type]
#[derive(Eq)]
enum Trouble {
    Odd(u32),
    Refused,
}

#[ipc_service]
trait Numbers {
    fn countdown(&self, from: u32) -> impl Stream<Item = u32>;
    async fn sum(&self, values: Streaming<i64>) -> i64;
    fn shout(&self, lines: Streaming<String>) -> impl Stream<Item = String>;
    fn evens(&self, to: u32) -> impl Stream<Item = Result<u32, Trouble>>;
    async fn open(&self, name: &str) -> Result<impl Stream<Item = String>, Trouble>;
    async fn check(&self, prefix: String, values: Streaming<u32, Trouble>) -> Result<String, Trouble>;
}

#[derive(Default)]
struct Desk {
    made: Arc<AtomicU64>,
}

impl Numbers for Desk {
    fn countdown(&self, from: u32) -> impl Stream<Item = u32> {
        let made = Arc::clone(&self.made);
        tokio_stream::iter((0..from).rev()).map(move |n| {
            made.fetch_add(1, Ordering::Relaxed);
            n
        })
    }

    async fn sum(&self, mut values: Streaming<i64>) -> i64 {
        let mut sum = 0;
        while let Some(Ok(value)) = values.next().await {
            sum += value;
        }
        sum
    }

    fn shout(&self, lines: Streaming<String>) -> impl Stream<Item = String> {
        lines.filter_map(|line| line.ok().map(|line| line.to_uppercase()))
    }

    fn evens(&self, to: u32) -> impl Stream<Item = Result<u32, Trouble>> {
        tokio_stream::iter((0..to).map(|n| if n % 2 == 0 { Ok(n) } else { Err(Trouble::Odd(n)) }))
    }

    async fn open(&self, name: &str) -> Result<impl Stream<Item = String>, Trouble> {
        if name.is_empty() {
            return Err(Trouble::Refused);
        }
        Ok(tokio_stream::iter(name.chars().map(String::from).collect::<Vec<_>>()))
    }

    async fn check(&self, prefix: String, mut values: Streaming<u32, Trouble>) -> Result<String, Trouble> {
        let mut seen = prefix;
        while let Some(value) = values.next().await {
            match value {
                Ok(value) => seen.push_str(&value.to_string()),
                Err(CallError::Service(trouble)) => return Err(trouble),
                Err(CallError::Rpc(error)) => seen.push_str(error.message()),
            }
        }
        Ok(seen)
    }
}
use tokio_stream::StreamExt;

async fn all<T, E>(stream: Streaming<T, E>) -> Vec<Result<T, CallError<E>>> {
    stream.collect().await
}

#[tokio::test]
async fn items_come_in_order_in_every_shape() {
    let numbers = NumbersClient::local(Desk::default());
    assert_eq!(all(numbers.countdown(5)).await, [4, 3, 2, 1, 0].map(Ok));
    assert_eq!(numbers.sum(tokio_stream::iter(1..=100)).await, Ok(5050));
    let lines = ["a", "b"].map(str::to_owned);
    assert_eq!(all(numbers.shout(tokio_stream::iter(lines))).await, ["A", "B"].map(|s| Ok(s.to_owned())));
    assert_eq!(all(numbers.evens(3)).await, [Ok(0), Err(CallError::Service(Trouble::Odd(1))), Ok(2)]);
    assert_eq!(all(numbers.open("xy")).await, ["x", "y"].map(|s| Ok(s.to_owned())));
    assert_eq!(all(numbers.open("")).await, [Err(CallError::Service(Trouble::Refused))]);
    let values = [Ok(1), Ok(2), Err(Trouble::Odd(3)), Ok(4)];
    assert_eq!(
        numbers.check("p".into(), tokio_stream::iter(values)).await,
        Err(CallError::Service(Trouble::Odd(3)))
    );
    assert_eq!(numbers.check("p".into(), tokio_stream::iter([Ok(1), Ok(2)])).await, Ok("p12".into()));
    let many = all(numbers.countdown(1_000_000)).await;
    assert_eq!(many.len(), 1_000_000);
    assert_eq!(numbers.sum(tokio_stream::iter(0..1_000_000)).await, Ok(499_999_500_000));
}

#[tokio::test]
async fn a_stream_outlives_its_client() {
    let mut countdown = NumbersClient::local(Desk::default()).countdown(3);
    let mut rest = Vec::new();
    while let Some(number) = countdown.next().await {
        rest.push(number.expect("its connection is there"));
    }
    assert_eq!(rest, [2, 1, 0]);
}
