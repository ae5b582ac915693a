//! What a connection costs: small calls one by one, many at once, a large result.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Fallible;
use crate::search::SearchClient;

/// Calls under way at once where throughput is measured.
pub(crate) const IN_FLIGHT: usize = 64;

/// Times of one small call after another, the median and the 99th percentile.
pub(crate) async fn latency(client: &SearchClient, time: Duration) -> Fallible<(Duration, Duration)> {
    small_calls(client, time / 10).await?;
    let mut taken = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let before = Instant::now();
        small_call(client).await?;
        taken.push(before.elapsed());
    }
    taken.sort_unstable();
    let at = |share: usize| taken[(taken.len() * share / 100).min(taken.len() - 1)];
    Ok((at(50), at(99)))
}

/// Small calls a second with [`IN_FLIGHT`] at once on this one connection.
pub(crate) async fn throughput(client: &SearchClient, time: Duration) -> Fallible<f64> {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let client = client.clone();
        callers.spawn(async move { small_calls(&client, time).await });
    }
    let mut calls = 0;
    while let Some(done) = callers.join_next().await {
        calls += done??;
    }
    Ok(calls as f64 / start.elapsed().as_secs_f64())
}

/// Bytes a second, a document being read again and again.
pub(crate) async fn transfer(client: &SearchClient, path: &str, time: Duration) -> Fallible<f64> {
    let start = Instant::now();
    let mut bytes = 0;
    while start.elapsed() < time {
        bytes += client.read(path).await?.len();
    }
    Ok(bytes as f64 / start.elapsed().as_secs_f64())
}

async fn small_calls(client: &SearchClient, time: Duration) -> Fallible<u64> {
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < time {
        small_call(client).await?;
        calls += 1;
    }
    Ok(calls)
}

async fn small_call(client: &SearchClient) -> Fallible<()> {
    // In one document only, so that the service itself takes next to no time.
    match client.count(crate::RARE).await? {
        1 => Ok(()),
        count => Err(format!("{count} documents hold the word, not one").into()),
    }
}
