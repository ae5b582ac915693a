//! Q: handlers that misbehave, and the end of a server.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use traitwire::{CallError, Code, Executed, Server, ServerHandle};

use crate::support::probe::{Probe, ProbeClient, ProbeServer, Prober};
use crate::support::process::Process;
use crate::support::raw::{Greeting, Raw, kind};
use crate::support::victim::{EVERYWHERE, Place, SOCKETS, everywhere, soon};

#[tokio::test]
async fn q_01_a_panic_costs_its_own_call() {
    silence_panics();
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let holding = tokio::spawn({
            let client = client.clone();
            async move { client.gate().await }
        });
        victim.counted("a sibling runs", |counts| counts.running == 1).await;
        for _ in 0..20 {
            for (outcome, words) in [
                (client.panic_first().await, "first"),
                (client.panic_later().await, "later"),
                (client.panic_in_drop(false).await, "in drop"),
                (client.panic_spawned(false).await, "spawned"),
                (client.panic_spawned(true).await, "in drop"),
            ] {
                let error = outcome.expect_err("it panics");
                let error = error.rpc().expect("the framework's");
                assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::Yes), "{error}");
                assert!(error.message().contains(words), "{error}");
            }
        }
        client.open().await.expect("the sibling goes on");
        assert_eq!(soon("the sibling", holding).await.expect("no panic"), Ok(1));
        victim
    })
    .await;
}

#[tokio::test]
async fn q_01_a_panic_in_the_drop_of_a_cancelled_handler() {
    silence_panics();
    everywhere(&EVERYWHERE, "", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        // By its deadline, by its caller, and with its connection.
        let hasty = client.with_timeout(Duration::from_millis(20));
        let error = hasty.panic_in_drop(true).await.expect_err("its time is up");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::DeadlineExceeded));
        for _ in 0..10 {
            let (one, two) = (client.clone(), client.clone());
            let calls = [
                tokio::spawn(async move { one.panic_in_drop(true).await }),
                tokio::spawn(async move { two.panic_in_drop(true).await }),
            ];
            victim.counted("they run", |counts| counts.running == 2).await;
            calls.iter().for_each(tokio::task::JoinHandle::abort);
            victim.counted("they end", |counts| counts.running == 0).await;
        }
        assert_eq!(client.add(1, 2).await, Ok(3), "on the same connection");
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        let call = crate::support::raw::call(0, greeting.method("panic_in_drop"), &[1]);
        raw.send(&call).await.expect("sent");
        victim.counted("it runs", |counts| counts.running == 1).await;
        drop(raw);
        victim.counted("it ends", |counts| counts.running == 0).await;
        victim
    })
    .await;
}

#[tokio::test]
async fn q_03_panics_everywhere_and_a_server_that_still_ends() {
    silence_panics();
    let (handle, prober) = here("").await;
    let client = ProbeClient::connect(handle.endpoint()).await.expect("a connection");
    for _ in 0..100 {
        let (a, b, c) = tokio::join!(client.panic_first(), client.panic_later(), client.panic_spawned(true));
        assert!([a, b, c].iter().all(Result::is_err));
    }
    assert_eq!(client.add(1, 2).await, Ok(3));
    let ended = soon("the end", handle.shutdown(Duration::from_secs(5))).await.expect("an end");
    assert_eq!((ended.cut_off, prober.tally().running), (0, 0));
}

