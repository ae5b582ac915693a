//! H: a connection that is lost while the channel lives on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::Instant;
use tokio_stream::StreamExt;
use traitwire::{Channel, ChannelState, Code, Executed, Options, RpcError, Server, ipc_service};

use crate::support::probe::{ProbeClient, ProbeServer, Prober};
use crate::support::process::Process;
use crate::support::scripted::{Counted, Scripted, probe_greeting};
use crate::support::victim::{EVERYWHERE, Place, SOCKETS, eventually, soon};

fn server(address: &str) -> (Process, String) {
    Process::start(&format!("server {address}"), None)
}

/// The same address, with options for a client.
fn with(address: &str, options: &str) -> String {
    format!("{address}?{options}")
}

/// Attempts to reach a peer that nobody reaches, for five minutes of a clock that needs no time.
async fn attempts_in_five_minutes(connector: Counted) -> Vec<Duration> {
    let attempts = connector.attempts();
    let error = ProbeClient::connect(connector).await.expect_err("nobody is there");
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{error}");
    let attempts = attempts.lock().expect("no panic");
    attempts.windows(2).map(|two| two[1] - two[0]).collect()
}

fn patient() -> Options {
    let mut options = Options::default();
    options.wait_for_ready = true;
    options.connect_timeout = Duration::from_secs(300);
    options
}

fn are_backed_off(pauses: &[Duration]) {
    let seconds: Vec<f64> = pauses.iter().map(Duration::as_secs_f64).collect();
    assert!((60..90).contains(&seconds.len()), "{} attempts", seconds.len());
    assert!(seconds[0] < 0.1, "{seconds:?}");
    assert!(seconds[12..].iter().all(|seconds| (3.9..6.1).contains(seconds)), "{seconds:?}");
    let different = seconds[12..].windows(2).filter(|two| (two[0] - two[1]).abs() > 0.01).count();
    assert!(different > 30, "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn h_01_a_server_that_is_down_is_asked_less_and_less_often() {
    let refused = || Err(RpcError::new(Code::Unavailable, "nobody listens"));
    are_backed_off(&attempts_in_five_minutes(Counted::new(patient(), refused)).await);
}

#[tokio::test(start_paused = true)]
async fn h_02_a_connection_without_a_handshake_resets_no_pause() {
    let hangs_up = || Ok(Scripted::answers(Vec::new(), Vec::new()));
    are_backed_off(&attempts_in_five_minutes(Counted::new(patient(), hangs_up)).await);
}

#[tokio::test(start_paused = true)]
async fn h_02_a_peer_that_dies_after_its_hello_resets_no_pause() {
    let greeting = probe_greeting().await.bytes();
    let dies = move || Ok(Scripted::answers(greeting.clone(), Vec::new()));
    are_backed_off(&attempts_in_five_minutes(Counted::new(patient(), dies)).await);
}

#[tokio::test]
async fn h_01_calls_fail_fast_or_wait_as_configured() {
    for place in SOCKETS {
        let (mut process, address) = server(&place.address(""));
        let hasty = ProbeClient::connect(&address).await.expect("a connection");
        let waits = ProbeClient::connect(with(&address, "wait_for_ready=on")).await.expect("a connection");
        let old = waits.process().await.expect("a call");
        process.kill();
        eventually("the loss shows", || hasty.channel().state() == ChannelState::TransientFailure).await;
        let since = Instant::now();
        let error = hasty.process().await.expect_err("nobody is there");
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{error}");
        assert!(error.message().contains("before, "), "what was lost is told: {error}");

        let late = waits.with_timeout(Duration::from_millis(200)).process().await.expect_err("too late");
        let late = late.rpc().expect("the framework's");
        assert_eq!((late.code(), late.executed()), (Code::DeadlineExceeded, Executed::No), "{late}");
        let waiting = tokio::spawn(async move { waits.process().await });
        let (process, _) = server(&address);
        let new = soon("a waiting call", waiting).await.expect("no panic").expect("an answer");
        assert_ne!(old, new);
        // The hasty one needs no more than its next call.
        assert_eq!(soon("a call", hasty.process()).await, Ok(new));
        drop(process);
    }
}

#[tokio::test]
async fn h_03_what_may_have_run_is_repeated_only_where_it_is_idempotent() {
    for place in SOCKETS {
        let (mut process, address) = server(&place.address(""));
        let client = ProbeClient::connect(with(&address, "wait_for_ready=on")).await.expect("a connection");
        let old = client.process().await.expect("a call");
        let (once, again) = (client.clone(), client.clone());
        let once = tokio::spawn(async move { once.outlast(old).await });
        let again = tokio::spawn(async move { again.outlast_again(old).await });
        while client.counts().await.expect("counts").running < 2 {}
        process.kill();
        let error = soon("a call", once).await.expect("no panic").expect_err("lost");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::Maybe), "{error}");
        let (process, _) = server(&address);
        let new = soon("a call", again).await.expect("no panic").expect("an answer of the next server");
        assert_ne!(new, old);
        assert_eq!(client.counts().await.expect("counts").started, 0, "nothing else was repeated");
        drop(process);
    }
}

