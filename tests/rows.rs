//! Callers whose replies come together, and are woken one by the other.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use traitwire::{Code, Server, ipc_service};

#[ipc_service]
trait Gate {
    /// Waits until the gate is open, then gives the number back.
    async fn pass(&self, number: u32) -> u32;
    async fn open(&self, count: u32);
}

struct Closed(Semaphore);

impl Gate for Closed {
    async fn pass(&self, number: u32) -> u32 {
        self.0.acquire().await.expect("it stays").forget();
        number
    }

    async fn open(&self, count: u32) {
        self.0.add_permits(count as usize);
    }
}

async fn gate(name: &str) -> GateClient {
    let address = format!("mem:rows-{name}");
    let server = Server::builder().service(GateServer::new(Closed(Semaphore::new(0))));
    server.bind(address.as_str()).await.expect("the name is free").spawn();
    GateClient::connect(address.as_str()).await.expect("the server is there")
}

/// Starts calls that will all be answered at once.
fn callers(gate: &GateClient, count: u32) -> JoinSet<u32> {
    let call = |number| {
        let gate = gate.clone();
        async move { gate.pass(number).await.expect("it passes") }
    };
    (0..count).map(call).collect()
}

async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("nobody is forgotten")
}

#[tokio::test]
async fn a_caller_that_does_not_take_its_reply_holds_up_no_other() {
    let gate = gate("idle").await;
    // The first to be answered: it is under way, and from then on nobody polls it.
    let mut idle = pin!(gate.pass(1000));
    assert!(idle.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let given_up = tokio::spawn({
        let gate = gate.clone();
        async move { gate.pass(1001).await }
    });
    let others = callers(&gate, 40);
    tokio::task::yield_now().await;
    given_up.abort();
    gate.open(50).await.expect("it opens");
    let mut passed = soon(others.join_all()).await;
    passed.sort_unstable();
    assert_eq!(passed, Vec::from_iter(0..40));
    assert_eq!(soon(idle).await, Ok(1000));
}

/// Calls that others make meanwhile, in tasks that are in the row, are written and answered too.
#[tokio::test]
async fn whoever_calls_again_is_answered() {
    let gate = gate("again").await;
    gate.open(64 * 200).await.expect("it opens");
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let gate = gate.clone();
        callers.spawn(async move {
            for number in 0..200 {
                assert_eq!(gate.pass(number).await, Ok(number));
            }
        });
    }
    soon(callers.join_all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_connection_that_ends_wakes_all_of_a_row() {
    for round in 0..50 {
        let gate = gate(&format!("end-{round}")).await;
        let mut waiting = JoinSet::new();
        for number in 0..40 {
            let gate = gate.clone();
            waiting.spawn(async move { gate.pass(number).await });
        }
        // Some are answered, all are woken.
        let opened = gate.open(20);
        let closed = gate.channel().close();
        let (_, ()) = tokio::join!(opened, closed);
        for outcome in soon(waiting.join_all()).await {
            let code = outcome.err().and_then(|error| error.rpc().map(|error| error.code()));
            assert!(matches!(code, None | Some(Code::Unavailable | Code::Cancelled)), "{code:?}");
        }
    }
}
