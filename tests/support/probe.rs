//! The service under attack: methods that wait, hold, fail, panic and take every kind of argument, and that
//! count what becomes of their handlers.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;
use tokio_stream::StreamExt;
use traitwire::{Context, Stream, Streaming, ipc_service, ipc_type};

/// One byte of input for each level.
#[ipc_type]
pub struct Chain {
    pub next: Option<Box<Chain>>,
}

#[ipc_type]
pub struct Empty;

#[ipc_type]
pub enum Choice {
    One,
    Two(u8),
}

/// What became of the handlers that hold.
#[ipc_type]
#[derive(Copy, Eq, Default)]
pub struct Counts {
    pub started: u64,
    pub running: u64,
    /// Most that ran at once.
    pub peak: u64,
    /// Dropped before their end.
    pub dropped: u64,
}

#[ipc_service]
pub trait Bell {
    async fn ring(&self) -> u32;
}

/// Says which process it hangs in.
pub struct Brass;

impl Bell for Brass {
    async fn ring(&self) -> u32 {
        std::process::id()
    }
}

#[ipc_service]
pub trait Probe {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn counts(&self) -> Counts;
    async fn echo(&self, bytes: Vec<u8>) -> Vec<u8>;
    async fn produce(&self, bytes: u64) -> Vec<u8>;
    async fn text(&self, text: String) -> String;
    async fn truth(&self, value: bool) -> bool;
    async fn letter(&self, value: char) -> char;
    async fn choose(&self, value: Choice) -> Choice;
    async fn is_nan(&self, value: f64) -> bool;
    async fn units(&self, values: Vec<()>) -> u64;
    async fn empties(&self, values: Vec<Empty>) -> u64;
    async fn unit_map(&self, values: HashMap<(), ()>) -> u64;
    async fn names(&self, values: HashMap<String, String>) -> u64;
    async fn chain(&self, chain: Chain) -> u64;
    async fn is_far(&self, time: Duration) -> bool;
    async fn is_past(&self, time: SystemTime) -> bool;
    async fn fail(&self) -> Result<u8, String>;
    async fn left(&self, context: &Context) -> Option<u64>;
    /// Runs until it is given up.
    async fn hold(&self);
    #[ipc(spawn)]
    async fn hold_spawned(&self);
    /// Runs until `open` is called.
    async fn gate(&self) -> u8;
    async fn open(&self);
    /// Holds its thread.
    #[ipc(spawn)]
    async fn block(&self, milliseconds: u64);
    /// Holds its thread and tells the runtime, which has others do the rest.
    #[ipc(spawn)]
    async fn occupy(&self, milliseconds: u64);
    /// Holds a thread of the runtime, as no handler should.
    async fn seize(&self, milliseconds: u64);
    async fn panic_first(&self);
    async fn panic_later(&self);
    /// Panics when it is dropped, which is at its end or, if it holds, when it is given up.
    async fn panic_in_drop(&self, hold: bool);
    #[ipc(spawn)]
    async fn panic_spawned(&self, in_drop: bool);
    fn count(&self, to: u64) -> impl Stream<Item = u64>;
    /// One block for each size.
    fn blocks(&self, sizes: Vec<u64>) -> impl Stream<Item = Vec<u8>>;
    /// A number, then nothing for ever.
    fn hang(&self) -> impl Stream<Item = u64>;
    /// Numbers without end.
    fn endless(&self) -> impl Stream<Item = u64>;
    /// So many numbers, then a panic.
    fn count_and_panic(&self, to: u64) -> impl Stream<Item = u64>;
    /// Bytes of all blocks.
    async fn measure(&self, blocks: Streaming<Vec<u8>>) -> u64;
    /// The first number; the rest is not read.
    async fn first(&self, numbers: Streaming<u64>) -> Option<u64>;
    /// Holds a stream and reads nothing of it.
    async fn ignore(&self, blocks: Streaming<Vec<u8>>);
    /// Says what ends the numbers.
    async fn verdict(&self, numbers: Streaming<u64>) -> String;
    /// A bell of this process.
    async fn bell(&self) -> BellClient;
    async fn ring(&self, bell: BellClient) -> u32;
    /// Rings nothing, and is late.
    async fn hold_bell(&self, bell: BellClient);
    /// The process that answers.
    async fn process(&self) -> u32;
    /// Runs until it is given up in this process, and answers in any other.
    async fn outlast(&self, process: u32) -> u32;
    #[ipc(idempotent)]
    async fn outlast_again(&self, process: u32) -> u32;
    async fn depths(&self, chains: Streaming<Chain>) -> u64;
    async fn units_sent(&self, units: Streaming<()>) -> u64;
    fn double(&self, numbers: Streaming<u64>) -> impl Stream<Item = u64>;
}

