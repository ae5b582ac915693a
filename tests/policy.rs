//! What a call inherits from the call that made it.

use std::time::Duration;

use tokio::time::Instant;
use traitwire::{Context, ipc_service};

/// Each method says how much time its own call has left, in ms, or what the service behind says of that.
#[ipc_service]
trait Relay {
    async fn left(&self, context: &Context) -> Option<u64>;
    async fn left_behind(&self) -> Option<u64>;
    #[ipc(spawn)]
    async fn left_behind_spawned(&self) -> Option<u64>;
    async fn left_behind_a_task(&self) -> Option<u64>;
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

    async fn left_behind_after(&self, milliseconds: u64) -> Option<u64> {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        self.next().with_timeout(Duration::from_secs(60)).left().await.expect("an answer")
    }
}

fn two_nodes() -> RelayClient {
    RelayClient::local(Node { next: Some(RelayClient::local(Node { next: None })) })
}

#[tokio::test(start_paused = true)]
async fn a_call_made_by_a_handler_has_no_more_time_than_the_handler() {
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