#[tokio::test]
async fn q_04_sigterm_with_connections_in_every_state() {
    for place in SOCKETS {
        let address = place.address("");
        let (mut process, address) = Process::start(&format!("server {address}"), None);
        let idle = ProbeClient::connect(&address).await.expect("a connection");
        let busy = ProbeClient::connect(&address).await.expect("a connection");
        let mut silent = Raw::open(&address).await.expect("a connection");
        let mut half = Raw::open(&address).await.expect("a connection");
        half.send(&Greeting::default().bytes()[..9]).await.expect("sent");
        let (mut greeted, _) = Raw::greet(&address).await.expect("a connection");
        let call = tokio::spawn({
            let busy = busy.clone();
            async move { busy.gate().await }
        });
        while idle.counts().await.expect("counts").running == 0 {}
        let opener = tokio::spawn({
            let busy = busy.clone();
            // Opens the gate as the last call before the server takes none.
            async move {
                while busy.add(1, 1).await.is_ok() {
                    tokio::task::yield_now().await;
                }
            }
        });
        process.signal(Signal::TERM);
        soon("the drain", opener).await.expect("no panic");
        // It drains: told to every peer, new calls refused, and no new connection.
        let goodbye = greeted.frame().await.expect("an answer").expect("a goodbye");
        assert_eq!(goodbye.kind, kind::GO_AWAY);
        let error = idle.add(1, 2).await.expect_err("no more calls");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No));
        assert!(ProbeClient::connect(&address).await.is_err());
        let _ = silent.hello().await;
        soon("those who never spoke", silent.rest()).await.expect("an end");
        let _ = half.hello().await;
        soon("those who never spoke", half.rest()).await.expect("an end");
        assert!(process.is_alive() && !call.is_finished(), "the busy one still has time");
        // The second signal forces.
        process.signal(Signal::TERM);
        let since = Instant::now();
        let error = soon("the call", call).await.expect("no panic").expect_err("cut off");
        assert!(matches!(error, CallError::Rpc(_)), "{error}");
        assert_eq!(process.wait(), Some(0));
        assert!(since.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn q_04_a_call_that_ends_within_the_grace_is_answered() {
    for place in EVERYWHERE {
        let prober = Prober::default();
        let server = Server::builder().service(ProbeServer::new(prober.clone()));
        let handle = server.bind(place.address("")).await.expect("an address").spawn();
        let client = ProbeClient::connect(handle.endpoint()).await.expect("a connection");
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.gate().await }
        });
        while prober.tally().running == 0 {
            tokio::task::yield_now().await;
        }
        let ending = tokio::spawn({
            let handle = handle.clone();
            async move { handle.shutdown(Duration::from_secs(20)).await }
        });
        while client.add(1, 1).await.is_ok() {}
        Probe::open(&prober).await;
        assert_eq!(soon("the call", call).await.expect("no panic"), Ok(1));
        let ended = soon("the end", ending).await.expect("no panic").expect("an end");
        assert_eq!(ended.cut_off, 0);
    }
}

#[tokio::test]
async fn q_08_an_answer_is_written_out_before_the_process_ends() {
    for place in SOCKETS {
        let (mut process, address) = Process::start(&format!("server {}", place.address("")), None);
        let client = ProbeClient::connect(&address).await.expect("a connection");
        let mut blocks = client.blocks(vec![4 << 20; 6]);
        assert_eq!(blocks.next().await.expect("a block").expect("a block").len(), 4 << 20);
        process.tell("stop 10000");
        // The rest is read while the server is about to end.
        let mut rest = 0;
        while let Some(block) = soon("a block", blocks.next()).await {
            assert_eq!(block.expect("a block").len(), 4 << 20);
            rest += 1;
        }
        assert_eq!((rest, process.word().as_str()), (5, "0"), "blocks, and calls cut off");
        assert_eq!(process.wait(), Some(0));
    }
}

#[tokio::test]
async fn q_10_a_storm_of_signals_disturbs_no_call() {
    everywhere(&SOCKETS, "", |mut victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let calls = tokio::spawn(async move {
            for n in 0..100 {
                assert_eq!(soon("a call", client.add(n, 1)).await, Ok(n + 1));
                let echoed = soon("a call", client.echo(vec![7; 300_000])).await.expect("an echo");
                assert_eq!(echoed.len(), 300_000);
            }
        });
        let process = victim.process().expect("a process of its own");
        let mut sent = 0;
        while !calls.is_finished() {
            for signal in [Signal::HUP, Signal::USR1, Signal::ALARM, Signal::CHILD, Signal::WINCH] {
                process.signal(signal);
            }
            sent += 1;
            tokio::task::yield_now().await;
        }
        calls.await.expect("no call failed");
        assert!(sent > 10, "{sent} rounds of signals");
        victim
    })
    .await;
}

#[tokio::test]
async fn q_05_shutdown_twice_and_the_shorter_grace_counts() {
    for place in EVERYWHERE {
        let server = Server::builder().service(ProbeServer::new(Prober::default()));
        let handle = server.bind(place.address("")).await.expect("an address").spawn();
        let client = ProbeClient::connect(handle.endpoint()).await.expect("a connection");
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.hold().await }
        });
        while client.counts().await.expect("counts").running == 0 {}
        let patient = tokio::spawn({
            let handle = handle.clone();
            async move { handle.shutdown(Duration::from_secs(3600)).await }
        });
        while client.add(1, 1).await.is_ok() {}
        let forced = soon("the end", handle.shutdown(Duration::ZERO)).await.expect("an end");
        assert_eq!(forced.cut_off, 1);
        soon("the first", patient).await.expect("no panic").expect("an end");
        assert!(soon("the call", call).await.expect("no panic").is_err());
        // And once more, when there is nothing left.
        let again = soon("the end", handle.shutdown(Duration::from_secs(3600))).await.expect("an end");
        assert_eq!(again.cut_off, 0);
    }
}

