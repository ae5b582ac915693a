//! The calls that are measured. Never prints.
//!
//! Closed loop: so many tasks call one call after the other. Open loop: calls are due at set times, and so many tasks
//! make them. A task that had to wait for its turn measures from when it called; one that comes late, since the calls
//! before took long, measures from when it should have called.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use traitwire::dynamic::DynamicClient;
use traitwire::idl::{DecodeLimits, Definition, Guard, Type};
use traitwire::{CallError, Code, RpcError};

use super::tally::Tally;
use super::turns::{End, Turn, Turns};

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
    pub(super) patience: Patience,
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
        let limits = DecodeLimits::default().with_max_depth(u32::MAX).with_max_empty_elements(u32::MAX);
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

/// How long calls are waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Calls that were made before the time was over.
    pub(super) after_time: Duration,
    /// Calls of a given number: once the last that was made has waited so long, they are given up.
    pub(super) of_count: Duration,
}

impl Patience {
    /// For calls that have so much time themselves.
    pub(super) fn of(timeout: Option<Duration>) -> Self {
        let after_time = Duration::from_secs(5);
        let of_count = match timeout {
            Some(timeout) => timeout.saturating_add(after_time),
            None => Duration::from_secs(30),
        };
        Self { after_time, of_count }
    }

    /// How long calls of a given number are still waited for, of which the last was made at this time.
    fn left(self, last_made: Option<Instant>, now: Instant) -> Duration {
        let waited = last_made.map_or(Duration::ZERO, |made| now.saturating_duration_since(made));
        self.of_count.saturating_sub(waited)
    }
}

/// Whether there was nobody to answer. Calls of a given number are not made to the end then: each of those that are left
/// would wait for an attempt to connect.
fn is_unavailable<T>(answer: &Result<T, CallError<Vec<u8>>>) -> bool {
    matches!(answer, Err(CallError::Rpc(error)) if error.code() == Code::Unavailable)
}

/// When the last of these calls was made. Not when it was due: one that comes late is answered none the less.
fn last_made(under_way: &[Option<Turn>]) -> Option<Instant> {
    under_way.iter().flatten().map(|turn| turn.made).max()
}

/// What the tasks of one connection have measured, and their calls that are under way. It is not the tasks' own, so
/// that nothing is lost with a call that never ends, and not each for itself: the processor's cache does not hold many
/// histograms.
struct Progress {
    tally: Tally,
    under_way: Vec<Option<Turn>>,
}

type Shared = Arc<Mutex<Progress>>;

