//! The serving role: listeners, the connections they bring, and an orderly end. Never reads or writes bytes,
//! and never lets one connection's fate touch another's.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use slab::Slab;
use tokio::task::JoinSet;
use tokio_util::future::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower_layer::Layer;

use crate::connection::{Closing, Connection, LINGER};
use crate::endpoint::Endpoint;
use crate::error::RpcError;
use crate::middleware::{Layered, Next};
use crate::open::open;
use crate::options::{Limits, Options};
use crate::random;
use crate::service::Dispatch;
use crate::services::Services;
use crate::transport::{Bind, Listener, Peer, Wire};

/// Services bound to addresses, ready to [`run`](Self::run) or [`spawn`](Self::spawn).
///
/// Dropping it unrun closes its addresses.
pub struct Server {
    listeners: Vec<Announcing>,
    endpoints: Vec<Endpoint>,
    control: Arc<Control>,
}

/// A listener, and the hello of the connections it brings.
struct Announcing {
    listener: Box<dyn Listener>,
    hello: Box<[u8]>,
    /// Tells a shutdown that the address is still open; dropped after the listener.
    _open: TaskTrackerToken,
}

/// A server in the making: services first, then the first address.
pub struct ServerBuilder {
    services: Services,
}

impl Server {
    /// A server without services and addresses.
    pub fn builder() -> ServerBuilder {
        ServerBuilder { services: Services::default() }
    }

    /// Serves the same services at a further address. Clients can connect from now on and are answered once the server
    /// runs.
    ///
    /// ```ignore
    /// let server = Server::builder()
    ///     .service(CalculatorServer::new(Abacus))
    ///     .bind("unix:/run/calculator.sock").await?   // of the builder: the first
    ///     .bind("tcp://127.0.0.1:7000").await?;       // of the server: any number more
    /// assert_eq!(server.endpoints().len(), 2);
    /// server.run().await
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for a bad address; `AddressInUse` where another server has it; `Unavailable` for one
    /// that cannot be made.
    pub async fn bind<Via>(mut self, address: impl Bind<Via>) -> Result<Self, RpcError> {
        let listener = address.bind().await?;
        let hello = self.control.services.hello(&listener.options().limits, self.control.generation)?;
        self.endpoints.push(listener.endpoint().clone());
        self.listeners.push(Announcing { listener, hello: hello.into(), _open: self.control.tasks.token() });
        Ok(self)
    }

    /// The address a client can dial: the first one bound. A TCP port left to the kernel is filled in. Options of
    /// the address are the server's own, and left out: a client's stand in the address it dials. Those that both
    /// sides need stay.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoints[0]
    }

    /// All addresses, in the order they were bound.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// A handle to shut the server down with while it [`run`](Self::run)s.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { endpoints: self.endpoints.clone().into(), control: Arc::clone(&self.control) }
    }

    /// Serves until it is shut down, or until no address can bring another connection (`stdio:` after its
    /// peer has left). Dropping the future ends every connection.
    ///
    /// # Errors
    /// None at present; failures of single connections are theirs alone.
    pub async fn run(self) -> Result<(), RpcError> {
        let Self { listeners, control, .. } = self;
        let _ends_connections = AbortAll(&control);
        let mut accepting = JoinSet::new();
        for announcing in listeners {
            accepting.spawn(accept(announcing, Arc::clone(&control)));
        }
        while accepting.join_next().await.is_some() {}
        control.tasks.close();
        control.tasks.wait().await;
        Ok(())
    }

    /// Serves in a task of its own. Dropping the handle does not end it.
    pub fn spawn(self) -> ServerHandle {
        let handle = self.handle();
        tokio::spawn(self.run());
        handle
    }
}

impl ServerBuilder {
    /// Puts a tower layer around the calls of all services, those added later too, and around the layers there are:
    /// the last one added sees a call first. See [`middleware`](crate::middleware). Calls of objects that were passed
    /// as values do not go through it.
    pub fn layer<L: Layer<Next, Service: Layered>>(mut self, layer: L) -> Self {
        self.services.layer(&layer);
        self
    }

    /// Serves this too. Two services of one name are refused when the server is bound.
    pub fn service(mut self, service: impl Dispatch) -> Self {
        self.services.add(service);
        self
    }

    /// Binds the first address; [`Server::bind`] adds more.
    ///
    /// # Errors
    /// As [`Server::bind`], and `InvalidArgument` for two services of one name, or more services and methods
    /// than a hello can say (10,000).
    pub async fn bind<Via>(self, address: impl Bind<Via>) -> Result<Server, RpcError> {
        let control = Control {
            services: Arc::new(self.services),
            // Any number that another start is unlikely to have.
            generation: random::bits(),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
            tasks: TaskTracker::new(),
            live: Mutex::default(),
        };
        Server { listeners: Vec::new(), endpoints: Vec::new(), control: Arc::new(control) }
            .bind(address)
            .await
    }
}

/// A running server, from outside. Cheap to clone.
#[derive(Clone)]
pub struct ServerHandle {
    endpoints: Arc<[Endpoint]>,
    control: Arc<Control>,
}

/// How a shutdown went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shutdown {
    /// Calls that were still running when the grace was over.
    pub cut_off: usize,
}

