//! The calls that are measured. Never prints.
//!
//! Closed loop: so many tasks call one call after the other. Open loop: calls are due at set times, and so many tasks
//! make them. A task that had to wait for its turn measures from when it called; one that comes late, since the calls
//! before took long, measures from when it should have called.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use traitwire::dynamic::DynamicClient;

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
            let method = self.method.clone();
            tasks.spawn(async move {
                let mut now = Instant::now();
                while let Some(from) = turns.next(now).await {
                    let answer = client.call(&method, &arguments, None).await;
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
