//! The caller's end: a connection to one peer, shared by any number of clients. Never knows which services
//! its clients speak.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::Stream;

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::{Code, RpcError};
use crate::link::Link;
use crate::options::Options;
use crate::retry::RetryBudget;
use crate::service::Dispatch;
use crate::services::Services;
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
}

struct Inner {
    link: Arc<Link>,
    retry_budget: RetryBudget,
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
        let link = Arc::new(Link::new(connector, services));
        Self { inner: Arc::new(Inner { link, retry_budget: RetryBudget::default() }) }
    }

    /// Flushes what was sent, tells the peer, and ends the connection, within 20 s even if the peer hardly reads.
    /// Calls in flight fail, and so do later ones. Closing twice does nothing more.
    pub async fn close(&self) {
        for connection in self.inner.link.close("closed by the caller") {
            connection.ended().await;
        }
    }

    /// Ends it without waiting.
    pub(crate) fn abandon(&self, reason: &str) {
        self.inner.link.close(reason);
    }

    /// What the channel can do at the moment.
    pub fn state(&self) -> ChannelState {
        self.inner.link.state()
    }

    /// What the channel can do now, then each time that changes, until it is closed for good or gone. States that
    /// last less than the reader takes to look may be left out. The stream does not keep the channel.
    pub fn states(&self) -> impl Stream<Item = ChannelState> + Send + Unpin + 'static {
        self.inner.link.states()
    }

    /// The address it is connected to.
    pub fn endpoint(&self) -> &Endpoint {
        self.inner.link.endpoint()
    }

    pub(crate) fn options(&self) -> &Options {
        self.inner.link.options()
    }

    pub(crate) fn retry_budget(&self) -> &RetryBudget {
        &self.inner.retry_budget
    }

    /// A connection for a call that has until `until`.
    pub(crate) async fn connection(&self, until: Option<Instant>) -> Result<Arc<Connection>, RpcError> {
        let ready = self.inner.link.ready(self.options().wait_for_ready);
        let Some(until) = until else { return ready.await };
        tokio::time::timeout_at(until.into(), ready).await.unwrap_or_else(|_| {
            let message = "its time ran out before there was a connection";
            Err(self.inner.link.too_late(Code::DeadlineExceeded, message))
        })
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.link.close("the caller is gone");
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
        let Options { connect_timeout, wait_for_ready, .. } = *channel.options();
        let ready = channel.inner.link.ready(wait_for_ready);
        // A single attempt keeps to its time by itself.
        let patience = if wait_for_ready { connect_timeout } else { Duration::MAX };
        match tokio::time::timeout(patience, ready).await {
            Ok(ready) => ready.map(|_| channel),
            Err(_) => {
                let waited = humantime::format_duration(connect_timeout);
                let message = format!("no connection within {waited} (connect_timeout)");
                let error = channel.inner.link.too_late(Code::Unavailable, message);
                Err(error.with_address(channel.endpoint()))
            }
        }
    }
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder").finish_non_exhaustive()
    }
}