fn locked(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// Warms up, then measures. An interrupt ends it; what was measured before is there, unless it was not begun.
    pub(super) async fn run(&self, clients: &[DynamicClient], interrupt: impl Future) -> Option<Tally> {
        let mut interrupt = pin!(interrupt);
        if !self.warm_up.is_zero() {
            let warmed = self.measure(clients, End::Time(self.warm_up), interrupt.as_mut()).await;
            if warmed.interrupted {
                return None;
            }
        }
        Some(self.measure(clients, self.end, interrupt).await)
    }

    async fn measure(&self, clients: &[DynamicClient], end: End, interrupt: Pin<&mut impl Future>) -> Tally {
        let turns = Arc::new(match self.rate {
            None => Turns::closed(end),
            Some(rate) => Turns::open(rate, end),
        });
        let arguments: Arc<[u8]> = self.arguments.as_slice().into();
        let (start, mut tasks, lost) = (Instant::now(), JoinSet::new(), Arc::new(Notify::new()));
        let begin = |_| Arc::new(Mutex::new(Progress { tally: Tally::new(), under_way: Vec::new() }));
        let all_progress: Vec<Shared> = clients.iter().map(begin).collect();
        let connections = clients.iter().zip(&all_progress).cycle();
        for (_, (client, progress)) in (0..self.concurrency).zip(connections) {
            let progress = Arc::clone(progress);
            let task = {
                let under_way = &mut locked(&progress).under_way;
                under_way.push(None);
                under_way.len() - 1
            };
            let (client, turns, arguments) = (client.clone(), Arc::clone(&turns), Arc::clone(&arguments));
            let (method, items, lost) = (self.method.clone(), self.items.clone(), Arc::clone(&lost));
            tasks.spawn(async move {
                let mut now = Instant::now();
                while let Some(turn) = turns.next(now).await {
                    locked(&progress).under_way[task] = Some(turn);
                    let answer = match &items {
                        Some(items) => items.count(&client, &method, &arguments).await,
                        None => client.call(&method, &arguments, None).await.map(|_| 0),
                    };
                    now = Instant::now();
                    let latency = now.saturating_duration_since(turn.from);
                    let is_lost = is_unavailable(&answer);
                    {
                        let mut progress = locked(&progress);
                        progress.under_way[task] = None;
                        progress.tally.note(latency, answer);
                    }
                    if is_lost && matches!(end, End::Count(_)) {
                        lost.notify_one();
                    }
                    // Calls that fail at once wait for nothing, and would leave nobody else any time.
                    tokio::task::coop::consume_budget().await;
                }
            });
        }
        let joined = async { while tasks.join_next().await.is_some() {} };
        let interrupted = tokio::select! {
            () = joined => false,
            () = self.given_up(end, &all_progress) => false,
            () = lost.notified() => false,
            _ = interrupt => true,
        };
        let now = Instant::now();
        tasks.shutdown().await;
        let mut all = Tally::new();
        (all.took, all.interrupted) = (now.duration_since(start), interrupted);
        for progress in all_progress {
            let progress = locked(&progress);
            all.add(&progress.tally);
            for turn in progress.under_way.iter().flatten() {
                all.note_unfinished(now.saturating_duration_since(turn.from));
            }
        }
        turns.missed(now).into_iter().for_each(|(waited, count)| all.note_unstarted(waited, count));
        all
    }

    /// Waits until calls that are under way are not worth waiting for.
    async fn given_up(&self, end: End, all: &[Shared]) {
        match end {
            End::Time(time) => tokio::time::sleep(time.saturating_add(self.patience.after_time)).await,
            End::Count(_) => loop {
                let made = |progress: &Shared| last_made(&locked(progress).under_way);
                let left = self.patience.left(all.iter().filter_map(made).max(), Instant::now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use traitwire::dynamic::JsonClient;
    use traitwire::{Server, ipc_service};

    use super::*;

    #[ipc_service]
    trait Desk {
        async fn never(&self) -> bool;
        async fn slowly(&self);
    }

    struct Closed;

    impl Desk for Closed {
        async fn never(&self) -> bool {
            pending().await
        }

        async fn slowly(&self) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn load(method: &str, rate: Option<f64>, end: End, patience: Duration) -> Load {
        Load {
            concurrency: 1,
            rate,
            warm_up: Duration::ZERO,
            end,
            method: method.to_owned(),
            arguments: Vec::new(),
            items: None,
            patience: Patience { after_time: patience, of_count: patience },
        }
    }

    async fn measured(
        name: &str,
        method: &str,
        rate: Option<f64>,
        end: End,
        patience: Duration,
        interrupt: impl Future,
    ) -> Tally {
        let address = format!("mem:{name}");
        let server = Server::builder().service(DeskServer::new(Closed)).bind(address.as_str()).await;
        let _handle = server.expect("it listens").spawn();
        let client = JsonClient::connect(address.as_str(), "Desk").await.expect("it is served");
        let load = load(method, rate, end, patience);
        load.run(&[client.encoded().clone()], interrupt).await.expect("it was begun")
    }

    #[tokio::test]
    async fn calls_that_never_end_are_given_up_and_count_with_what_they_have_waited() {
        for (name, rate, end, unstarted) in [
            ("counted", None, End::Count(3), 0),
            ("timed", None, End::Time(Duration::from_millis(10)), 0),
            ("due", Some(1000.0), End::Count(3), 2),
        ] {
            let patience = Duration::from_millis(200);
            let tally = measured(name, "never", rate, end, patience, pending::<()>()).await;
            let counts = (tally.answered, tally.unfinished, tally.unstarted, tally.latencies.len());
            assert_eq!(counts, (0, 1, unstarted, 1 + unstarted), "{name}");
            assert!(tally.latencies.min() >= 190_000_000 && !tally.interrupted, "{name}: {tally:?}");
        }
    }

    /// On one thread: calls that fail before anything is waited for would keep it.
    #[tokio::test]
    async fn calls_that_fail_at_once_leave_time_for_an_interrupt() {
        let (end, interrupt) = (End::Count(u64::MAX), tokio::time::sleep(Duration::from_millis(1)));
        let tally = measured("at-once", "gone", None, end, Duration::MAX, interrupt).await;
        assert!(tally.interrupted && tally.failed() > 0 && tally.answered == 0, "{tally:?}");
    }

    #[tokio::test]
    async fn calls_of_a_given_number_end_with_whoever_answers_them() {
        let server = Server::builder().service(DeskServer::new(Closed)).bind("mem:leaving").await;
        let handle = server.expect("it listens").spawn();
        let client = JsonClient::connect("mem:leaving", "Desk").await.expect("it is served");
        let tally = {
            let load = load("never", None, End::Count(u64::MAX), Duration::MAX);
            let client = [client.encoded().clone()];
            let (tally, _) =
                tokio::join!(load.run(&client, pending::<()>()), handle.shutdown(Duration::from_millis(1)));
            tally.expect("it was begun")
        };
        assert!(tally.failures.contains_key("Unavailable") && !tally.interrupted, "{tally:?}");
    }

    #[tokio::test]
    async fn calls_that_come_late_count_since_they_were_due() {
        // The last is due after 19 ms, and made once 19 others have taken 20 ms each. Nothing is given up here.
        let patience = Duration::from_secs(3600);
        let tally = measured("late", "slowly", Some(1000.0), End::Count(20), patience, pending::<()>()).await;
        let counts = (tally.answered, tally.unfinished, tally.unstarted, tally.failed());
        assert_eq!(counts, (20, 0, 0, 0), "answered, unfinished, unstarted, failed");
        assert!(tally.latencies.max() > 380_000_000, "{}", tally.latencies.max());
    }

    #[test]
    fn calls_are_waited_for_since_the_last_was_made_and_not_since_they_were_due() {
        let (from, time) = (Instant::now(), Duration::from_millis);
        let turn = |made| Some(Turn { from, made: from + time(made) });
        let patience = Patience { after_time: Duration::ZERO, of_count: time(200) };
        for (under_way, now, left) in [
            (vec![], 5_000, 200),
            (vec![None, None], 5_000, 200),
            (vec![turn(5_000)], 5_000, 200),
            (vec![turn(0), None, turn(5_000)], 5_150, 50),
            (vec![turn(5_000), turn(0)], 5_300, 0),
        ] {
            let last = last_made(&under_way);
            assert_eq!(patience.left(last, from + time(now)), time(left), "{under_way:?} at {now} ms");
        }
    }

    #[tokio::test]
    async fn an_interrupt_keeps_what_was_measured() {
        let hour = Duration::from_secs(3600);
        let tally = measured("interrupted", "never", None, End::Time(hour), hour, ready(())).await;
        assert!(tally.interrupted && tally.unfinished <= 1, "{tally:?}");
    }
}
