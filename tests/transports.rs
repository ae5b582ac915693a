//! What a call does, over every transport: one suite, and three lines for each way to reach a server.

#![allow(missing_docs, unreachable_pub, reason = "a service of a test needs neither")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_stream::StreamExt;
use traitwire::{
    CallError, Channel, ChannelState, Code, Context, Endpoint, Executed, Priority, Server, ServerHandle,
    Stream, Streaming, ipc_service, ipc_type,
};

#[ipc_type]
enum Refusal {
    Empty,
    TooLong { limit: u32 },
}

#[ipc_service]
trait Probe {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn shorten(&self, text: &str, limit: u32) -> Result<String, Refusal>;
    async fn reverse(&self, bytes: Vec<u8>) -> Vec<u8>;
    async fn total(&self, numbers: &[u64]) -> u64;
    async fn whoami(&self, cx: &Context) -> (String, Option<u32>);
    async fn hang(&self);
    async fn hangs_ended(&self) -> usize;
    async fn panic(&self, text: String);
    async fn pause(&self, milliseconds: u64) -> u64;
    /// What the listener makes of these numbers.
    async fn tell(&self, listener: ListenerClient, numbers: Vec<u64>) -> Vec<u64>;
    /// A listener at the other end.
    async fn listener(&self, add: u64) -> ListenerClient;
    /// Ends the process that serves.
    async fn exit(&self);
    #[ipc(spawn)]
    async fn hold_thread(&self);
    async fn release_thread(&self);
    #[ipc(oneway)]
    async fn note(&self, bytes: Vec<u8>);
    async fn noted(&self) -> Vec<usize>;
    fn blocks(&self, sizes: Vec<u32>) -> impl Stream<Item = Vec<u8>>;
    async fn count(&self, items: Streaming<String>) -> (u64, u64);
    fn lengths(&self, items: Streaming<String, Refusal>) -> impl Stream<Item = Result<u64, Refusal>>;
}

#[ipc_service]
trait Listener {
    async fn hear(&self, number: u64) -> u64;
}

struct Adding(u64);

impl Listener for Adding {
    async fn hear(&self, number: u64) -> u64 {
        number + self.0
    }
}

#[ipc_service]
trait Second {
    async fn name(&self) -> String;
}

#[derive(Default)]
struct Implementation {
    hanging: Notify,
    ended: Arc<AtomicUsize>,
    released: Mutex<bool>,
    release: Condvar,
    noted: Mutex<Vec<usize>>,
}

struct CountsItsEnd(Arc<AtomicUsize>);

impl Drop for CountsItsEnd {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Probe for Implementation {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn shorten(&self, text: &str, limit: u32) -> Result<String, Refusal> {
        match text.len() {
            0 => Err(Refusal::Empty),
            length if length > limit as usize => Err(Refusal::TooLong { limit }),
            _ => Ok(text.to_owned()),
        }
    }

    async fn reverse(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.reverse();
        bytes
    }

    async fn total(&self, numbers: &[u64]) -> u64 {
        tokio::task::yield_now().await;
        numbers.iter().sum()
    }

    async fn whoami(&self, cx: &Context) -> (String, Option<u32>) {
        (cx.method().to_owned(), cx.peer().credentials.map(|credentials| credentials.uid))
    }

    async fn hang(&self) {
        let _ended = CountsItsEnd(Arc::clone(&self.ended));
        self.hanging.notified().await;
    }

    async fn hangs_ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    async fn panic(&self, text: String) {
        panic!("{text}");
    }

    async fn pause(&self, milliseconds: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        milliseconds
    }

    async fn tell(&self, listener: ListenerClient, numbers: Vec<u64>) -> Vec<u64> {
        let mut heard = Vec::new();
        for number in numbers {
            heard.push(listener.hear(number).await.expect("it is there"));
        }
        heard
    }

    async fn listener(&self, add: u64) -> ListenerClient {
        ListenerClient::local(Adding(add))
    }

    async fn exit(&self) {
        std::process::exit(7);
    }

    async fn hold_thread(&self) {
        let released = self.released.lock().expect("not poisoned");
        drop(self.release.wait_while(released, |released| !*released).expect("not poisoned"));
    }

