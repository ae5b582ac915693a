//! What a channel can do, as it changes. Never keeps the channel, and never changes anything.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::watch::Receiver;
use tokio_util::sync::ReusableBoxFuture;

use crate::channel::ChannelState;
use crate::connection::Connection;
use crate::link::Current;

/// The present state, then each other one; the last is `Closed`.
pub(crate) struct States {
    next: ReusableBoxFuture<'static, Option<(ChannelState, Watched)>>,
}

/// Where the states come from.
enum Watched {
    /// A channel that makes its connections.
    Link(Receiver<Current>),
    /// A connection that a channel was given.
    Given(Option<Arc<Connection>>),
}

impl States {
    pub(crate) fn new(watch: Receiver<Current>) -> Self {
        Self { next: ReusableBoxFuture::new(next(Watched::Link(watch), None)) }
    }

    pub(crate) fn of(connection: Option<Arc<Connection>>) -> Self {
        Self { next: ReusableBoxFuture::new(next(Watched::Given(connection), None)) }
    }
}

async fn next(watched: Watched, last: Option<ChannelState>) -> Option<(ChannelState, Watched)> {
    if last == Some(ChannelState::Closed) {
        return None;
    }
    match watched {
        Watched::Link(mut watch) => {
            let state = watch.wait_for(|current| Some(current.state()) != last).await.ok()?.state();
            Some((state, Watched::Link(watch)))
        }
        Watched::Given(Some(connection)) if last.is_none() && connection.is_usable() => {
            Some((ChannelState::Ready, Watched::Given(Some(connection))))
        }
        Watched::Given(connection) => {
            if let Some(connection) = connection {
                connection.lost().await;
            }
            Some((ChannelState::Closed, Watched::Given(None)))
        }
    }
}

impl Stream for States {
    type Item = ChannelState;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ChannelState>> {
        match ready!(self.next.poll(cx)) {
            Some((state, watched)) => {
                self.next.set(next(watched, Some(state)));
                Poll::Ready(Some(state))
            }
            None => {
                self.next.set(async { None });
                Poll::Ready(None)
            }
        }
    }
}
