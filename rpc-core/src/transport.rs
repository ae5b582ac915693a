//! The seams to whatever moves bytes, on one page: two byte halves and who is at their other end, something
//! that opens such connections, something that accepts them. Never knows a concrete transport.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::endpoint::Endpoint;
use crate::error::RpcError;
use crate::options::Options;

/// One open connection, before any protocol: bytes in, bytes out, and who is there.
pub struct Wire {
    /// Bytes from the peer. Its end is the peer's end.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// Bytes to the peer. It is shut down when the session ends.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// Who is at the other end, as far as the transport knows.
    pub peer: Peer,
    /// Asked once, when the connection has ended: what the transport alone can tell about why (a child's
    /// exit status and its last words, say). Dropped unasked if nobody wants to know.
    pub epitaph: Option<Epitaph>,
    /// For a reading half that can be looked at without a system call.
    pub busy_poll: Option<Arc<dyn BusyPoll>>,
    /// For a reading half that can be asked at once, and whose peer is on this machine.
    pub direct_read: Option<DirectRead>,
}

/// What a connection over shared memory has beyond its halves. Whoever waits for bytes can look for them again and again
/// for some microseconds, in its own thread, before it sleeps; only for whoever has the reading half to themselves. And
/// what was written can be seen lying there. Called while the connection is locked: none of this may wait, or make a call.
pub trait BusyPoll: Send + Sync + 'static {
    /// Whether a read would give bytes, or the end. Costs a look at memory.
    fn has_bytes(&self) -> bool;

    /// Begins the looking: the peer need not wake anybody for what it sends from now on. So does a read that gives
    /// bytes.
    fn disarm(&self);

    /// Ends the looking: what comes from now on wakes the waker of the last poll. `false`, and nothing is changed, if
    /// bytes or the end are there already. So does a read that finds nothing.
    fn arm(&self) -> bool;

    /// Bytes that were written and that a peer that has gone never took: calls among them were not executed. 0 as long as
    /// the peer may still take them.
    fn untaken(&self) -> usize;
}

/// Lets whoever waits for bytes ask the kernel for them itself, before it sleeps: a peer on this machine often answers
/// sooner than a sleeper is woken. Shared by a connection and its reading half.
#[derive(Debug, Clone, Default)]
pub struct DirectRead(Arc<AtomicBool>);

impl DirectRead {
    /// Not asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the next poll of the reading half to read at once, whether or not the runtime has heard of bytes. Where there
    /// are none that poll is `Pending`, and whose waker was registered stays registered.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// For the reading half, at each poll: whether it was asked for, once.
    pub fn take(&self) -> bool {
        // Not an exchange: whoever polls has the reading half to themselves.
        let is_asked = self.0.load(Ordering::Relaxed);
        if is_asked {
            self.0.store(false, Ordering::Relaxed);
        }
        is_asked
    }
}

/// The transport's own account of why a connection ended.
pub type Epitaph = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

impl Wire {
    /// A connection over any two byte halves.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
        peer: Peer,
    ) -> Self {
        Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
            peer,
            epitaph: None,
            busy_poll: None,
            direct_read: None,
        }
    }

    /// The same connection, whose reading half can be looked at.
    pub fn with_busy_poll(mut self, busy_poll: Arc<dyn BusyPoll>) -> Self {
        self.busy_poll = Some(busy_poll);
        self
    }

    /// The same connection, whose reading half can be asked at once.
    pub fn with_direct_read(mut self, direct_read: DirectRead) -> Self {
        self.direct_read = Some(direct_read);
        self
    }

    /// The same connection, with something to say when it has ended.
    pub fn with_epitaph(mut self, epitaph: impl Future<Output = Option<String>> + Send + 'static) -> Self {
        self.epitaph = Some(Box::pin(epitaph));
        self
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where the peer is: the address dialled, or for an accepted connection where it came from.
    pub endpoint: Endpoint,
    /// What the kernel says of the peer's process, where the transport can ask it.
    pub credentials: Option<Credentials>,
    /// The host that the kernel says the connection came from or went to, where the transport has hosts.
    pub ip: Option<IpAddr>,
}

impl Peer {
    /// A peer of which only the address is known.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, credentials: None, ip: None }
    }

    /// Whether both are of one user, or for want of users on one host. Peers of which neither is known have nothing
    /// in common.
    pub(crate) fn is_kin(&self, other: &Self) -> bool {
        match (self.credentials, other.credentials) {
            (Some(one), Some(other)) => one.uid == other.uid,
            (None, None) => self.ip.is_some() && self.ip == other.ip,
            _ => false,
        }
    }
}

/// A peer process as the kernel recorded it when the connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Process id, where the kernel gives it. It may have been reused since.
    pub pid: Option<u32>,
}

/// Opens connections to one address.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// Opens one connection. The caller bounds its time; dropping the future must leave nothing behind.
    ///
    /// # Errors
    /// `Unavailable` where nobody answers, `PermissionDenied` where the peer is not to be trusted. The
    /// error names the address.
    async fn connect(&self) -> Result<Wire, RpcError>;

    /// The address it dials.
    fn endpoint(&self) -> &Endpoint;

    /// Limits and policy that came with the address.
    fn options(&self) -> Options {
        Options::default()
    }
}

/// Accepts connections at one address. Dropping it closes the address and removes what it made there.
#[async_trait]
pub trait Listener: Send + 'static {
    /// Waits for one connection; `None` when there will never be another. Cancel safe.
    ///
    /// # Errors
    /// A failure of this one attempt (the peer left again, no descriptor is free, the peer's identity is
    /// refused): the caller goes on accepting.
    async fn accept(&mut self) -> io::Result<Option<Wire>>;

    /// The address a client dials to get here, complete (a TCP port chosen by the kernel is in it),
    /// with those options alone that both sides need.
    fn endpoint(&self) -> &Endpoint;

    /// Limits and policy that came with the address.
    fn options(&self) -> Options {
        Options::default()
    }
}

/// What can be dialled: an address (text or [`Endpoint`]), or a [`Connector`].
///
/// `Via` only tells the kinds apart, so that each can be implemented where its transports are known; it is
/// always inferred.
pub trait Dial<Via> {
    /// The connector to use. Opens nothing yet.
    ///
    /// # Errors
    /// `InvalidArgument` for an address that is malformed, of an unknown scheme or with an unknown option.
    fn dial(self) -> Result<Box<dyn Connector>, RpcError>;
}

/// What can be bound: an address (text or [`Endpoint`]), or a [`Listener`]. `Via` is as in [`Dial`].
pub trait Bind<Via>: Sized {
    /// Starts listening.
    ///
    /// # Errors
    /// `InvalidArgument` for a bad address; `AddressInUse` where another server has it; `Unavailable` where it
    /// cannot be made.
    fn bind(self) -> impl Future<Output = Result<Box<dyn Listener>, RpcError>> + Send;
}

/// Marks [`Dial`] and [`Bind`] of connectors and listeners themselves.
#[derive(Debug)]
pub enum Itself {}

impl<C: Connector> Dial<Itself> for C {
    fn dial(self) -> Result<Box<dyn Connector>, RpcError> {
        Ok(Box::new(self))
    }
}

impl<L: Listener> Bind<Itself> for L {
    async fn bind(self) -> Result<Box<dyn Listener>, RpcError> {
        Ok(Box::new(self))
    }
}
