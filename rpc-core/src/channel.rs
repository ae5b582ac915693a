//! The caller's end: a connection to one peer, shared by any number of clients. Never knows which services
//! its clients speak.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use crate::connection::{Closing, Connection};
use crate::driver::Driver;
use crate::endpoint::Endpoint;
use crate::error::{Code, RpcError};
use crate::handlers::Handlers;
use crate::options::Options;
use crate::proto::Session;
use crate::service::Dispatch;
use crate::services::Services;
use crate::transport::{Connector, Dial, Wire};

/// A connection to one peer. Cheap to clone; the connection ends when the last clone and the last client on
/// it are gone, or with [`close`](Self::close).
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Box<dyn Connector>,
    services: Arc<Services>,
    options: Options,
    connection: OnceCell<Arc<Connection>>,
    /// Closed by its user, maybe before it was ever connected.
    closed: AtomicBool,
}

/// What a channel can do at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelState {
    /// Not connected yet; the first call connects.
    Idle,
    /// Connected.
    Ready,
    /// The connection is over; calls fail.
    Closed,
}

impl Channel {
    /// Connects to an address such as `unix:/run/app.sock`, or by a connector of your own. Returns when both
    /// sides have said hello.
    ///
    /// # Errors
    /// `InvalidArgument` for a bad address; `Unavailable` where nobody answers, or not in `connect_timeout`;
    /// `PermissionDenied` for a peer not to be trusted; `Protocol` for one that speaks something else.
    pub async fn connect<Via>(address: impl Dial<Via>) -> Result<Self, RpcError> {
        Self::builder().connect(address).await
    }

    /// A channel whose connection also serves.
    pub fn builder() -> ChannelBuilder {
        ChannelBuilder { services: Services::default() }
    }

    /// A channel that connects when it is first called.
    pub(crate) fn lazy(connector: impl Connector) -> Self {
        Self::with(Box::new(connector), Services::default())
    }

    fn with(connector: Box<dyn Connector>, services: Services) -> Self {
        let options = connector.options();
        let (services, connection, closed) = (Arc::new(services), OnceCell::new(), AtomicBool::new(false));
        Self { inner: Arc::new(Inner { connector, services, options, connection, closed }) }
    }

    /// Flushes what was sent, tells the peer, and ends the connection, within 20 s even if the peer hardly reads.
    /// Calls in flight fail, and so do later ones. Closing twice does nothing more.
    pub async fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
        if let Some(connection) = self.inner.connection.get() {
            connection.close(Closing::Flushed, "closed by the caller");
            connection.ended().await;
        }
    }

    /// What the channel can do at the moment.
    pub fn state(&self) -> ChannelState {
        match self.inner.connection.get() {
            None if self.inner.closed.load(Ordering::Acquire) => ChannelState::Closed,
            None => ChannelState::Idle,
            Some(connection) if connection.is_ended() => ChannelState::Closed,
            Some(_) => ChannelState::Ready,
        }
    }

    /// The address it is connected to.
    pub fn endpoint(&self) -> &Endpoint {
        self.inner.connector.endpoint()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) async fn connection(&self) -> Result<&Arc<Connection>, RpcError> {
        match self.inner.connection.get() {
            Some(connection) => Ok(connection),
            None if self.inner.closed.load(Ordering::Acquire) => {
                Err(RpcError::new(Code::Unavailable, "the channel was closed on this side"))
            }
            None => self.inner.connection.get_or_try_init(|| self.inner.open()).await,
        }
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Inner {
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

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.get() {
            connection.close(Closing::Flushed, "the caller is gone");
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

/// A connection over a wire on which `hello` is said first, and the driver that has to run for it to live.
pub(crate) fn open(
    wire: Wire,
    services: &Arc<Services>,
    options: Options,
    hello: &[u8],
) -> (Arc<Connection>, Driver) {
    let Wire { reader, writer, peer, epitaph } = wire;
    let limits = options.limits.clone();
    let session = Session::new(hello, options, crate::connection::now());
    let connection = Arc::new(Connection::new(session, peer, writer));
    let handlers = Handlers::new(Arc::clone(services), Arc::clone(&connection), &limits);
    let driver = Driver::new(Arc::clone(&connection), reader, handlers, epitaph);
    (connection, driver)
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("endpoint", &format_args!("{}", self.endpoint()))
            .field("state", &self.state())
            .finish()
    }
}

/// What a channel serves on its own connection; made by [`Channel::builder`].
pub struct ChannelBuilder {
    services: Services,
}

impl ChannelBuilder {
    /// Serves this to the peer too. Two services of one name are refused when the channel connects.
    pub fn service(mut self, service: impl Dispatch) -> Self {
        self.services.add(service);
        self
    }

    /// Connects, as [`Channel::connect`] does.
    ///
    /// # Errors
    /// As [`Channel::connect`], and `InvalidArgument` for two services of one name.
    pub async fn connect<Via>(self, address: impl Dial<Via>) -> Result<Channel, RpcError> {
        let channel = Channel::with(address.dial()?, self.services);
        channel.connection().await?;
        Ok(channel)
    }
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder").finish_non_exhaustive()
    }
}
