//! What stands behind a channel: one connection at a time, and a task that makes the next one when it is lost.
//! Never makes a call, and never decides whether one may be made again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::channel::{ChannelState, WeakChannel};
use crate::connection::{Closing, Connection};
use crate::endpoint::Endpoint;
use crate::error::{Code, Executed, RpcError};
use crate::open::open;
use crate::options::Options;
use crate::services::Services;
use crate::states::States;
use crate::transport::Connector;

/// A connection that lived shorter, and whose peer has not said that it leaves, counts as a failed attempt: a peer
/// that accepts and dies at once is not connected to over and over.
const SHORT_LIFE: Duration = Duration::from_secs(1);

/// Least time between two attempts, also where calls ask for one.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Link {
    connector: Box<dyn Connector>,
    options: Options,
    services: Arc<Services>,
    current: watch::Sender<Current>,
    /// A call waits for the next attempt.
    wanted: Notify,
    closed: CancellationToken,
    owner: WeakChannel,
}

pub(crate) struct Current {
    phase: Phase,
    /// Attempts that have failed so far.
    failures: u64,
    /// Why the connection before was lost.
    lost: Option<RpcError>,
    /// Connections whose peer has said that it leaves, and which may have calls in flight.
    leaving: Vec<Weak<Connection>>,
}

enum Phase {
    /// Nobody has asked for a connection, or whoever kept it has gone with its runtime.
    Idle,
    Connecting,
    Ready(Arc<Connection>),
    /// The last attempt failed so; another one follows.
    Failed(RpcError),
    /// For good.
    Closed(RpcError),
}

impl Current {
    pub(crate) fn state(&self) -> ChannelState {
        match &self.phase {
            Phase::Idle => ChannelState::Idle,
            Phase::Connecting => ChannelState::Connecting,
            Phase::Ready(connection) if connection.is_usable() => ChannelState::Ready,
            Phase::Ready(_) => ChannelState::Connecting,
            Phase::Failed(_) => ChannelState::TransientFailure,
            Phase::Closed(_) => ChannelState::Closed,
        }
    }

    /// An error of now, with what came before it.
    fn explained(&self, error: &RpcError) -> RpcError {
        match &self.lost {
            Some(lost) => error.clone().with_note(format_args!("before, {}", lost.message())),
            None => error.clone(),
        }
    }
}