#[tokio::test]
async fn h_04_h_05_streams_of_a_server_that_is_gone_end_with_an_error() {
    for place in SOCKETS {
        let (mut process, address) = server(&place.address(""));
        let client = ProbeClient::connect(with(&address, "wait_for_ready=on")).await.expect("a connection");
        let mut stream = client.hang();
        assert_eq!(stream.next().await, Some(Ok(1)));
        process.kill();
        let (process, _) = server(&address);
        assert_eq!(client.add(1, 2).await, Ok(3), "the next server answers");
        let error = soon("the stream", stream.next()).await.expect("an item").expect_err("lost");
        assert_eq!(error.rpc().map(|error| error.executed()), Some(Executed::Maybe), "{error}");
        assert!(stream.next().await.is_none());
        assert_eq!(client.hang().next().await, Some(Ok(1)));
        drop(process);
    }
}

#[tokio::test(start_paused = true)]
async fn h_06_an_outage_is_not_made_worse() {
    let greeting = probe_greeting().await.bytes();
    let calls = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&calls);
    // It takes a call and dies.
    let peer = Scripted::new(move |mut raw| {
        let (greeting, seen) = (greeting.clone(), Arc::clone(&seen));
        async move {
            let _ = raw.send(&greeting).await;
            if raw.hello().await.is_ok() && raw.frame().await.is_ok() {
                seen.fetch_add(1, SeqCst);
            }
        }
    });
    let client = ProbeClient::connect(peer).await.expect("a hello");
    for _ in 0..100 {
        let error = client.outlast_again(0).await.expect_err("lost");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Unavailable));
    }
    let calls = calls.load(SeqCst);
    assert!((100..=105).contains(&calls), "{calls} for 100 calls");
}

#[ipc_service]
trait Counter {
    async fn count(&self);
    #[ipc(oneway)]
    async fn note(&self);
    fn numbers(&self) -> impl traitwire::Stream<Item = u64>;
}

#[derive(Clone, Default)]
struct Counting(Arc<AtomicU64>);

impl Counter for Counting {
    async fn count(&self) {
        // Some calls are running when the server is told to end.
        tokio::task::yield_now().await;
        self.0.fetch_add(1, SeqCst);
    }

    async fn note(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn numbers(&self) -> impl traitwire::Stream<Item = u64> {
        tokio_stream::iter(0..10)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h_07_a_server_that_is_replaced_loses_no_call_and_repeats_none() {
    for place in EVERYWHERE {
        let counting = Counting::default();
        let serve = async |address: &str| {
            let server = Server::builder().service(CounterServer::new(counting.clone())).bind(address).await;
            server.expect("an address").spawn()
        };
        let mut handle = serve(&place.address("")).await;
        let address = handle.endpoint().to_string();
        let client = CounterClient::connect(with(&address, "wait_for_ready=on")).await.expect("connected");
        let stop = Arc::<AtomicUsize>::default();
        let callers: Vec<_> = (0..8)
            .map(|caller| {
                let (client, stop) = (client.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut made = 0;
                    while stop.load(SeqCst) == 0 {
                        if caller == 0 {
                            let numbers: Result<Vec<_>, _> = client.numbers().collect().await;
                            assert_eq!(numbers.map(|numbers| numbers.len()), Ok(10));
                        } else {
                            client.count().await.expect("a call");
                            made += 1;
                        }
                    }
                    made
                })
            })
            .collect();
        for _ in 0..20 {
            let before = counting.0.load(SeqCst);
            eventually("calls go on", || counting.0.load(SeqCst) > before + 100).await;
            handle.shutdown(Duration::from_secs(10)).await.expect("an end");
            handle = serve(&address).await;
        }
        stop.store(1, SeqCst);
        let mut made = 0;
        for caller in callers {
            made += soon("a caller", caller).await.expect("no call fails");
        }
        assert_eq!(counting.0.load(SeqCst), made, "{place:?}");
    }
}

#[tokio::test]
async fn the_states_of_a_channel_are_told_as_they_change() {
    let address = Place::Unix.address("");
    let serve = async || {
        let server = Server::builder().service(ProbeServer::new(Prober::default())).bind(&address).await;
        server.expect("an address").spawn()
    };
    let handle = serve().await;
    let channel = Channel::connect(&address).await.expect("connected");
    let mut states = channel.states();
    assert_eq!(states.next().await, Some(ChannelState::Ready));
    handle.shutdown(Duration::ZERO).await.expect("an end");
    let mut until = async |wanted| {
        let found = async { while states.next().await.expect("a state") != wanted {} };
        soon("a state", found).await;
    };
    until(ChannelState::TransientFailure).await;
    let _handle = serve().await;
    until(ChannelState::Ready).await;
    channel.close().await;
    until(ChannelState::Closed).await;
    assert_eq!(states.next().await, None);
}

#[tokio::test]
async fn a_channel_that_does_not_reconnect_is_closed_by_its_first_loss() {
    for place in SOCKETS {
        let (mut process, address) = server(&place.address(""));
        let client = ProbeClient::connect(with(&address, "reconnect=off")).await.expect("a connection");
        client.add(1, 2).await.expect("a call");
        process.kill();
        eventually("the loss shows", || client.channel().state() == ChannelState::Closed).await;
        let (process, _) = server(&address);
        let error = client.outlast_again(0).await.expect_err("closed");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{error}");
        drop(process);
    }
}