impl ServerHandle {
    /// The address a client can dial: the first one bound.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoints[0]
    }

    /// All addresses, in the order they were bound.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Ends the server: closes its addresses, tells every peer, lets running calls finish for `grace`, then
    /// cuts off what is left. Returns when it is over and the addresses can be bound again, within about two
    /// seconds after the grace. Called
    /// again meanwhile, the shorter grace counts.
    ///
    /// # Errors
    /// None at present.
    pub async fn shutdown(&self, grace: Duration) -> Result<Shutdown, RpcError> {
        let control = &self.control;
        control.stop.cancel();
        control.tasks.close();
        for connection in control.connections() {
            connection.close(Closing::Drained, "the server is shutting down");
        }
        if tokio::time::timeout(grace, control.tasks.wait()).await.is_ok() {
            return Ok(Shutdown { cut_off: 0 });
        }
        let serving =
            |connection: Arc<Connection>| connection.with_session(|shared| shared.session.serving());
        let cut_off = control.connections().into_iter().map(serving).sum();
        control.cut.cancel();
        // A handler that holds its thread cannot be ended from outside; it is left behind.
        let _ = tokio::time::timeout(LINGER, control.tasks.wait()).await;
        Ok(Shutdown { cut_off })
    }
}

/// What the parts of a running server share.
struct Control {
    services: Arc<Services>,
    generation: u64,
    stop: CancellationToken,
    /// Cuts connections off; each has a child of it.
    cut: CancellationToken,
    tasks: TaskTracker,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    connections: Slab<(Arc<Connection>, CancellationToken)>,
    /// Connections that may not have said hello yet, oldest first.
    greeting: VecDeque<(Arc<Connection>, CancellationToken)>,
}

impl Live {
    /// The limit that a connection of `peer` would exceed, and how many it allows.
    fn full(&self, peer: &Peer, limits: &Limits) -> Option<(&'static str, u32)> {
        let reached = |most: u32, count: usize| u32::try_from(count).is_ok_and(|count| count >= most);
        if reached(limits.max_connections, self.connections.len()) {
            return Some(("max_connections", limits.max_connections));
        }
        // Counted only where it can matter.
        if !reached(limits.max_peer_connections, self.connections.len()) {
            return None;
        }
        let kin = self.connections.iter().filter(|(_, (connection, _))| connection.peer.is_kin(peer));
        reached(limits.max_peer_connections, kin.count())
            .then_some(("max_peer_connections", limits.max_peer_connections))
    }
}

impl Control {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock()
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        self.live().connections.iter().map(|(_, (connection, _))| Arc::clone(connection)).collect()
    }

    /// Starts serving a connection, unless there are too many.
    fn admit(self: &Arc<Self>, wire: Wire, options: Options, hello: &[u8]) {
        let limits = options.limits.clone();
        let mut live = self.live();
        // Asked under the lock: a shutdown stops first and then tells those it finds, so that whoever comes
        // in between is turned away here.
        if self.stop.is_cancelled() {
            return;
        }
        if let Some((limit, most)) = live.full(&wire.peer, &limits) {
            tracing::warn!(most, peer = %wire.peer.endpoint, "connection refused: {limit}");
            return;
        }
        live.greeting.retain(|(connection, _)| !connection.is_ended() && connection.hello().is_none());
        while live.greeting.len() >= limits.max_handshakes as usize {
            let Some((oldest, cut)) = live.greeting.pop_front() else { break };
            tracing::warn!(limit = limits.max_handshakes, peer = %oldest.peer.endpoint, "connection closed: max_handshakes");
            cut.cancel();
        }
        let (connection, driver) = open(wire, &self.services, options, hello);
        let cut = self.cut.child_token();
        let key = live.connections.insert((Arc::clone(&connection), cut.clone()));
        live.greeting.push_back((connection, cut.clone()));
        // A runtime that is ending drops what is spawned at once, which takes the lock again.
        drop(live);
        let ends = Remove { control: Arc::clone(self), key };
        self.tasks.spawn(async move {
            let _ends = ends;
            // `run_until_cancelled_owned` would hold the driver's future three times over.
            driver.run().with_cancellation_token_owned(cut).await;
        });
    }
}

struct Remove {
    control: Arc<Control>,
    key: usize,
}

impl Drop for Remove {
    fn drop(&mut self) {
        let removed = {
            let mut live = self.control.live();
            let removed = live.connections.try_remove(self.key);
            // A connection keeps its descriptor for as long as anybody has it.
            if let Some((connection, _)) = &removed {
                live.greeting.retain(|(greeting, _)| !Arc::ptr_eq(greeting, connection));
            }
            removed
        };
        // Outside the lock: a transport of somebody's own may do anything when it is dropped.
        drop(removed);
    }
}

struct AbortAll<'a>(&'a Control);

impl Drop for AbortAll<'_> {
    fn drop(&mut self) {
        self.0.stop.cancel();
        self.0.cut.cancel();
    }
}

async fn accept(mut announcing: Announcing, control: Arc<Control>) {
    let options = announcing.listener.options();
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            () = control.stop.cancelled() => break,
            accepted = announcing.listener.accept() => accepted,
        };
        match accepted {
            Ok(Some(wire)) => {
                pause = FIRST_PAUSE;
                control.admit(wire, options.clone(), &announcing.hello);
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(endpoint = %announcing.listener.endpoint(), %error, "a connection could not be accepted");
                if is_the_peers_own(&error) {
                    continue;
                }
                // No descriptor or no memory is free: trying again at once would only burn time.
                tokio::select! {
                    () = control.stop.cancelled() => break,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                }
            }
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Failures that concern the one peer only: the next one may be fine.
fn is_the_peers_own(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::BrokenPipe
            | Kind::NotConnected
            | Kind::Interrupted
            | Kind::PermissionDenied
            // Of those who have to say something before they are accepted.
            | Kind::InvalidData
            | Kind::UnexpectedEof
            | Kind::TimedOut
    )
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
