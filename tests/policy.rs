//! What a call carries beside its arguments, and what it inherits from the call that made it.

use std::time::Duration;

use tokio::time::Instant;
use traitwire::{Code, Context, Executed, Server, ipc_service};

/// Each method says how much time its own call has left, in ms, or what the service behind says of that.
#[ipc_service]
trait Relay {
    async fn left(&self, context: &Context) -> Option<u64>;
    async fn left_behind(&self) -> Option<u64>;
    #[ipc(spawn)]
    async fn left_behind_spawned(&self) -> Option<u64>;
    async fn left_behind_a_task(&self) -> Option<u64>;
    /// The metadata under a name, how many there are, and how much else came.
    async fn tag(&self, name: &str, ballast: Vec<u8>, context: &Context) -> (Option<String>, usize, usize);
    #[ipc(timeout = "1s")]
    async fn left_behind_after(&self, milliseconds: u64) -> Option<u64>;
}

struct Node {
    next: Option<RelayClient>,
}

impl Node {
    fn next(&self) -> &RelayClient {
        self.next.as_ref().expect("a service behind")
    }
}

impl Relay for Node {
    async fn left(&self, context: &Context) -> Option<u64> {
        let deadline: Instant = context.deadline()?.into();
        Some((deadline - Instant::now()).as_millis() as u64)
    }

    async fn left_behind(&self) -> Option<u64> {
        self.next().left().await.expect("an answer")
    }

    async fn left_behind_spawned(&self) -> Option<u64> {
        self.next().left().await.expect("an answer")
    }

    async fn left_behind_a_task(&self) -> Option<u64> {
        let next = self.next().clone();
        tokio::spawn(async move { next.left().await }).await.expect("no panic").expect("an answer")
    }

    async fn tag(&self, name: &str, ballast: Vec<u8>, context: &Context) -> (Option<String>, usize, usize) {
        let metadata = context.metadata();
        assert_eq!(metadata.iter().count(), metadata.len());
        (metadata.get_str(name).map(str::to_owned), metadata.len(), ballast.len())
    }

    async fn left_behind_after(&self, milliseconds: u64) -> Option<u64> {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        self.next().with_timeout(Duration::from_secs(60)).left().await.expect("an answer")
    }
}

fn two_nodes() -> RelayClient {
    RelayClient::local(Node { next: Some(RelayClient::local(Node { next: None })) })
}

#[tokio::test(start_paused = true)]
async fn f_07_a_call_made_by_a_handler_has_no_more_time_than_the_handler() {
    let relay = two_nodes();
    assert_eq!(relay.left_behind().await, Ok(None), "no deadline, none inherited");
    let hurried = relay.with_timeout(Duration::from_secs(3));
    assert_eq!(hurried.left_behind().await, Ok(Some(3000)));
    assert_eq!(hurried.left_behind_a_task().await, Ok(None), "a task of its own is not the handler");
    // What the handler waited is gone, and what it asks for itself is not more than it has.
    assert_eq!(relay.left_behind_after(400).await, Ok(Some(600)));
}

#[tokio::test]
async fn a_handler_on_a_thread_of_its_own_passes_its_deadline_on_too() {
    let left = two_nodes().with_timeout(Duration::from_secs(60)).left_behind_spawned().await;
    assert!((1..=60_000).contains(&left.expect("an answer").expect("a deadline")));
}

#[tokio::test]
async fn metadata_arrives_with_its_call() {
    let server = Server::builder().service(RelayServer::new(Node { next: None }));
    let server = server.bind("mem:metadata?max_frame=1KiB").await.expect("bound");
    let handle = server.spawn();
    let relay = RelayClient::connect(handle.endpoint()).await.expect("connected");
    assert_eq!(relay.tag("tenant", vec![],).await, Ok((None, 0, 0)));
    let tagged = relay.with_metadata("tenant", "acme").with_metadata("trace", [1, 2, 3]);
    // In one frame and in many.
    for size in [0, 900, 1000, 200_000] {
        let answer = tagged.tag("tenant", vec![1; size]).await;
        assert_eq!(answer, Ok((Some("acme".to_owned()), 2, size)));
    }
    let renamed = tagged.with_metadata("tenant", "other").with_timeout(Duration::from_secs(60));
    assert_eq!(renamed.tag("tenant", vec![]).await, Ok((Some("other".to_owned()), 2, 0)));
    assert_eq!(relay.tag("trace", vec![]).await, Ok((None, 0, 0)), "each client has its own");

    for size in [1_000, 10_000] {
        let error = relay.with_metadata("much", vec![0; size]).tag("", vec![]).await.expect_err("too much");
        let error = error.rpc().expect("the framework's");
        assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::No), "{error}");
    }
    assert_eq!(relay.tag("", vec![]).await, Ok((None, 0, 0)));
    handle.shutdown(Duration::ZERO).await.expect("an end");
}
