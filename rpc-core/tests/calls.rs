//! Calls from end to end in one process, with a dispatcher written by hand as the macro would write it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use traitwire_core::codec::Encoder;
use traitwire_core::service::{Attributes, Dispatch, Reply, Request, ServiceDescription, Slot, slot};
use traitwire_core::{CallError, Client, Code, Executed};
use traitwire_idl::Interface;

#[derive(Default)]
struct Counts {
    started: AtomicUsize,
    dropped: AtomicUsize,
}

struct Probe(Arc<Counts>);

struct Running(Arc<Counts>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

const ADD: u32 = 0;
const HANG: u32 = 1;
const FAIL: u32 = 2;
const PANIC: u32 = 3;
const ECHO: u32 = 4;
const SPAWNED: u32 = 5;

fn description() -> &'static ServiceDescription {
    static DESCRIPTION: OnceLock<ServiceDescription> = OnceLock::new();
    DESCRIPTION.get_or_init(|| {
        let interface = Interface::builder("Probe", "")
            .method("add", |m| m.argument::<i64>("a").argument::<i64>("b").output::<i64>())
            .method("hang", |m| m)
            .method("fail", |m| m.output::<u8>().error::<String>())
            .method("panic", |m| m)
            .method("echo", |m| m.argument::<Vec<u8>>("bytes").output::<Vec<u8>>())
            .method("spawned", |m| m.output::<u8>())
            .build();
        let none = Attributes::NONE;
        ServiceDescription::new(interface, &[none, none, none, none, none, none.spawn()])
    })
}

impl Dispatch for Probe {
    fn description(&self) -> &'static ServiceDescription {
        description()
    }

    fn slot(&self, method: u32) -> Option<Box<dyn Slot>> {
        let counts = Arc::clone(&self.0);
        Some(match method {
            ADD => slot(|request: Request| async move {
                let mut arguments = request.arguments();
                let (a, b): (i64, i64) = (arguments.value()?, arguments.value()?);
                arguments.finish()?;
                Reply::output(|e| {
                    e.value(&(a + b));
                })
            }),
            HANG => slot(move |_request: Request| {
                let counts = Arc::clone(&counts);
                async move {
                    counts.started.fetch_add(1, Ordering::SeqCst);
                    let _running = Running(counts);
                    std::future::pending::<()>().await;
                    Reply::output(|_| ())
                }
            }),
            FAIL => slot(|_| async {
                Reply::error(|e| {
                    e.value("no");
                })
            }),
            PANIC => slot(|_| async { panic!("on purpose") }),
            ECHO => slot(|request: Request| async move {
                let mut arguments = request.arguments();
                let bytes = arguments.bytes()?;
                arguments.finish()?;
                tokio::task::yield_now().await;
                Reply::output(|e| {
                    e.bytes(bytes);
                })
            }),
            SPAWNED => slot(|_| async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Reply::output(|e| {
                    e.value(&7u8);
                })
            }),
            _ => return None,
        })
    }
}

fn client() -> (Client, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    (Client::local(Probe(Arc::clone(&counts))), counts)
}

async fn add(client: &Client, a: i64, b: i64) -> Result<i64, CallError<Infallible>> {
    let mut arguments = Encoder::new();
    arguments.value(&a).value(&b);
    client.call(ADD, arguments, |d| d.value(), |d| d.never()).await
}

async fn hang(client: &Client) -> Result<(), CallError<Infallible>> {
    client.call(HANG, Encoder::new(), |d| d.value(), |d| d.never()).await
}

#[tokio::test]
async fn calls_are_answered() {
    let (client, _) = client();
    assert_eq!(add(&client, 2, 3).await, Ok(5));
    let failed: Result<u8, CallError<String>> =
        client.call(FAIL, Encoder::new(), |d| d.value(), |d| d.value()).await;
    assert_eq!(failed, Err(CallError::Service("no".to_owned())));
    let spawned: Result<u8, CallError<Infallible>> =
        client.call(SPAWNED, Encoder::new(), |d| d.value(), |d| d.never()).await;
    assert_eq!(spawned, Ok(7));
}

#[tokio::test]
async fn a_panic_costs_its_own_call() {
    let (client, _) = client();
    let panicked: Result<(), CallError<Infallible>> =
        client.call(PANIC, Encoder::new(), |d| d.value(), |d| d.never()).await;
    let error = panicked.expect_err("it panics");
    let error = error.rpc().expect("the framework's");
    assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::Yes));
    assert!(error.to_string().contains("on purpose") && error.to_string().contains("Probe.panic"), "{error}");
    assert_eq!(add(&client, 1, 1).await, Ok(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_and_large_ones() {
    let (client, _) = client();
    let small = (0..2000).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { assert_eq!(add(&client, n, 1).await, Ok(n + 1)) })
    });
    let large = (0..8).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            let sent: Vec<u8> = (0..1_000_000u32).map(|i| (i as u8).wrapping_mul(n)).collect();
            let mut arguments = Encoder::new();
            arguments.bytes(&sent);
            let got: Result<Vec<u8>, CallError<Infallible>> =
                client.call(ECHO, arguments, |d| d.byte_buf(), |d| d.never()).await;
            assert!(got.expect("echoed") == sent);
        })
    });
    for task in small.chain(large) {
        task.await.expect("no failure");
    }
}

#[tokio::test]
async fn dropping_a_call_drops_its_handler() {
    let (client, counts) = client();
    let call = tokio::spawn({
        let client = client.clone();
        async move { hang(&client).await }
    });
    while counts.started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    while counts.dropped.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(add(&client, 1, 1).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_call_on_both_sides() {
    let (client, counts) = client();
    let before = tokio::time::Instant::now();
    let error = hang(&client.with_timeout(Duration::from_secs(3))).await.expect_err("too late");
    assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded));
    assert_eq!(before.elapsed().as_secs(), 3);
    while counts.dropped.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let unsent = hang(&client.with_timeout(Duration::ZERO)).await.expect_err("no time");
    let unsent = unsent.rpc().expect("the framework's").clone();
    assert_eq!((unsent.code(), unsent.executed()), (Code::DeadlineExceeded, Executed::No));
    assert_eq!(add(&client.with_timeout(Duration::MAX), 1, 1).await, Ok(2));
}

#[tokio::test]
async fn closing_fails_calls_in_flight() {
    let (client, counts) = client();
    let call = tokio::spawn({
        let client = client.clone();
        async move { hang(&client).await }
    });
    while counts.started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    client.channel().close().await;
    let error = call.await.expect("no panic").expect_err("closed");
    assert_eq!(
        error.rpc().map(|error| (error.code(), error.executed())),
        Some((Code::Unavailable, Executed::Maybe))
    );
    let later = add(&client, 1, 1).await.expect_err("closed");
    assert_eq!(later.rpc().map(|error| error.executed()), Some(Executed::No));
}
