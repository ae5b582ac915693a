//! How a connection ends: by this side's will, by the peer's, or for want of either. Never reads a frame and never runs a
//! handler.

use std::sync::Arc;
use std::task::Poll;

use super::{Driver, Turn};
use crate::connection::{Closing, Connection, LINGER, Shared, left, lost};
use crate::error::RpcError;

/// Ends a connection whose driver will never run again: it was cut off, it panicked, or its runtime has ended.
pub(super) struct EndOnDrop(pub(super) Arc<Connection>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(&lost("the connection was cut off on this side"));
        self.0.hang_up();
    }
}

/// How a connection comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By this side's own will.
    Closed,
    /// The peer is gone, or cannot be reached any more.
    Lost,
    /// The peer broke a rule, and is told so.
    Broken,
}

impl Driver {
    pub(super) async fn finish(self, cause: RpcError, end: End) -> RpcError {
        let Self { connection, handlers, epitaph, .. } = self;
        // Handlers first: nobody will hear them any more.
        drop(handlers);
        if end == End::Broken {
            connection.with_session(|shared| shared.session.break_off(cause.message()));
            let flushed = std::future::poll_fn(|cx| {
                connection.set_driver(cx.waker());
                let blocked = connection.flush();
                if connection.is_written() || connection.write_failure().is_some() {
                    return Poll::Ready(());
                }
                if !blocked {
                    // Somebody else is writing, or there was more than is taken at once.
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            });
            let _ = tokio::time::timeout(LINGER, flushed).await;
        }
        let mut cause = cause.with_address(&connection.peer.endpoint);
        // What ends on this side's own word needs no explanation.
        if end != End::Closed
            && let Some(epitaph) = epitaph
            && let Ok(Some(last_words)) = tokio::time::timeout(LINGER, epitaph).await
        {
            cause = cause.with_note(last_words);
        }
        tracing::debug!(peer = %connection.peer.endpoint, %cause, "connection ended");
        connection.end(&cause);
        connection.shutdown().await;
        if end == End::Broken {
            // Closing with unread input would throw away what was just said to the peer.
            let drained = async {
                let mut reading = std::future::poll_fn(|cx| connection.reading.poll_take(cx)).await?;
                tokio::io::copy(&mut reading.reader, &mut tokio::io::sink()).await.ok()
            };
            let _ = tokio::time::timeout(LINGER, drained).await;
        }
        cause
    }

    /// Everything is said on both sides.
    pub(super) fn left(&self) -> Turn {
        let (closing, reason) = self
            .connection
            .with_session(|shared| (shared.closing, shared.session.peer_leaves().map(str::to_owned)));
        match reason {
            Some(reason) if closing == Closing::No => Turn::End(left(&reason), End::Lost),
            _ => Turn::End(lost("the connection was closed on this side"), End::Closed),
        }
    }
}

/// Whether the connection is to end by this side's will, once everything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    /// The peer has been told, and may have calls on their way that are still to be refused: it closes.
    WhenPeerHas,
    Now,
}

impl Leaving {
    pub(super) fn of(shared: &Shared) -> Self {
        let session = &shared.session;
        let idle = session.serving() == 0 && session.in_flight() == 0;
        match shared.closing {
            Closing::Flushed => Leaving::Now,
            // It takes no more calls and has none to make.
            _ if session.peer_leaves().is_some() && idle => Leaving::Now,
            Closing::Drained if session.peer().is_none() => Leaving::Now,
            Closing::Drained if idle => Leaving::WhenPeerHas,
            Closing::Drained | Closing::No => Leaving::No,
        }
    }
}
