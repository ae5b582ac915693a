//! K, the end: peers over shared memory that are killed or stopped wherever they happen to be. What every transport has
//! to stand is in groups G, H, I and J, which are played over shared memory too.
//!
//! K-10: there is no cleaner. The memory has no name and goes with the last process that has it; the socket file belongs
//! to whoever holds the lock beside it, which the kernel gives back at any death.

use std::future::{Future, poll_fn};
use std::os::unix::net::UnixListener;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;
use traitwire::{Code, Executed, RpcError};

use crate::support::area::{CLOSED, HEAD, Side, path};
use crate::support::probe::ProbeClient;
use crate::support::process::Process;
use crate::support::raw::{Greeting, PATIENCE};
use crate::support::scripted::probe_greeting;
use crate::support::victim::{Place, eventually, everywhere, soon};

/// The other side's end shows within a second.
const AT_ONCE: Duration = Duration::from_secs(1);

const DEATHS: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_06_clients_are_killed_anywhere() {
    everywhere(&[Place::SharedMemory], "", |mut victim| async move {
        let process = victim.process().expect("a process");
        let (files, maps) = (process.files(), process.maps());
        let role = format!("client {} sending", victim.address);
        for death in 0..DEATHS {
            let (mut client, word) = Process::start(&role, None);
            assert_eq!(word, "there");
            std::thread::sleep(Duration::from_micros(death * 137 % 2000));
            client.kill();
            let since = Instant::now();
            let process = victim.process().expect("a process");
            eventually("something is left", || process.files() <= files && process.maps() <= maps).await;
            assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
        }
        victim
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_06_k_09_servers_are_killed_anywhere_and_the_next_takes_their_place() {
    let address = Place::SharedMemory.address("");
    for death in 0..DEATHS {
        let (mut server, _) = Process::start(&format!("server {address}"), None);
        let client = ProbeClient::connect(&format!("{address}?reconnect=off")).await.expect("a connection");
        let calls: Vec<_> = (0..4)
            .map(|size| {
                let client = client.clone();
                tokio::spawn(async move {
                    loop {
                        if let Err(error) = client.echo(vec![1; 1 << (8 + 4 * size)]).await {
                            break error;
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(5000 + death * 137 % 2000)).await;
        server.kill();
        let since = Instant::now();
        for call in calls {
            let error = soon("a call", call).await.expect("no panic");
            assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Unavailable), "{error}");
        }
        assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    }
    let left = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let left: Vec<_> = left.filter(|file| file.file_name().to_string_lossy().contains("traitwire")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_06_a_peer_stopped_in_the_middle_of_bodies_goes_on_or_is_killed() {
    let (mut server, address) = Process::start(&format!("server {}", Place::SharedMemory.address("")), None);
    let client = ProbeClient::connect(&format!("{address}?reconnect=off")).await.expect("a connection");
    let echo = |client: &ProbeClient| {
        let client = client.clone();
        tokio::spawn(async move { client.echo(vec![1; 8 << 20]).await })
    };
    for round in 0..10 {
        let echoed = [echo(&client), echo(&client)];
        tokio::time::sleep(Duration::from_micros(500 * round)).await;
        server.stop();
        let hasty = client.with_timeout(Duration::from_millis(20)).add(1, 2).await;
        let in_time = hasty.expect_err("nobody answers");
        assert_eq!(in_time.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded), "{in_time}");
        server.signal(Signal::CONT);
        for echoed in echoed {
            let bytes = soon("an echo", echoed).await.expect("no panic").expect("an echo");
            assert!(bytes.len() == 8 << 20 && bytes.iter().all(|byte| *byte == 1));
        }
        assert_eq!(client.add(1, 2).await, Ok(3));
    }
    let echoed = echo(&client);
    server.stop();
    server.kill();
    let since = Instant::now();
    if let Err(error) = soon("an echo", echoed).await.expect("no panic") {
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Unavailable), "{error}");
    }
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
}

#[tokio::test]
async fn k_06_a_child_of_the_peer_does_not_keep_the_connection_alive() {
    everywhere(&[Place::SharedMemory], "", |mut victim| async move {
        let process = victim.process().expect("a process");
        let (files, maps) = (process.files(), process.maps());
        let (mut client, child) = Process::start(&format!("client {} forking", victim.address), None);
        let shared = std::fs::read_to_string(format!("/proc/{child}/maps")).expect("it runs");
        assert!(!shared.contains("/memfd:"), "{shared}");
        client.kill();
        let since = Instant::now();
        let process = victim.process().expect("a process");
        eventually("something is left", || process.files() <= files && process.maps() <= maps).await;
        assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
        let child = Pid::from_raw(child.parse().expect("a number")).expect("a number");
        kill_process(child, Signal::KILL).expect("it is still there");
        victim
    })
    .await;
}

/// A server by hand that is sent a call, says that nothing follows, and leaves; whether it takes the call first.
async fn left_in_order(greeting: Greeting, takes: bool) -> RpcError {
    let address = Place::SharedMemory.address("");
    let listener = UnixListener::bind(path(&address)).expect("a socket");
    let (greeted, is_greeted) = oneshot::channel();
    let (called, is_called) = mpsc::channel();
    let (left, has_left) = mpsc::channel();
    let server = std::thread::spawn(move || {
        let mut side = Side::accept(&listener).expect("a connection");
        side.send(&greeting.bytes());
        let (begin, mut hello) = (Instant::now(), Vec::new());
        // P-2: the length of its body stands before that.
        let is_whole = |hello: &[u8]| {
            let length = hello.get(12..16).map(|length| u32::from_le_bytes(length.try_into().expect("four")));
            length.is_some_and(|length| hello.len() >= 16 + length as usize)
        };
        while !is_whole(&hello) && begin.elapsed() < PATIENCE {
            hello.extend(side.take());
            std::thread::yield_now();
        }
        let _ = greeted.send(());
        is_called.recv_timeout(PATIENCE).expect("it calls");
        assert!(side.theirs(HEAD) > side.tail, "the call is there");
        if takes {
            side.take();
        }
        side.own.word(CLOSED).store(1, Ordering::Release);
        drop(side);
        let _ = left.send(());
    });
    let client = ProbeClient::connect(format!("{address}?reconnect=off")).await.expect("a connection");
    soon("the server", is_greeted).await.expect("it takes the hello");
    // Written by the first poll; then this thread, which is the client's, hears of nothing until all has happened.
    let mut call = std::pin::pin!(client.add(1, 2));
    let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
    assert!(polled.is_pending(), "nobody answers");
    called.send(()).expect("it waits");
    has_left.recv_timeout(PATIENCE).expect("it leaves");
    let error = soon("the end", call).await.expect_err("nobody answers");
    server.join().expect("no panic");
    error.rpc().expect("the framework's").clone()
}

#[tokio::test]
async fn k_06_what_a_peer_that_leaves_in_order_has_not_taken_was_not_executed() {
    let greeting = probe_greeting().await;
    for (takes, expected) in [(false, Executed::No), (true, Executed::Maybe)] {
        let error = left_in_order(greeting.clone(), takes).await;
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, expected), "{takes}: {error}");
    }
}