    async fn release_thread(&self) {
        *self.released.lock().expect("not poisoned") = true;
        self.release.notify_all();
    }

    async fn note(&self, bytes: Vec<u8>) {
        self.noted.lock().expect("not poisoned").push(bytes.len());
    }

    async fn noted(&self) -> Vec<usize> {
        self.noted.lock().expect("not poisoned").clone()
    }

    fn blocks(&self, sizes: Vec<u32>) -> impl Stream<Item = Vec<u8>> {
        tokio_stream::iter(sizes.into_iter().map(|size| vec![9; size as usize]))
    }

    async fn count(&self, mut items: Streaming<String>) -> (u64, u64) {
        let (mut count, mut bytes) = (0, 0);
        while let Some(item) = items.next().await {
            count += 1;
            bytes += item.expect("an item").len() as u64;
        }
        (count, bytes)
    }

    fn lengths(&self, items: Streaming<String, Refusal>) -> impl Stream<Item = Result<u64, Refusal>> {
        items.map_while(|item| match item {
            Ok(text) => Some(Ok(text.len() as u64)),
            Err(CallError::Service(refusal)) => Some(Err(refusal)),
            Err(CallError::Rpc(_)) => None,
        })
    }
}

impl Second for Implementation {
    async fn name(&self) -> String {
        "second".to_owned()
    }
}

/// A server and where to reach it.
struct Served {
    endpoint: Endpoint,
    handle: Option<ServerHandle>,
    _directory: tempfile::TempDir,
}

/// Serves at `address`, in which `{}` stands for a name of this test's own.
async fn served(address: &str) -> Served {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    let directory = tempfile::tempdir().expect("a directory");
    let name = format!("traitwire-test-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::SeqCst));
    let path = directory.path().display().to_string();
    let address = address.replace("{dir}", &path).replace("{name}", &name);
    if address.starts_with("exec:") {
        let endpoint = address.parse().expect("an address");
        return Served { endpoint, handle: None, _directory: directory };
    }
    let address: Endpoint = address.parse().expect("an address");
    let server = services().bind(address.clone()).await.expect("bound");
    let with = |endpoint: Endpoint, (name, value)| endpoint.with_option(name, value).expect("an option");
    let endpoint = address.options().fold(server.endpoint().clone(), with);
    Served { endpoint, handle: Some(server.spawn()), _directory: directory }
}

fn services() -> traitwire::ServerBuilder {
    let implementation = Arc::new(Implementation::default());
    Server::builder()
        .service(ProbeServer::from_arc(Arc::clone(&implementation)))
        .service(SecondServer::from_arc(implementation))
}

/// The serving side of `exec:`: this test program once more, told to be a server.
#[test]
fn child_serves() {
    if std::env::var_os("TRAITWIRE_TEST_SERVES").is_none() {
        return;
    }
    println!("what a child prints before it serves does no harm");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { services().bind("stdio:").await.expect("bound").run().await.expect("served") });
}

fn exec_address() -> String {
    let program = std::env::current_exe().expect("this program");
    format!("exec:env TRAITWIRE_TEST_SERVES=1 {} --exact child_serves --nocapture", program.display())
}

#[tokio::test]
async fn a_child_is_started_again_only_where_its_address_asks_for_it() {
    let probe = ProbeClient::connect(exec_address()).await.expect("connected");
    let exited = probe.exit().await.expect_err("it ends").to_string();
    assert!(exited.contains("exited with status 7") && exited.contains("may have been executed"), "{exited}");
    assert_eq!(probe.channel().state(), ChannelState::Closed);
    let error = probe.add(1, 1).await.expect_err("nobody is there").to_string();
    assert!(error.contains("exited with status 7") && error.contains("it was not executed"), "{error}");

    let probe = ProbeClient::connect(format!("{}?reconnect=on", exec_address())).await.expect("connected");
    probe.exit().await.expect_err("it ends");
    assert_eq!(probe.add(1, 1).await, Ok(2), "a new child answers");
}

macro_rules! over {
    ($($transport:ident $address:expr;)+) => {
        $(mod $transport {
            use super::*;
            over!(@cases $address;
                answers_carry_values_and_errors
                arguments_of_every_size_arrive_whole
                many_calls_share_one_connection
                several_services_share_one_connection
                a_dropped_call_drops_its_handler
                a_deadline_ends_a_call
                oneway_calls_start_in_the_order_made
                streams_carry_items_of_every_size
                both_directions_stream_at_once
                clients_are_called_from_the_other_side
                urgent_calls_and_others_are_answered
                a_low_call_is_answered_where_there_is_no_other
                a_panic_costs_its_own_call
                a_handler_that_holds_its_thread_holds_up_nobody
                a_message_above_the_limit_costs_its_own_call
                closing_ends_the_calls_in_flight
                shutting_down_lets_calls_finish
                after_a_shutdown_the_address_is_free
            );
        })+
    };
    (@cases $address:expr; $($case:ident)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let served = served(&$address).await;
            tokio::time::timeout(Duration::from_secs(20), super::case::$case(&served)).await.expect("in time");
            if let Some(handle) = served.handle {
                handle.shutdown(Duration::ZERO).await.expect("an end");
            }
        })+
    };
}

