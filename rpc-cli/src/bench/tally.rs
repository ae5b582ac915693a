//! What has been measured: latencies in a histogram, and what failed. Never measures.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use traitwire::{CallError, RpcError};

/// Longer times are not told apart.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What one task, or all of them, have measured.
#[derive(Debug)]
pub(super) struct Tally {
    /// Of calls that were answered, in nanoseconds, to three digits.
    pub(super) latencies: Histogram<u64>,
    /// Answers that were the method's own error; they count as answers too.
    pub(super) own_errors: u64,
    /// Items of the streams that came to their end.
    pub(super) items: u64,
    /// Calls that failed, by their code.
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) first_failure: Option<RpcError>,
    /// Calls that were due and never had their turn before the end. They are among the latencies, with the time that
    /// they had waited.
    pub(super) unstarted: u64,
    /// Calls that had no answer long after the end.
    pub(super) unfinished: u64,
    /// From the first call to the last answer.
    pub(super) took: Duration,
}

impl Tally {
    pub(super) fn new() -> Self {
        // It grows with what comes: a task's own is small.
        let latencies = Histogram::new(3).expect("three digits can be had");
        let (failures, took) = (BTreeMap::new(), Duration::ZERO);
        Self {
            latencies,
            own_errors: 0,
            items: 0,
            failures,
            first_failure: None,
            unstarted: 0,
            unfinished: 0,
            took,
        }
    }

    /// Notes how a call ended that took this long, and how many items it gave.
    pub(super) fn note(&mut self, latency: Duration, answer: Result<u64, CallError<Vec<u8>>>) {
        match answer {
            Ok(items) => self.items += items,
            Err(CallError::Service(_)) => self.own_errors += 1,
            Err(CallError::Rpc(error)) => {
                *self.failures.entry(error.code().to_string()).or_default() += 1;
                self.first_failure.get_or_insert(error);
                return;
            }
        }
        self.record(latency, 1);
    }

    /// Notes so many calls that were due this long ago.
    pub(super) fn note_unstarted(&mut self, waited: Duration, count: u64) {
        self.unstarted += count;
        self.record(waited, count);
    }

    fn record(&mut self, latency: Duration, count: u64) {
        let nanoseconds = latency.clamp(Duration::from_nanos(1), LONGEST).as_nanos() as u64;
        self.latencies.record_n(nanoseconds, count).expect("it grows, and this far it can");
    }

    /// Adds what another task has measured.
    pub(super) fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("this one grows with it");
        self.own_errors += other.own_errors;
        self.items += other.items;
        for (code, count) in &other.failures {
            *self.failures.entry(code.clone()).or_default() += count;
        }
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&other.first_failure);
        }
    }

    /// Calls that were answered.
    pub(super) fn answered(&self) -> u64 {
        self.latencies.len() - self.unstarted
    }

    /// Calls that failed.
    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// So many, in each second.
    pub(super) fn rate_of(&self, count: u64) -> f64 {
        count as f64 / self.took.as_secs_f64().max(1e-9)
    }
}
