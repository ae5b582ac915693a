//! What a channel can do, as it changes. Never keeps the channel, and never changes anything.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::watch::Receiver;
use tokio_util::sync::ReusableBoxFuture;

use crate::channel::ChannelState;
use crate::link::Current;

/// The present state, then each other one; the last is `Closed`.
pub(crate) struct States {
    next: ReusableBoxFuture<'static, Option<(ChannelState, Receiver<Current>)>>,
}

impl States {
    pub(crate) fn new(watch: Receiver<Current>) -> Self {
        Self { next: ReusableBoxFuture::new(next(watch, None)) }
    }
}

async fn next(
    mut watch: Receiver<Current>,
    last: Option<ChannelState>,
) -> Option<(ChannelState, Receiver<Current>)> {
    if last == Some(ChannelState::Closed) {
        return None;
    }
    let state = watch.wait_for(|current| Some(current.state()) != last).await.ok()?.state();
    Some((state, watch))
}

impl Stream for States {
    type Item = ChannelState;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ChannelState>> {
        match ready!(self.next.poll(cx)) {
            Some((state, watch)) => {
                self.next.set(next(watch, Some(state)));
                Poll::Ready(Some(state))
            }
            None => {
                self.next.set(async { None });
                Poll::Ready(None)
            }
        }
    }
}