over! {
    mem "mem:{name}";
    exec exec_address();
    fifo "fifo:{dir}/probe";
    unix "unix:{dir}/probe.sock";
    shm "shm:{dir}/probe.shm";
    unix_shm "unix:{dir}/probe.sock?shm=auto";
    local "local:{name}";
    tcp "tcp://127.0.0.1:0";
}

mod case {
    use super::*;

    async fn connect(served: &Served) -> ProbeClient {
        ProbeClient::connect(&served.endpoint).await.expect("connected")
    }

    pub(super) async fn answers_carry_values_and_errors(served: &Served) {
        let probe = connect(served).await;
        assert_eq!(probe.add(i64::MAX - 1, 1).await, Ok(i64::MAX));
        assert_eq!(probe.shorten("short", 5).await, Ok("short".to_owned()));
        assert_eq!(probe.shorten("", 5).await, Err(CallError::Service(Refusal::Empty)));
        let too_long = Refusal::TooLong { limit: 3 };
        assert_eq!(probe.shorten("long", 3).await, Err(CallError::Service(too_long)));
        assert_eq!(probe.total(&[1, 2, 3]).await, Ok(6));
        assert_eq!(probe.whoami().await.expect("answered").0, "Probe.whoami");
    }

    pub(super) async fn arguments_of_every_size_arrive_whole(served: &Served) {
        let probe = connect(served).await;
        for size in [0, 1, 1000, 32 << 10, (64 << 10) - 3, 64 << 10, (64 << 10) + 1, 300_000, 5_000_000] {
            let bytes: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
            let reversed = probe.reverse(bytes.clone()).await.expect("answered");
            assert!(reversed.iter().rev().eq(&bytes), "{size} bytes");
            let numbers: Vec<u64> = (0..size as u64 / 8).collect();
            assert_eq!(probe.total(&numbers).await, Ok(numbers.iter().sum()), "{size} bytes of numbers");
        }
    }

    pub(super) async fn streams_carry_items_of_every_size(served: &Served) {
        let probe = connect(served).await;
        let sizes = [0, 1, 5000, 32 << 10, 70_000, 3_000_000, 1, 300_000, 0];
        let mut blocks = probe.blocks(sizes.to_vec());
        for size in sizes {
            assert_eq!(blocks.next().await, Some(Ok(vec![9; size as usize])), "{size} bytes");
        }
        assert_eq!(blocks.next().await, None);
        let texts = sizes.map(|size| "x".repeat(size as usize));
        let bytes = sizes.iter().map(|size| u64::from(*size)).sum();
        assert_eq!(probe.count(tokio_stream::iter(texts)).await, Ok((sizes.len() as u64, bytes)));
    }

    pub(super) async fn both_directions_stream_at_once(served: &Served) {
        let probe = connect(served).await;
        let mut streams = Vec::new();
        for stream in 0..20 {
            let texts = (0..2_000).map(move |number| match number % 100 {
                50 => Err(Refusal::TooLong { limit: stream }),
                _ => Ok("x".repeat(number)),
            });
            let mut lengths = probe.lengths(tokio_stream::iter(texts));
            streams.push(tokio::spawn(async move {
                for number in 0..2_000 {
                    let expected = match number % 100 {
                        50 => Err(CallError::Service(Refusal::TooLong { limit: stream })),
                        _ => Ok(number),
                    };
                    assert_eq!(lengths.next().await, Some(expected));
                }
                assert_eq!(lengths.next().await, None);
            }));
        }
        for stream in streams {
            stream.await.expect("no failure");
        }
    }