#[derive(Default)]
struct Tally {
    started: AtomicU64,
    running: AtomicU64,
    peak: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Clone, Default)]
pub struct Prober {
    tally: Arc<Tally>,
    gate: Arc<Notify>,
}

impl Prober {
    pub fn tally(&self) -> Counts {
        let Tally { started, running, peak, dropped } = &*self.tally;
        let [started, running, peak, dropped] =
            [started, running, peak, dropped].map(|count| count.load(SeqCst));
        Counts { started, running, peak, dropped }
    }

    fn enter(&self) -> Running {
        self.tally.started.fetch_add(1, SeqCst);
        let running = self.tally.running.fetch_add(1, SeqCst) + 1;
        self.tally.peak.fetch_max(running, SeqCst);
        Running { tally: Arc::clone(&self.tally), ended: false }
    }
}

struct Running {
    tally: Arc<Tally>,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tally.running.fetch_sub(1, SeqCst);
        self.tally.dropped.fetch_add(u64::from(!self.ended), SeqCst);
    }
}

/// Counts as long as its stream lives.
struct Watched<S>(S, #[expect(dead_code, reason = "for its drop")] Running);

impl<S: Stream + Unpin> Stream for Watched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in drop, on purpose");
    }
}

impl Probe for Prober {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    async fn counts(&self) -> Counts {
        self.tally()
    }

    async fn echo(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn produce(&self, bytes: u64) -> Vec<u8> {
        vec![7; bytes as usize]
    }

    async fn text(&self, text: String) -> String {
        text
    }

    async fn truth(&self, value: bool) -> bool {
        value
    }

    async fn letter(&self, value: char) -> char {
        value
    }

    async fn choose(&self, value: Choice) -> Choice {
        value
    }

    async fn is_nan(&self, value: f64) -> bool {
        value.is_nan()
    }

    async fn units(&self, values: Vec<()>) -> u64 {
        values.len() as u64
    }

    async fn empties(&self, values: Vec<Empty>) -> u64 {
        values.len() as u64
    }

    async fn unit_map(&self, values: HashMap<(), ()>) -> u64 {
        values.len() as u64
    }

    async fn names(&self, values: HashMap<String, String>) -> u64 {
        values.len() as u64
    }

    async fn chain(&self, chain: Chain) -> u64 {
        std::iter::successors(Some(&chain), |chain| chain.next.as_deref()).count() as u64
    }

    async fn is_far(&self, time: Duration) -> bool {
        Instant::now().checked_add(time).is_none() || time > Duration::from_secs(1 << 40)
    }

    async fn is_past(&self, time: SystemTime) -> bool {
        time < SystemTime::now()
    }

    async fn fail(&self) -> Result<u8, String> {
        Err("no".to_owned())
    }

    async fn left(&self, context: &Context) -> Option<u64> {
        let left = context.deadline()?.saturating_duration_since(tokio::time::Instant::now().into_std());
        Some(left.as_secs())
    }

    async fn hold(&self) {
        let _running = self.enter();
        std::future::pending().await
    }

    async fn hold_spawned(&self) {
        let _running = self.enter();
        std::future::pending().await
    }

    async fn gate(&self) -> u8 {
        let mut running = self.enter();
        self.gate.notified().await;
        running.ended = true;
        1
    }

    async fn open(&self) {
        self.gate.notify_one();
    }

    async fn block(&self, milliseconds: u64) {
        let _running = self.enter();
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    async fn occupy(&self, milliseconds: u64) {
        let _running = self.enter();
        tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(milliseconds)));
    }

