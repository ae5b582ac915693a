//! The caller's end: a connection to one peer, shared by any number of clients. Never knows which services
//! its clients speak.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;

use futures_core::Stream;
use tower_layer::Layer;

use crate::connection::{Closing, Connection};
use crate::endpoint::Endpoint;
use crate::error::{Code, RpcError};
use crate::link::Link;
use crate::middleware::{Layered, Next, caller_innermost};
use crate::options::Options;
use crate::reference::Home;
use crate::retry::RetryBudget;
use crate::service::Dispatch;
use crate::services::Services;
use crate::states::States;
use crate::transport::{Connector, Dial};

/// A connection to one peer, made again when it is lost. Cheap to clone; it ends when the last clone, the last
/// client and the last stream on it are gone, or with [`close`](Self::close).
///
/// What is lost with a connection is told: calls in flight fail, and streams end with an error. Calls made after
/// that go over the next connection. While there is none a call waits for one attempt to connect and fails if that
/// does, or for as long as its deadline lets it where `wait_for_ready` is on. Attempts are made by themselves, after
/// pauses that grow from 50 ms to 5 s; `reconnect=off` makes the first loss the last.
///
/// A call that the peer has certainly not executed, because its connection was lost or was being closed before, is
/// made again on the next connection; a call of an `#[ipc(idempotent)]` method also where it cannot be known, at most
/// four times, after pauses from 50 ms on. A channel whose calls fail much repeats none of them for a while.
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
    layers: Option<Next>,
}

struct Inner {
    way: Way,
    retry_budget: RetryBudget,
}

/// How a channel comes to its connection.
enum Way {
    /// It makes its own, and ends with it.
    Own(Arc<Link>),
    /// It was given one.
    Given(Box<Given>),
}

/// A connection that is not the channel's to end or to make again.
struct Given {
    /// `None` where there is none any more.
    connection: Option<Arc<Connection>>,
    endpoint: Endpoint,
    options: Options,
    _owner: Option<Channel>,
}

impl Given {
    fn usable(&self) -> Option<&Arc<Connection>> {
        self.connection.as_ref().filter(|connection| connection.is_usable())
    }
}

/// A channel, for those who do not keep it.
#[derive(Clone)]
pub(crate) struct WeakChannel(Weak<Inner>);

impl WeakChannel {
    pub(crate) fn upgrade(&self) -> Option<Channel> {
        self.0.upgrade().map(|inner| Channel { inner, layers: None })
    }
}

/// What a channel can do at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelState {
    /// Not connected; the next call connects.
    Idle,
    /// Connecting, or connecting again.
    Connecting,
    /// Connected.
    Ready,
    /// The last attempt to connect failed; the next one is made after a pause, or with the next call.
    TransientFailure,
    /// Closed on this side, or lost for good: calls fail.
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
        let inner = Arc::new_cyclic(|weak| {
            let link = Link::new(connector, services, WeakChannel(Weak::clone(weak)));
            Inner { way: Way::Own(Arc::new(link)), retry_budget: RetryBudget::default() }
        });
        Self { inner, layers: None }
    }

    /// A channel over a connection that somebody else keeps, to its peer.
    pub(crate) fn over(connection: Option<Arc<Connection>>, owner: Option<Channel>) -> Self {
        let (endpoint, options) = match &connection {
            Some(connection) => (connection.peer.endpoint.clone(), connection.options()),
            None => (Endpoint::new("in-process", "nobody").expect("a scheme and a name"), Options::default()),
        };
        let way = Way::Given(Box::new(Given { connection, endpoint, options, _owner: owner }));
        Self { inner: Arc::new(Inner { way, retry_budget: RetryBudget::default() }), layers: None }
    }

    /// A channel to the objects of a connection's peer.
    pub(crate) fn to(home: &Home) -> Self {
        let (connection, owner) = home.way();
        Self::over(connection, owner)
    }

    /// The same channel with a tower layer around the calls of clients made on it, and around the layers there are:
    /// the last one added sees a call first. See [`middleware`](crate::middleware).
    #[must_use]
    pub fn layer<L: Layer<Next, Service: Layered>>(&self, layer: L) -> Self {
        let next = self.layers.clone().unwrap_or_else(caller_innermost);
        Self { inner: Arc::clone(&self.inner), layers: Some(Next(Arc::new(layer.layer(next)))) }
    }

    pub(crate) fn layers(&self) -> Option<&Next> {
        self.layers.as_ref()
    }

    /// Flushes what was sent, tells the peer, and ends the connection, within 20 s even if the peer hardly reads.
    /// Calls in flight fail, and so do later ones. Closing twice does nothing more.
    pub async fn close(&self) {
        for connection in self.abandon("closed by the caller") {
            connection.ended().await;
        }
    }

    /// Ends it without waiting. The connections there were.
    pub(crate) fn abandon(&self, reason: &str) -> Vec<Arc<Connection>> {
        match &self.inner.way {
            Way::Own(link) => link.close(reason),
            Way::Given(given) => {
                let connections: Vec<_> = given.connection.iter().cloned().collect();
                connections.iter().for_each(|connection| connection.close(Closing::Flushed, reason));
                connections
            }
        }
    }

    /// What the channel can do at the moment.
    pub fn state(&self) -> ChannelState {
        match &self.inner.way {
            Way::Own(link) => link.state(),
            Way::Given(given) if given.usable().is_some() => ChannelState::Ready,
            Way::Given(_) => ChannelState::Closed,
        }
    }

    /// What the channel can do now, then each time that changes, until it is closed for good or gone. States that
    /// last less than the reader takes to look may be left out. The stream does not keep the channel.
    pub fn states(&self) -> impl Stream<Item = ChannelState> + Send + Unpin + 'static {
        match &self.inner.way {
            Way::Own(link) => link.states(),
            Way::Given(given) => States::of(given.connection.clone()),
        }
    }

    /// The address it is connected to.
    pub fn endpoint(&self) -> &Endpoint {
        match &self.inner.way {
            Way::Own(link) => link.endpoint(),
            Way::Given(given) => &given.endpoint,
        }
    }

    pub(crate) fn options(&self) -> &Options {
        match &self.inner.way {
            Way::Own(link) => link.options(),
            Way::Given(given) => &given.options,
        }
    }

    pub(crate) fn retry_budget(&self) -> &RetryBudget {
        &self.inner.retry_budget
    }

    /// A connection for a call that has until `until`.
    pub(crate) async fn connection(&self, until: Option<Instant>) -> Result<Arc<Connection>, RpcError> {
        let link = match &self.inner.way {
            Way::Own(link) => link,
            Way::Given(given) => {
                let gone = || RpcError::new(Code::Unavailable, "the connection to the peer is over");
                return given.usable().cloned().ok_or_else(gone);
            }
        };
        let ready = link.ready(link.options().wait_for_ready);
        let Some(until) = until else { return ready.await };
        tokio::time::timeout_at(until.into(), ready).await.unwrap_or_else(|_| {
            let message = "its time ran out before there was a connection";
            Err(link.too_late(Code::DeadlineExceeded, message))
        })
    }

    /// Whether both are the same channel, or over the same connection that they were given.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.inner.way, &other.inner.way) {
            (Way::Given(ours), Way::Given(theirs)) => match (&ours.connection, &theirs.connection) {
                (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
                _ => false,
            },
            _ => Arc::ptr_eq(&self.inner, &other.inner),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Way::Own(link) = &self.way {
            link.close("the caller is gone");
        }
    }
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
        if let Way::Own(link) = &channel.inner.way {
            link.connect().await?;
        }
        Ok(channel)
    }
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder").finish_non_exhaustive()
    }
}
