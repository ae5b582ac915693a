//! What is counted: the protocol's machine part by part, then whole sides with all their tasks.

use tokio::runtime::Builder;
use traitwire::Server;

use crate::callgrind::Scenario;
use crate::service::{AdderClient, AdderServer, Plain, versions};
use crate::{canned, session};

pub(crate) const SCENARIOS: [Scenario; 11] = [
    Scenario {
        name: "arguments",
        what: "codec: arguments to bytes",
        partly: true,
        run: session::encode_arguments,
    },
    Scenario { name: "call", what: "session: arguments to a frame, taken", partly: true, run: session::call },
    Scenario {
        name: "reply",
        what: "session: a reply's frame to its value",
        partly: true,
        run: session::reply,
    },
    Scenario {
        name: "served",
        what: "session: a call's frame in, its reply out",
        partly: true,
        run: session::serve,
    },
    Scenario {
        name: "client",
        what: "the client's side: call, driver, wake-ups",
        partly: false,
        run: |count| block_on(canned::client(count)),
    },
    Scenario {
        name: "blocking",
        what: "a thread that waits, and reads its replies itself",
        partly: false,
        run: canned::blocking_client,
    },
    Scenario {
        name: "server",
        what: "the server's side: read, handler, reply, rest",
        partly: false,
        run: |count| block_on(canned::server(count)),
    },
    Scenario {
        name: "both",
        what: "a round trip over mem:",
        partly: false,
        run: |count| block_on(round_trips(count)),
    },
    Scenario {
        name: "grown",
        what: "the same by a caller that knows a method more",
        partly: false,
        run: |count| block_on(round_trips_of_grown(count)),
    },
    Scenario {
        name: "changed",
        what: "the same by a caller with another version",
        partly: false,
        run: |count| block_on(round_trips_of_changed(count)),
    },
    Scenario {
        name: "crowd",
        what: "a round trip with 64 calls in flight",
        partly: false,
        run: |count| block_on(crowd(count)),
    },
];

pub(crate) fn run(name: &str, count: u64) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).expect("a scenario's name");
    (scenario.run)(count);
}

fn block_on(future: impl Future<Output = ()> + Send + 'static) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    // As a task: the future that a runtime blocks on is polled more often than it is woken.
    runtime.block_on(async { tokio::spawn(future).await.expect("no panic") });
}

async fn connected() -> AdderClient {
    AdderClient::connect(served().await).await.expect("the server is there")
}

async fn served() -> &'static str {
    let address = "mem:instructions";
    let server = Server::builder().service(AdderServer::new(Plain));
    server.bind(address).await.expect("the name is free").spawn();
    address
}

async fn crowd(count: u64) {
    const IN_FLIGHT: u64 = 64;
    let client = connected().await;
    let callers = (0..IN_FLIGHT).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..count / IN_FLIGHT {
                assert_eq!(client.add(2, 3).await.expect("it succeeds"), 5);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no panic");
    }
}

async fn round_trips(count: u64) {
    let client = connected().await;
    for _ in 0..count {
        assert_eq!(client.add(2, 3).await.expect("it succeeds"), 5);
    }
}

/// Equal fingerprints: nothing is to be seen of the other method.
async fn round_trips_of_grown(count: u64) {
    let client = versions::grown::AdderClient::connect(served().await).await.expect("the server is there");
    for _ in 0..count {
        assert_eq!(client.add(2, 3).await.expect("it succeeds"), 5);
    }
}

async fn round_trips_of_changed(count: u64) {
    let client = versions::changed::AdderClient::connect(served().await).await.expect("the server is there");
    for _ in 0..count {
        assert_eq!(client.add(2, 3).await.expect("it succeeds"), 5);
    }
}
