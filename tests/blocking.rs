//! A client for threads that wait: over every kind of transport, in programs that have no runtime of their own.

#![allow(missing_docs, unreachable_pub, reason = "a service of a test needs neither")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio_stream::StreamExt;
use traitwire::{CallError, Code, Endpoint, Server, Stream, Streaming, ipc_service, ipc_type};

#[ipc_type]
enum Refusal {
    Odd(u32),
}

#[ipc_service]
trait Probe {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn halve(&self, number: u32) -> Result<u32, Refusal>;
    async fn reverse(&self, bytes: Vec<u8>) -> Vec<u8>;
    async fn hang(&self);
    fn count(&self, to: u32) -> impl Stream<Item = u32>;
    async fn sum(&self, values: Streaming<i64>) -> i64;
    fn doubled(&self, values: Streaming<i64>) -> impl Stream<Item = i64>;
}

struct Implementation;

impl Probe for Implementation {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn halve(&self, number: u32) -> Result<u32, Refusal> {
        if number.is_multiple_of(2) { Ok(number / 2) } else { Err(Refusal::Odd(number)) }
    }

    async fn reverse(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.reverse();
        bytes
    }

    async fn hang(&self) {
        std::future::pending().await
    }

    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter(0..to)
    }

    async fn sum(&self, mut values: Streaming<i64>) -> i64 {
        let mut sum = 0;
        while let Some(Ok(value)) = values.next().await {
            sum += value;
        }
        sum
    }

    fn doubled(&self, values: Streaming<i64>) -> impl Stream<Item = i64> {
        values.map_while(Result::ok).map(|value| 2 * value)
    }
}

/// A server on a thread of its own, until it is dropped.
struct Served {
    endpoint: Endpoint,
    end: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    _directory: tempfile::TempDir,
}

impl Served {
    fn at(address: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let address = address.replace("{dir}", &directory.path().display().to_string());
        let (say, heard) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let handle = runtime.block_on(async {
                let server = Server::builder().service(ProbeServer::new(Implementation));
                let server = server.bind(address).await.expect("bound");
                say.send(server.endpoint().clone()).expect("somebody hears it");
                server.spawn()
            });
            // Whoever drops the other end ends the server.
            let _ = ended.recv();
            runtime.block_on(handle.shutdown(Duration::ZERO)).expect("an end");
        });
        let endpoint = heard.recv().expect("a server");
        Self { endpoint, end: Some(end), thread: Some(thread), _directory: directory }
    }

    fn stop(&mut self) {
        self.end = None;
        self.thread.take().map(thread::JoinHandle::join);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

fn exercise(served: &Served) {
    let probe = ProbeBlockingClient::connect(served.endpoint.clone()).expect("connected");
    assert_eq!(probe.add(2, 3), Ok(5));
    assert_eq!(probe.halve(8), Ok(4));
    assert_eq!(probe.halve(7), Err(CallError::Service(Refusal::Odd(7))));
    let bytes: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
    let reversed = bytes.iter().rev().copied().collect();
    assert_eq!(probe.reverse(bytes), Ok(reversed));
    let counted: Result<Vec<u32>, _> = probe.count(1000).collect();
    assert_eq!(counted.expect("all of them"), (0..1000).collect::<Vec<_>>());
    assert_eq!(probe.sum(0..1000), Ok(499_500));
    let doubled: Result<Vec<i64>, _> = probe.doubled(vec![1, 2, 3]).collect();
    assert_eq!(doubled.expect("all of them"), [2, 4, 6]);
}

#[test]
fn calls_and_streams_of_threads_without_a_runtime() {
    let name = format!("mem:blocking-{}", std::process::id());
    for address in [name.as_str(), "unix:{dir}/s", "shm:{dir}/s", "fifo:{dir}/s", "tcp://127.0.0.1:0"] {
        exercise(&Served::at(address));
    }
}

#[test]
fn threads_share_a_client() {
    for address in ["unix:{dir}/s", "shm:{dir}/s"] {
        let served = Served::at(address);
        let probe = ProbeBlockingClient::connect(served.endpoint.clone()).expect("connected");
        thread::scope(|scope| {
            for thread in 0..8 {
                let probe = &probe;
                scope.spawn(move || {
                    for number in 0..200 {
                        assert_eq!(probe.add(thread, number), Ok(thread + number));
                    }
                });
            }
        });
    }
}

#[test]
fn a_call_ends_with_its_time() {
    for address in ["unix:{dir}/s", "shm:{dir}/s"] {
        let served = Served::at(address);
        let probe = ProbeBlockingClient::connect(served.endpoint.clone()).expect("connected");
        let error = probe.with_timeout(Duration::from_millis(50)).hang().expect_err("no answer");
        assert!(matches!(error, CallError::Rpc(error) if error.code() == Code::DeadlineExceeded));
        assert_eq!(probe.add(1, 1), Ok(2), "the connection goes on");
    }
}

#[test]
fn a_server_that_is_gone_is_told() {
    for address in ["unix:{dir}/s", "shm:{dir}/s"] {
        let mut served = Served::at(address);
        let probe = ProbeBlockingClient::connect(served.endpoint.clone()).expect("connected");
        let hanging = thread::scope(|scope| {
            let hanging = scope.spawn(|| probe.hang());
            assert_eq!(probe.add(1, 1), Ok(2));
            served.stop();
            hanging.join().expect("no panic")
        });
        assert!(hanging.is_err(), "lost with the server");
        assert!(probe.add(1, 1).is_err(), "nobody listens");
    }
}

#[test]
fn a_task_of_a_runtime_is_not_held_up() {
    let served = Served::at("unix:{dir}/s");
    let probe = ProbeBlockingClient::connect(served.endpoint.clone()).expect("connected");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let refused = runtime.block_on(async {
        let probe = probe.clone();
        tokio::spawn(async move { probe.add(1, 1) }).await.expect("no panic")
    });
    let error = refused.expect_err("its thread has others to look after");
    assert!(matches!(error, CallError::Rpc(error) if error.code() == Code::InvalidArgument));
    let allowed = runtime.block_on(async { tokio::task::spawn_blocking(move || probe.add(1, 1)).await });
    assert_eq!(allowed.expect("no panic"), Ok(2));
}

#[test]
fn an_object_of_this_process_is_called_alike() {
    let probe = ProbeBlockingClient::local(Implementation);
    assert_eq!(probe.add(2, 3), Ok(5));
    assert_eq!(probe.count(3).filter_map(Result::ok).sum::<u32>(), 3);
}
