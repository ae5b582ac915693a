//! The workloads. Each runs in a client process of its own, against a server in another.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::cpu::Clocks;
use super::measurement::Measurement;

/// What is measured. The names are those of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// One small call at a time.
    W1,
    /// Small calls, 64 in flight on one connection.
    W2,
    /// Echo of 4 KiB, 16 in flight.
    W3,
    /// Echo of 1 MiB, one at a time.
    W4,
    /// A million `u64` from server to client.
    W5,
    /// Connect, one small call, close.
    W6,
    /// Echo of a block: one at a time, then several in flight.
    Echo(Echo),
}

/// An echo of so many bytes, so many in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Echo {
    pub(crate) bytes: usize,
    pub(crate) in_flight: usize,
}

pub(crate) const WARM_UP: Duration = Duration::from_millis(300);
pub(crate) const WARM_UP_CALLS: i32 = 2_000;
pub(crate) const TIMED_CALLS: i32 = 20_000;
/// So that there is something to take a median of, however large they are.
pub(crate) const FEWEST_ECHOES: usize = 5;
pub(crate) const ITEMS: u64 = 1_000_000;
pub(crate) const CONNECTIONS: i32 = 200;
pub(crate) const CONNECTING: Duration = Duration::from_secs(4);

impl Work {
    pub(crate) const ALL: [Work; 6] = [Work::W1, Work::W2, Work::W3, Work::W4, Work::W5, Work::W6];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        if let Some((bytes, in_flight)) = name.strip_prefix("E").and_then(|echo| echo.split_once('x')) {
            let (bytes, in_flight) = (bytes.parse().ok()?, in_flight.parse().ok()?);
            return Some(Work::Echo(Echo { bytes, in_flight }));
        }
        Self::ALL.into_iter().find(|work| work.to_string() == name)
    }

    /// Bytes of a block to echo; 0 for small calls.
    pub(crate) fn block(self) -> usize {
        match self {
            Work::Echo(Echo { bytes, .. }) => bytes,
            Work::W3 => 4 << 10,
            Work::W4 => 1 << 20,
            _ => 0,
        }
    }

    pub(crate) fn in_flight(self) -> usize {
        match self {
            Work::Echo(Echo { in_flight, .. }) => in_flight,
            Work::W2 => 64,
            Work::W3 => 16,
            _ => 1,
        }
    }

    /// How long it is measured, where it is measured for a time. `PEERS_SECS` is the whole of it.
    pub(crate) fn time(self) -> Duration {
        let seconds = std::env::var("PEERS_SECS").ok().and_then(|seconds| seconds.parse().ok());
        let seconds: f64 = seconds.unwrap_or(3.0);
        Duration::from_secs_f64(if self == Work::W2 { seconds } else { seconds / 2.0 })
    }

    /// `count` calls or connections in `took`, at `cpu` nanoseconds of CPU time.
    pub(crate) fn rate(self, count: u64, took: Duration, cpu: u64) -> Measurement {
        let rate = count as f64 / took.as_secs_f64();
        let cpu = cpu as f64 / count.max(1) as f64;
        match self {
            Work::W4 => Measurement::new(self, &[("mb_per_s", rate * self.block() as f64 / 1e6)]),
            Work::W5 => Measurement::new(self, &[("items_per_s", rate), ("cpu_ns_per_item", cpu)]),
            Work::W6 => Measurement::new(self, &[("conns_per_s", rate)]),
            _ => Measurement::new(self, &[("calls_per_s", rate), ("cpu_ns_per_call", cpu)]),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Echo(Echo { bytes, in_flight }) => write!(f, "E{bytes}x{in_flight}"),
            work => fmt::Debug::fmt(work, f),
        }
    }
}

/// A client whose calls are made by any number of tasks at once. It panics where a call fails.
pub(crate) trait Caller: Clone + Send + Sync + 'static {
    fn connect(address: &str) -> impl Future<Output = Self> + Send;
    fn add(&self, a: i32, b: i32) -> impl Future<Output = i32> + Send;
    fn echo(&self, data: Vec<u8>) -> impl Future<Output = Vec<u8>> + Send;
    /// How many came of a stream of so many `u64`; `None` from who has no streams.
    fn count(&self, to: u64) -> impl Future<Output = Option<u64>> + Send;
    /// The server's process, where the server says so itself.
    fn server(&self) -> impl Future<Output = Option<u32>> + Send;
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Runs one workload over connections to an address.
pub(crate) async fn run<C: Caller>(work: Work, address: &str) -> Measurement {
    let client = C::connect(address).await;
    match work {
        Work::W1 => one_at_a_time(&client).await,
        Work::W5 => items(&client).await,
        Work::W6 => connections::<C>(&client, address).await,
        Work::Echo(_) => {
            let times = echoes(&client, work).await;
            many_at_once(&client, work).await.and(&latency(times))
        }
        _ => many_at_once(&client, work).await,
    }
}

