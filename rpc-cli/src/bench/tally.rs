//! What has been measured: latencies in a histogram, and what failed. Never measures.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use traitwire::{CallError, Code, RpcError};

/// Longer times are not told apart.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What the tasks of one connection, or of all, have measured.
#[derive(Debug)]
pub(super) struct Tally {
    /// In nanoseconds, to three digits: of calls that were answered how long that took, of those that were not and
    /// should have been how long they had waited.
    pub(super) latencies: Histogram<u64>,
    /// Calls that were answered.
    pub(super) answered: u64,
    /// Answers that were the method's own error; they count as answers too.
    pub(super) own_errors: u64,
    /// Items of the streams that came to their end.
    pub(super) items: u64,
    /// Calls that failed, by their code.
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) first_failure: Option<RpcError>,
    /// Those of them whose time ran out. They are among the latencies.
    pub(super) timed_out: u64,
    /// Calls that were due and never had their turn before the end. They are among the latencies.
    pub(super) unstarted: u64,
    /// Calls that were under way when nobody waited any longer. They are among the latencies.
    pub(super) unfinished: u64,
    /// Whether it was ended before its time.
    pub(super) interrupted: bool,
    /// From the first call to the last answer.
    pub(super) took: Duration,
}

impl Tally {
    pub(super) fn new() -> Self {
        // It grows with what comes.
        let latencies = Histogram::new(3).expect("three digits can be had");
        Self {
            latencies,
            answered: 0,
            own_errors: 0,
            items: 0,
            failures: BTreeMap::new(),
            first_failure: None,
            timed_out: 0,
            unstarted: 0,
            unfinished: 0,
            interrupted: false,
            took: Duration::ZERO,
        }
    }

    /// Notes how a call ended that took this long, and how many items it gave.
    pub(super) fn note(&mut self, latency: Duration, answer: Result<u64, CallError<Vec<u8>>>) {
        match answer {
            Ok(items) => {
                self.answered += 1;
                self.items += items;
            }
            Err(CallError::Service(_)) => {
                self.answered += 1;
                self.own_errors += 1;
            }
            Err(CallError::Rpc(error)) => {
                // How soon calls fail otherwise says nothing of how long they take.
                let has_waited = error.code() == Code::DeadlineExceeded;
                *self.failures.entry(error.code().to_string()).or_default() += 1;
                self.first_failure.get_or_insert(error);
                if !has_waited {
                    return;
                }
                self.timed_out += 1;
            }
        }
        self.record(latency, 1);
    }

    /// Notes a call that has waited this long and waits still.
    pub(super) fn note_unfinished(&mut self, waited: Duration) {
        self.unfinished += 1;
        self.record(waited, 1);
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

    /// Adds what the tasks of another connection have measured.
    pub(super) fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("this one grows with it");
        self.answered += other.answered;
        self.own_errors += other.own_errors;
        self.timed_out += other.timed_out;
        self.items += other.items;
        for (code, count) in &other.failures {
            *self.failures.entry(code.clone()).or_default() += count;
        }
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&other.first_failure);
        }
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
