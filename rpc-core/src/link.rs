//! What stands behind a channel: one connection at a time, and a task that makes the next one when it is lost.
//! Never makes a call, and never decides whether one may be made again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
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
        // A single attempt keeps to its time by itself.
        let patience = if wait_for_ready { connect_timeout } else { Duration::MAX };
        match tokio::time::timeout(patience, self.ready(wait_for_ready)).await {
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
            let keeper = Keeper { link: Arc::clone(self), left: AtomicBool::new(false) };
            tokio::spawn(keeper.run());
        }
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

    async fn open(&self) -> Result<Arc<Connection>, RpcError> {
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
            // Ends the connection if this future is dropped before the hello has come.
            let guard = CloseOnDrop(Some(Arc::clone(&connection)));
            tokio::spawn(driver.run());
            connection.greeted().await?;
            guard.disarm();
            Ok(connection)
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

/// The task that keeps a link connected.
struct Keeper {
    link: Arc<Link>,
    /// Its work is done; else its runtime has ended under it.
    left: AtomicBool,
}

impl Keeper {
    async fn run(self) {
        let closed = self.link.closed.clone();
        closed.run_until_cancelled(self.keep()).await;
        self.left.store(true, Ordering::Relaxed);
    }

    async fn keep(&self) {
        let link = &*self.link;
        let reconnects = link.options.reconnect.unwrap_or(true);
        let mut backoff = Backoff::new();
        loop {
            let began = tokio::time::Instant::now();
            let error = match link.open().await {
                Ok(connection) => {
                    let since = tokio::time::Instant::now();
                    if !link.enter(Phase::Ready(Arc::clone(&connection))) {
                        connection.close(Closing::Flushed, "closed by the caller");
                        return;
                    }
                    let (lost, orderly) = connection.lost().await;
                    link.note_loss(&connection, &lost);
                    if reconnects && (orderly || since.elapsed() >= SHORT_LIFE) {
                        backoff = Backoff::new();
                        link.enter(Phase::Connecting);
                        tokio::time::sleep_until(began + LEAST_PAUSE).await;
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
            link.enter(Phase::Failed(error));
            let wait = backoff.next();
            tokio::time::sleep(wait.min(LEAST_PAUSE)).await;
            let _ = tokio::time::timeout(wait.saturating_sub(LEAST_PAUSE), link.wanted.notified()).await;
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

struct CloseOnDrop(Option<Arc<Connection>>);

impl CloseOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.close(Closing::Flushed, "the caller gave up connecting");
        }
    }
}