async fn one_at_a_time<C: Caller>(client: &C) -> Measurement {
    for n in 0..WARM_UP_CALLS {
        assert_eq!(client.add(n, 2).await, n + 2);
    }
    let mut times = Vec::with_capacity(TIMED_CALLS as usize);
    for n in 0..TIMED_CALLS {
        let start = Instant::now();
        let sum = client.add(n, 1).await;
        times.push(start.elapsed().as_nanos() as u64);
        assert_eq!(sum, n + 1);
    }
    Measurement::new(Work::W1, &latency(times)).and(&[("calls", f64::from(WARM_UP_CALLS + TIMED_CALLS))])
}

/// Echoes one after another: at least a few, at most as many as small calls are timed, for the time of the workload.
async fn echoes<C: Caller>(client: &C, work: Work) -> Vec<u64> {
    let mut data = vec![7; work.block()];
    let mut timing = Timing::new(work);
    while timing.goes_on() {
        let start = Instant::now();
        data = client.echo(data).await;
        timing.add(start.elapsed());
        assert_eq!(data.len(), work.block());
    }
    timing.times
}

/// Times of echoes, as many as there is time for.
pub(crate) struct Timing {
    start: Instant,
    warm_up: Duration,
    until: Duration,
    pub(crate) times: Vec<u64>,
}

impl Timing {
    pub(crate) fn new(work: Work) -> Self {
        let warm_up = work.time() / 4;
        Self { start: Instant::now(), warm_up, until: warm_up + work.time(), times: Vec::new() }
    }

    pub(crate) fn goes_on(&self) -> bool {
        let is_enough = self.start.elapsed() > self.until && self.times.len() >= FEWEST_ECHOES;
        !is_enough && self.times.len() < TIMED_CALLS as usize
    }

    pub(crate) fn add(&mut self, time: Duration) {
        if self.start.elapsed() > self.warm_up {
            self.times.push(time.as_nanos() as u64);
        }
    }
}

/// The figures of single calls' times.
pub(crate) fn latency(mut times: Vec<u64>) -> [(&'static str, f64); 3] {
    times.sort_unstable();
    let count = times.len();
    let mean = times.iter().sum::<u64>() as f64 / count as f64;
    let (p50, p99) = (times[count / 2] as f64, times[count * 99 / 100] as f64);
    [("p50_ns", p50), ("p99_ns", p99), ("mean_ns", mean)]
}

/// Calls that were made, counted by each task on a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Count(AtomicU64);

async fn many_at_once<C: Caller>(client: &C, work: Work) -> Measurement {
    let stop = Arc::new(AtomicBool::new(false));
    let counts: Arc<[Count]> = (0..work.in_flight()).map(|_| Count::default()).collect();
    for task in 0..work.in_flight() {
        let (client, stop, counts) = (client.clone(), Arc::clone(&stop), Arc::clone(&counts));
        tokio::spawn(async move {
            // What comes back is sent again: nothing is copied that the contestant does not copy itself.
            let mut data = vec![7; work.block()];
            let mut n = 0;
            while !stop.load(Relaxed) {
                if data.is_empty() {
                    assert_eq!(client.add(n, 3).await, n + 3);
                } else {
                    data = client.echo(data).await;
                    assert_eq!(data.len(), work.block());
                }
                n = (n + 1) & 0xFFFF;
                counts[task].0.fetch_add(1, Relaxed);
            }
        });
    }
    let count = || counts.iter().map(|count| count.0.load(Relaxed)).sum::<u64>();
    let clocks = Clocks::new(client.server().await);
    tokio::time::sleep(WARM_UP).await;
    let (start, before, cpu) = (Instant::now(), count(), clocks.now());
    tokio::time::sleep(work.time()).await;
    let measurement = work.rate(count() - before, start.elapsed(), clocks.now() - cpu);
    let measurement = measurement.and(&[("calls", count() as f64)]);
    stop.store(true, Relaxed);
    measurement
}

async fn items<C: Caller>(client: &C) -> Measurement {
    if client.count(1000).await.is_none() {
        return Measurement::new(Work::W5, &[]);
    }
    let clocks = Clocks::new(client.server().await);
    let (start, cpu) = (Instant::now(), clocks.now());
    let count = client.count(ITEMS).await.unwrap_or(0);
    let measurement = Work::W5.rate(count, start.elapsed(), clocks.now() - cpu);
    assert_eq!(count, ITEMS);
    measurement
}

async fn connections<C: Caller>(client: &C, address: &str) -> Measurement {
    client.add(0, 0).await;
    let (start, mut made) = (Instant::now(), 0);
    while made < CONNECTIONS && start.elapsed() < CONNECTING {
        let client = C::connect(address).await;
        assert_eq!(client.add(made, 1).await, made + 1);
        client.close().await;
        made += 1;
    }
    Work::W6.rate(made as u64, start.elapsed(), 0)
}