    async fn seize(&self, milliseconds: u64) {
        let _running = self.enter();
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    async fn panic_first(&self) {
        panic!("first, on purpose");
    }

    async fn panic_later(&self) {
        tokio::task::yield_now().await;
        panic!("later, on purpose");
    }

    async fn panic_in_drop(&self, hold: bool) {
        let _running = self.enter();
        let _panics = PanicsInDrop;
        if hold {
            std::future::pending().await
        }
    }

    async fn panic_spawned(&self, in_drop: bool) {
        tokio::task::yield_now().await;
        let _running = self.enter();
        let _panics = in_drop.then(|| PanicsInDrop);
        if !in_drop {
            panic!("spawned, on purpose");
        }
    }

    fn count(&self, to: u64) -> impl Stream<Item = u64> {
        Watched(tokio_stream::iter(0..to), self.enter())
    }

    fn blocks(&self, sizes: Vec<u64>) -> impl Stream<Item = Vec<u8>> {
        tokio_stream::iter(sizes.into_iter().map(|size| vec![7; size as usize]))
    }

    fn hang(&self) -> impl Stream<Item = u64> {
        Watched(tokio_stream::once(1).chain(tokio_stream::pending()), self.enter())
    }

    fn endless(&self) -> impl Stream<Item = u64> {
        Watched(tokio_stream::iter(0..), self.enter())
    }

    fn count_and_panic(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter((0..=to).inspect(move |number| assert!(*number < to, "in a stream, on purpose")))
    }

    async fn measure(&self, mut blocks: Streaming<Vec<u8>>) -> u64 {
        let _running = self.enter();
        let mut bytes = 0;
        while let Some(block) = blocks.next().await {
            bytes += block.expect("a block").len() as u64;
        }
        bytes
    }

    async fn first(&self, mut numbers: Streaming<u64>) -> Option<u64> {
        numbers.next().await.and_then(Result::ok)
    }

    async fn ignore(&self, _blocks: Streaming<Vec<u8>>) {
        let _running = self.enter();
        std::future::pending().await
    }

    async fn verdict(&self, mut numbers: Streaming<u64>) -> String {
        let mut count = 0;
        loop {
            match numbers.next().await {
                Some(Ok(_)) => count += 1,
                Some(Err(error)) => return format!("{count}, then {error}"),
                None => return format!("{count}, then the end"),
            }
        }
    }

    async fn bell(&self) -> BellClient {
        BellClient::local(Brass)
    }

    async fn ring(&self, bell: BellClient) -> u32 {
        bell.ring().await.unwrap_or(0)
    }

    async fn hold_bell(&self, _bell: BellClient) {
        self.hold().await;
    }

    async fn process(&self) -> u32 {
        std::process::id()
    }

    async fn outlast(&self, process: u32) -> u32 {
        if process == std::process::id() {
            self.hold().await;
        }
        std::process::id()
    }

    async fn outlast_again(&self, process: u32) -> u32 {
        self.outlast(process).await
    }

    async fn depths(&self, mut chains: Streaming<Chain>) -> u64 {
        let mut depth = 0;
        while let Some(Ok(chain)) = chains.next().await {
            depth += self.chain(chain).await;
        }
        depth
    }

    async fn units_sent(&self, mut units: Streaming<()>) -> u64 {
        let mut count = 0;
        while let Some(Ok(())) = units.next().await {
            count += 1;
        }
        count
    }

    fn double(&self, numbers: Streaming<u64>) -> impl Stream<Item = u64> {
        numbers.map_while(|number| number.ok().map(|number| number * 2))
    }
}