#[tokio::test]
async fn q_06_a_handler_that_cannot_be_ended_holds_nobody_up() {
    for place in EVERYWHERE {
        // The server has one thread, and the handler holds it.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let prober = Prober::default();
        let service = ProbeServer::new(prober.clone());
        let starting = runtime.spawn(async move {
            Server::builder().service(service).bind(place.address("")).await.expect("an address").spawn()
        });
        let handle = starting.await.expect("a server");
        let client = ProbeClient::connect(handle.endpoint()).await.expect("a connection");
        let call = tokio::spawn(async move { client.block(1_500).await });
        while prober.tally().running == 0 {
            tokio::task::yield_now().await;
        }
        let since = Instant::now();
        let ended = handle.shutdown(Duration::from_millis(50)).await.expect("an end");
        assert!(since.elapsed() < Duration::from_millis(1_400), "{:?}", since.elapsed());
        assert_eq!(ended.cut_off, 1);
        let error = soon("the call", call).await.expect("no panic").expect_err("cut off");
        assert!(error.rpc().is_some(), "{error}");
        runtime.shutdown_background();
    }
}

#[tokio::test(start_paused = true)]
async fn q_07_handshakes_are_not_waited_for() {
    for said in [&b""[..], b"\xFFTW"] {
        let (handle, _) = here("handshake_timeout=1h").await;
        let address = handle.endpoint().to_string();
        let mut crowd = Vec::new();
        for _ in 0..20 {
            let mut raw = Raw::open(&address).await.expect("a connection");
            raw.send(said).await.expect("sent");
            crowd.push(raw);
        }
        let begin = tokio::time::Instant::now();
        let ended = handle.shutdown(Duration::from_secs(600)).await.expect("an end");
        assert_eq!(ended.cut_off, 0);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn q_07_a_connection_that_comes_at_the_moment_of_the_shutdown() {
    // Which of the two the accepting task sees first is left to chance.
    for _ in 0..50 {
        let (handle, _) = here("").await;
        let address = handle.endpoint().to_string();
        let mut raw = Raw::open(&address).await.expect("a connection");
        raw.send(&Greeting::default().bytes()).await.expect("sent");
        let begin = tokio::time::Instant::now();
        handle.shutdown(Duration::from_secs(600)).await.expect("an end");
        let _ = raw.hello().await;
        raw.rest().await.expect("an end");
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }
}

async fn here(options: &str) -> (ServerHandle, Prober) {
    let prober = Prober::default();
    let server = Server::builder().service(ProbeServer::new(prober.clone()));
    (server.bind(Place::Memory.address(options)).await.expect("an address").spawn(), prober)
}

/// Panics on purpose are not worth a line; those of a failed assertion are.
fn silence_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.payload_as_str().is_some_and(|text| text.ends_with("on purpose")) {
                shown(panic);
            }
        }));
    });
}

#[traitwire::ipc_service]
trait Minefield {
    async fn step(&self) -> u8;
    async fn explode(&self);
    #[ipc(spawn)]
    async fn explode_spawned(&self);
}

struct Mines;

/// Panics wherever it is dropped.
struct Mine;

impl Drop for Mine {
    fn drop(&mut self) {
        panic!("once more");
    }
}

impl Minefield for Mines {
    async fn step(&self) -> u8 {
        7
    }

    async fn explode(&self) {
        std::panic::panic_any(Mine);
    }

    async fn explode_spawned(&self) {
        std::panic::panic_any(Mine);
    }
}

#[tokio::test]
async fn q_01_a_panic_whose_value_panics_costs_its_own_call() {
    let mines = MinefieldClient::local(Mines);
    for result in [mines.explode().await, mines.explode_spawned().await] {
        let error = result.expect_err("it panics");
        assert_eq!(error.rpc().map(|error| error.code()), Some(Code::Panicked), "{error}");
    }
    assert_eq!(mines.step().await, Ok(7));
}

#[tokio::test]
async fn q_02_handlers_that_hold_threads_are_few_and_the_others_wait() {
    everywhere(&EVERYWHERE, "max_spawned=3", |victim| async move {
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let holding: Vec<_> = (0..3).map(|_| tokio::spawn(hold(client.clone()))).collect();
        victim.counted("three run", |counts| counts.running == 3).await;
        // Those that wait for a thread are given up without ever having run.
        let hurried = client.with_timeout(Duration::from_millis(100));
        let late = [hurried.hold_spawned(), hurried.hold_spawned()];
        for late in late {
            let error = late.await.expect_err("no thread is free").rpc().expect("the framework's").clone();
            assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
        }
        let waiting = tokio::spawn(hold(client.clone()));
        assert_eq!(client.add(1, 2).await, Ok(3));
        assert_eq!(victim.counts().await.started, 3);
        // A thread that gets free is given to who waits.
        holding[0].abort();
        victim.counted("the fourth runs", |counts| counts.started == 4 && counts.running == 3).await;
        holding.iter().chain([&waiting]).for_each(|task| task.abort());
        victim
    })
    .await;
}

async fn hold(client: ProbeClient) {
    let _ = client.hold_spawned().await;
}
