//! The calls that are measured. Never prints.
//!
//! Closed loop: so many tasks call one call after the other. Open loop: calls are due at set times, and so many tasks
//! make them. A task that had to wait for its turn measures from when it called; one that comes late, since the calls
//! before took long, measures from when it should have called.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use traitwire::dynamic::DynamicClient;
use traitwire::idl::{DecodeLimits, Definition, Guard, Type};
use traitwire::{CallError, Code, RpcError};

use super::tally::Tally;
use super::turns::Turns;

/// What is to be measured.
#[derive(Debug)]
pub(super) struct Load {
    /// Calls at once at most.
    pub(super) concurrency: u32,
    /// Calls each second, for an open loop.
    pub(super) rate: Option<f64>,
    pub(super) warm_up: Duration,
    pub(super) end: End,
    pub(super) method: String,
    /// Encoded.
    pub(super) arguments: Vec<u8>,
    /// Where the method gives a stream: what tells where each item ends.
    pub(super) items: Option<Items>,
}

/// The items of a stream, which are counted and not read.
#[derive(Debug, Clone)]
pub(super) struct Items(Arc<Guard>);

impl Items {
    pub(super) fn new(item: &Type, types: &[Definition]) -> Self {
        Self(Arc::new(Guard::always(std::slice::from_ref(item), types)))
    }

    /// Calls a method and waits for its last item.
    async fn count(
        &self,
        client: &DynamicClient,
        method: &str,
        arguments: &[u8],
    ) -> Result<u64, CallError<Vec<u8>>> {
        let Self(guard) = self.clone();
        // Nothing is decoded, so nothing is to be feared of how an item is made.
        let limits = DecodeLimits { max_depth: u32::MAX, max_empty_elements: u32::MAX };
        let item = move |bytes: &[u8]| match guard.check(bytes, limits) {
            Ok(taken) => Ok(((), taken)),
            Err(error) => Err(RpcError::new(Code::Decode, error.to_string())),
        };
        let (mut stream, mut count) = (client.stream(method, arguments, None, item)?, 0);
        while let Some(item) = stream.next().await {
            item?;
            count += 1;
        }
        Ok(count)
    }
}

/// How long it is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Time(Duration),
    Count(u64),
}

/// The longest that calls are waited for which were made before the end.
const PATIENCE: Duration = Duration::from_secs(5);

impl Load {
    /// Warms up, then measures.
    pub(super) async fn run(&self, clients: &[DynamicClient]) -> Tally {
        if !self.warm_up.is_zero() {
            self.measure(clients, End::Time(self.warm_up)).await;
        }
        self.measure(clients, self.end).await
    }

    async fn measure(&self, clients: &[DynamicClient], end: End) -> Tally {
        let turns = Arc::new(match self.rate {
            None => Turns::closed(end),
            Some(rate) => Turns::open(rate, end),
        });
        let arguments: Arc<[u8]> = self.arguments.as_slice().into();
        let (start, mut tasks, mut tallies) = (Instant::now(), JoinSet::new(), Vec::new());
        for (_, client) in (0..self.concurrency).zip(clients.iter().cycle()) {
            // Shared, so that what was measured is not lost with a call that never ends. Nobody waits for it.
            let tally = Arc::new(Mutex::new(Tally::new()));
            tallies.push(Arc::clone(&tally));
            let (client, turns, arguments) = (client.clone(), Arc::clone(&turns), Arc::clone(&arguments));
            let (method, items) = (self.method.clone(), self.items.clone());
            tasks.spawn(async move {
                let mut now = Instant::now();
                while let Some(from) = turns.next(now).await {
                    let answer = match &items {
                        Some(items) => items.count(&client, &method, &arguments).await,
                        None => client.call(&method, &arguments, None).await.map(|_| 0),
                    };
                    now = Instant::now();
                    let latency = now.saturating_duration_since(from);
                    tally.lock().unwrap_or_else(PoisonError::into_inner).note(latency, answer);
                }
            });
        }
        let joined = async { while tasks.join_next().await.is_some() {} };
        match end {
            End::Time(time) => _ = tokio::time::timeout(time + PATIENCE, joined).await,
            End::Count(_) => joined.await,
        }
        let mut all = Tally::new();
        (all.took, all.unfinished) = (start.elapsed(), tasks.len() as u64);
        tasks.shutdown().await;
        for tally in tallies {
            all.add(&tally.lock().unwrap_or_else(PoisonError::into_inner));
        }
        turns.missed().into_iter().for_each(|(waited, count)| all.note_unstarted(waited, count));
        all
    }
}