    pub(super) async fn many_calls_share_one_connection(served: &Served) {
        let probe = connect(served).await;
        let calls = (0..1500).map(|n| {
            let probe = probe.clone();
            tokio::spawn(async move {
                if n % 100 == 0 {
                    assert_eq!(probe.reverse(vec![7; 200_000]).await.map(|bytes| bytes.len()), Ok(200_000));
                }
                assert_eq!(probe.add(n, 1).await, Ok(n + 1));
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("no failure");
        }
    }

    pub(super) async fn several_services_share_one_connection(served: &Served) {
        let channel = Channel::connect(&served.endpoint).await.expect("connected");
        let (probe, second) = (ProbeClient::new(channel.clone()), SecondClient::new(channel));
        assert_eq!(tokio::join!(probe.add(1, 1), second.name()), (Ok(2), Ok("second".to_owned())));
    }

    pub(super) async fn a_dropped_call_drops_its_handler(served: &Served) {
        let probe = connect(served).await;
        let mut hanging = Box::pin(probe.hang());
        // Polled in this order: when the second call has been answered, the first one's handler has started.
        tokio::select! {
            biased;
            _ = &mut hanging => unreachable!("nobody ends it"),
            ended = probe.hangs_ended() => assert_eq!(ended, Ok(0)),
        }
        drop(hanging);
        while probe.hangs_ended().await != Ok(1) {}
    }

    pub(super) async fn a_deadline_ends_a_call(served: &Served) {
        let probe = connect(served).await;
        let error = probe.with_timeout(Duration::from_millis(30)).hang().await.expect_err("too late");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded));
        while probe.hangs_ended().await != Ok(1) {}
    }

    pub(super) async fn oneway_calls_start_in_the_order_made(served: &Served) {
        let probe = connect(served).await;
        // More than the peer takes at once, of one frame and of many.
        let sizes: Vec<usize> = (0..2000).map(|n| if n % 200 == 7 { 300_000 + n } else { n % 13 }).collect();
        for size in &sizes {
            assert_eq!(probe.note(vec![1; *size]).await, Ok(()));
        }
        while probe.noted().await.expect("answered").len() < sizes.len() {}
        assert_eq!(probe.noted().await, Ok(sizes));
        probe.channel().close().await;
        let error = probe.note(vec![1]).await.expect_err("closed");
        assert_eq!(error.rpc().map(|error| error.executed()), Some(Executed::No));
    }

    pub(super) async fn clients_are_called_from_the_other_side(served: &Served) {
        let probe = connect(served).await;
        let ours = ListenerClient::local(Adding(10));
        assert_eq!(probe.tell(ours, vec![1, 2, 3]).await, Ok(vec![11, 12, 13]));
        let theirs = probe.listener(100).await.expect("a listener");
        assert_eq!(theirs.hear(1).await, Ok(101));
        assert_eq!(probe.tell(theirs, vec![1]).await, Ok(vec![101]), "it goes home");
    }

    pub(super) async fn urgent_calls_and_others_are_answered(served: &Served) {
        let probe = connect(served).await;
        let large = vec![7; 3 << 20];
        let low = probe.with_priority(Priority::Low);
        let (sent, mut urgent) = (large.clone(), 0);
        let reversed = tokio::spawn(async move { low.reverse(sent).await });
        while !reversed.is_finished() {
            assert_eq!(probe.with_priority(Priority::High).add(1, urgent).await, Ok(urgent + 1));
            urgent += 1;
        }
        assert_eq!(reversed.await.expect("no panic"), Ok(large));
    }

    pub(super) async fn a_low_call_is_answered_where_there_is_no_other(served: &Served) {
        // Nothing else goes over the connection that could carry it on: no ping either.
        let silent = served.endpoint.clone().with_option("keepalive", "off").expect("an option");
        let probe = ProbeClient::connect(silent).await.expect("connected").with_priority(Priority::Low);
        let large = vec![7; 1 << 20];
        assert_eq!(probe.reverse(large.clone()).await, Ok(large));
    }

    pub(super) async fn a_panic_costs_its_own_call(served: &Served) {
        let probe = connect(served).await;
        let error = probe.panic("on purpose".to_owned()).await.expect_err("it panics");
        let error = error.rpc().expect("the framework's").clone();
        assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::Yes));
        assert!(error.message().contains("on purpose"), "{error}");
        assert_eq!(error.method(), Some("Probe.panic"));
        assert_eq!(error.address(), Some(served.endpoint.to_string().as_str()));
        assert_eq!(probe.add(1, 1).await, Ok(2));
    }

    pub(super) async fn a_handler_that_holds_its_thread_holds_up_nobody(served: &Served) {
        let probe = connect(served).await;
        let held = tokio::spawn({
            let probe = probe.clone();
            async move { probe.hold_thread().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(probe.add(1, 1).await, Ok(2));
        assert_eq!(probe.release_thread().await, Ok(()));
        assert_eq!(held.await.expect("no panic"), Ok(()));
    }

    pub(super) async fn a_message_above_the_limit_costs_its_own_call(served: &Served) {
        let limited = served.endpoint.clone().with_option("max_message", "100KiB").expect("an option");
        let probe = ProbeClient::connect(limited).await.expect("connected");
        let error = probe.reverse(vec![1; 200_000]).await.expect_err("too large");
        assert_eq!(
            error.rpc().map(|error| (error.code(), error.executed())),
            Some((Code::TooLarge, Executed::Yes))
        );
        let error = probe.reverse(vec![1; 17 << 20]).await.expect_err("too large");
        assert_eq!(
            error.rpc().map(|error| (error.code(), error.executed())),
            Some((Code::TooLarge, Executed::No))
        );
        assert_eq!(probe.add(1, 1).await, Ok(2));
    }

    pub(super) async fn closing_ends_the_calls_in_flight(served: &Served) {
        let probe = connect(served).await;
        let mut hanging = Box::pin(probe.hang());
        tokio::select! {
            biased;
            _ = &mut hanging => unreachable!("nobody ends it"),
            _ = probe.hangs_ended() => {}
        }
        probe.channel().close().await;
        let error = hanging.await.expect_err("closed");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Unavailable));
        // Nobody wants a child's last words where its end was asked for.
        assert!(!error.to_string().contains("the program"), "{error}");
        let error = probe.add(1, 1).await.expect_err("closed");
        assert_eq!(error.rpc().map(|error| error.executed()), Some(Executed::No));
    }

    pub(super) async fn shutting_down_lets_calls_finish(served: &Served) {
        let Some(handle) = served.handle.clone() else { return };
        let (probe, idle) = (connect(served).await, connect(served).await);
        let mut pausing = Box::pin(probe.pause(200));
        tokio::select! {
            biased;
            _ = &mut pausing => panic!("too early"),
            _ = probe.add(1, 1) => {}
        }
        let (shutdown, paused) = tokio::join!(handle.shutdown(Duration::from_secs(10)), pausing);
        assert_eq!((shutdown.expect("an end").cut_off, paused), (0, Ok(200)));
        let error = probe.add(1, 1).await.expect_err("over");
        assert_eq!(error.rpc().map(|error| error.executed()), Some(Executed::No));
        // It was not this side that wanted to end.
        let error = idle.add(1, 1).await.expect_err("over");
        assert!(error.to_string().contains("the server is shutting down"), "{error}");
    }

    pub(super) async fn after_a_shutdown_the_address_is_free(served: &Served) {
        let Some(handle) = served.handle.clone() else { return };
        let client = connect(served).await;
        handle.shutdown(Duration::ZERO).await.expect("an end");
        for round in 0..30 {
            let server = services().bind(&served.endpoint).await.expect("the address is free");
            let handle = server.spawn();
            if round % 3 > 0 {
                assert_eq!(connect(served).await.add(1, 1).await, Ok(2));
            }
            handle.shutdown(Duration::ZERO).await.expect("an end");
            ProbeClient::connect(&served.endpoint).await.expect_err("nobody is there");
        }
        drop(client);
    }
}