impl Link {
    pub(crate) fn new(connector: Box<dyn Connector>, services: Services, owner: WeakChannel) -> Self {
        let options = connector.options();
        let current = Current { phase: Phase::Idle, failures: 0, lost: None, leaving: Vec::new() };
        Self {
            connector,
            options,
            services: Arc::new(services),
            current: watch::Sender::new(current),
            wanted: Notify::new(),
            closed: CancellationToken::new(),
            owner,
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.connector.endpoint()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn state(&self) -> ChannelState {
        self.current.borrow().state()
    }

    pub(crate) fn states(&self) -> States {
        States::new(self.current.subscribe())
    }

    /// A connection that takes calls. Waits for an attempt that is under way or is made for this; and for further
    /// ones, if that fails, only where `waits`.
    pub(crate) async fn ready(self: &Arc<Self>, waits: bool) -> Result<Arc<Connection>, RpcError> {
        let mut watch = self.current.subscribe();
        let mut failures_before = None;
        loop {
            {
                let current = watch.borrow_and_update();
                let before = *failures_before.get_or_insert(current.failures);
                match &current.phase {
                    Phase::Ready(connection) if connection.is_usable() => return Ok(Arc::clone(connection)),
                    Phase::Closed(error) => return Err(error.clone().with_executed(Executed::No)),
                    Phase::Failed(error)
                        if current.failures > before && !(waits && error.code() == Code::Unavailable) =>
                    {
                        return Err(current.explained(error).with_executed(Executed::No));
                    }
                    Phase::Failed(_) if current.failures == before => self.wanted.notify_one(),
                    Phase::Failed(_) | Phase::Idle | Phase::Connecting | Phase::Ready(_) => {}
                }
            }
            self.keep();
            // The sender is this link's own.
            let _ = watch.changed().await;
        }
    }

    /// Makes the first connection, within `connect_timeout`.
    pub(crate) async fn connect(self: &Arc<Self>) -> Result<(), RpcError> {
        let Options { connect_timeout, wait_for_ready, .. } = self.options;
        if !wait_for_ready {
            // Here instead of in the keeper's task: whoever gives up waiting for it gives up the channel too, and
            // it saves waking one task for the other.
            let driven = self.open().await.map_err(|error| error.with_executed(Executed::No))?;
            self.enter(Phase::Ready(Arc::clone(&driven.connection)));
            self.spawn_keeper(Some(driven));
            return Ok(());
        }
        match tokio::time::timeout(connect_timeout, self.ready(true)).await {
            Ok(ready) => ready.map(drop),
            Err(_) => {
                let waited = humantime::format_duration(connect_timeout);
                let message = format!("no connection within {waited} (connect_timeout)");
                Err(self.too_late(Code::Unavailable, message).with_address(self.endpoint()))
            }
        }
    }

    /// The error of somebody who has waited for a connection for too long.
    pub(crate) fn too_late(&self, code: Code, message: impl Into<String>) -> RpcError {
        let error = RpcError::new(code, message);
        match &self.current.borrow().phase {
            Phase::Failed(failed) => error.with_note(failed.message()),
            _ => error,
        }
    }

    /// Has a task see to the connection, if none does.
    fn keep(self: &Arc<Self>) {
        let starts = self.current.send_if_modified(|current| {
            let idle = matches!(current.phase, Phase::Idle);
            if idle {
                current.phase = Phase::Connecting;
            }
            idle
        });
        if starts {
            self.spawn_keeper(None);
        }
    }

    fn spawn_keeper(self: &Arc<Self>, driven: Option<Driven>) {
        let keeper = Keeper { link: Arc::clone(self), left: AtomicBool::new(false) };
        tokio::spawn(keeper.run(driven));
    }

    /// Enters a phase, unless the link was closed.
    fn enter(&self, phase: Phase) -> bool {
        let mut phase = Some(phase);
        self.current.send_if_modified(|current| {
            if matches!(current.phase, Phase::Closed(_)) {
                return false;
            }
            let Some(phase) = phase.take() else { return false };
            current.failures += u64::from(matches!(phase, Phase::Failed(_)));
            if matches!(phase, Phase::Ready(_)) {
                current.lost = None;
            }
            current.phase = phase;
            true
        })
    }

    /// Ends it for good. The connections there were.
    pub(crate) fn close(&self, reason: &str) -> Vec<Arc<Connection>> {
        let mut connections = Vec::new();
        self.current.send_if_modified(|current| {
            if matches!(current.phase, Phase::Closed(_)) {
                return false;
            }
            let error = RpcError::new(Code::Unavailable, "the channel was closed on this side");
            if let Phase::Ready(connection) = std::mem::replace(&mut current.phase, Phase::Closed(error)) {
                connections.push(connection);
            }
            connections.extend(current.leaving.iter().filter_map(Weak::upgrade));
            true
        });
        self.closed.cancel();
        for connection in &connections {
            connection.close(Closing::Flushed, reason);
        }
        connections
    }

    /// The connection there was takes no more calls.
    fn note_loss(&self, connection: &Arc<Connection>, lost: &RpcError) {
        tracing::debug!(endpoint = %self.endpoint(), %lost, "connection lost");
        self.current.send_modify(|current| {
            current.lost = Some(lost.clone());
            current.leaving.retain(|connection| connection.strong_count() > 0);
            current.leaving.push(Arc::downgrade(connection));
        });
    }

    /// Waits until a time, or until it is closed.
    async fn pause(&self, until: tokio::time::Instant) {
        self.closed.run_until_cancelled(tokio::time::sleep_until(until)).await;
    }

    async fn open(&self) -> Result<Driven, RpcError> {
        let reached = AtomicBool::new(false);
        let connecting = async {
            let mut options = self.options.clone();
            // The peer's hello has as long as connecting has: `handshake_timeout` is for who accepts.
            options.handshake_timeout = options.connect_timeout;
            let hello = self.services.hello(&options.limits, 0)?;
            let wire = self.connector.connect().await?;
            reached.store(true, Ordering::Relaxed);
            let (connection, driver) = open(wire, &self.services, options, &hello);
            connection.home.set_owner(self.owner.clone());
            let mut driven = Driven { connection, driver: Box::pin(driver.run()) };
            driven.until_greeted().await?;
            Ok(driven)
        };
        match tokio::time::timeout(self.options.connect_timeout, connecting).await {
            Ok(connected) => {
                connected.map_err(|error: RpcError| error.with_address(self.connector.endpoint()))
            }
            Err(_) => {
                let waited = humantime::format_duration(self.options.connect_timeout);
                let message = match reached.load(Ordering::Relaxed) {
                    true => format!(
                        "connected, but the peer has not said hello within {waited} (connect_timeout)"
                    ),
                    false => format!("no connection within {waited} (connect_timeout)"),
                };
                Err(RpcError::new(Code::Unavailable, message).with_address(self.connector.endpoint()))
            }
        }
    }
}

/// A connection and its driver. They run in the keeper's own task: one task less to wake for what both are to hear.
struct Driven {
    connection: Arc<Connection>,
    driver: Pin<Box<dyn Future<Output = RpcError> + Send>>,
}

impl Driven {
    /// Runs it until the peer has said hello.
    async fn until_greeted(&mut self) -> Result<(), RpcError> {
        poll_fn(|cx| match self.driver.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Err(ended)),
            Poll::Pending if self.connection.hello().is_some() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Runs it until it takes no more calls, because it is over or because the peer leaves. Says why, and whether
    /// the peer had announced it.
    async fn until_lost(&mut self) -> (RpcError, bool) {
        poll_fn(|cx| match self.driver.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready((ended, self.connection.leaving().is_some())),
            Poll::Pending if self.connection.is_usable() => Poll::Pending,
            // Unusable and not left: it is being closed on this side, and its driver sees to that.
            Poll::Pending => match self.connection.leaving() {
                Some(lost) => Poll::Ready((lost, true)),
                None => Poll::Pending,
            },
        })
        .await
    }
}

/// The task that keeps a link connected.
struct Keeper {
    link: Arc<Link>,
    /// Its work is done; else its runtime has ended under it.
    left: AtomicBool,
}

impl Keeper {
    async fn run(self, driven: Option<Driven>) {
        self.keep(driven).await;
        self.left.store(true, Ordering::Relaxed);
    }

    /// Keeps the link connected until it is closed, or lost for good. It may be connected already.
    async fn keep(&self, mut driven: Option<Driven>) {
        let link = &*self.link;
        let reconnects = link.options.reconnect.unwrap_or(true);
        let mut backoff = Backoff::new();
        loop {
            let began = tokio::time::Instant::now();
            let opened = match driven.take() {
                Some(driven) => Ok(driven),
                None => match link.closed.run_until_cancelled(link.open()).await {
                    Some(opened) => opened,
                    None => return,
                },
            };
            let error = match opened {
                Ok(mut driven) => {
                    let since = tokio::time::Instant::now();
                    let connection = Arc::clone(&driven.connection);
                    if !link.enter(Phase::Ready(Arc::clone(&connection))) {
                        connection.close(Closing::Flushed, "closed by the caller");
                    }
                    let (lost, orderly) = driven.until_lost().await;
                    link.note_loss(&connection, &lost);
                    if !connection.is_ended() {
                        // What is in flight there is answered while the next connection is made.
                        tokio::spawn(driven.driver);
                    }
                    if reconnects && (orderly || since.elapsed() >= SHORT_LIFE) {
                        backoff = Backoff::new();
                        if !link.enter(Phase::Connecting) {
                            return;
                        }
                        link.pause(began + LEAST_PAUSE).await;
                        continue;
                    }
                    lost
                }
                Err(error) => error,
            };
            if !reconnects {
                link.enter(Phase::Closed(error));
                return;
            }
            if !link.enter(Phase::Failed(error)) {
                return;
            }
            let wait = backoff.next();
            link.pause(tokio::time::Instant::now() + wait.min(LEAST_PAUSE)).await;
            let waiting = tokio::time::timeout(wait.saturating_sub(LEAST_PAUSE), link.wanted.notified());
            link.closed.run_until_cancelled(waiting).await;
            link.enter(Phase::Connecting);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if !*self.left.get_mut() {
            self.link.enter(Phase::Idle);
        }
    }
}
