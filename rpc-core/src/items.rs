//! The two ends of a stream of items on a connection, as bytes: one is sent to, the other is read from. Never
//! knows the items' types.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio_util::task::AbortOnDropHandle;

use crate::codec::Encoder;
use crate::connection::Connection;
use crate::error::{Code, Executed, RpcError};
use crate::proto::{Arrived, Batch, CallKey, NewCall, Outcome, StreamEnd};
use crate::transport::Peer;

/// Bytes of items that make a batch: more of them in one frame gain nothing, and others wait for it.
const BATCH: usize = 32 << 10;

/// Items that make a batch, however small they are.
const BATCH_ITEMS: u64 = 16 << 10;

/// The reading end. Dropping it tells the sender that nobody reads any more; for a caller it cancels the call.
pub(crate) struct ItemsIn {
    connection: Arc<Connection>,
    end: StreamEnd,
    ended: bool,
}

impl ItemsIn {
    pub(crate) fn new(connection: Arc<Connection>, end: StreamEnd) -> Self {
        Self { connection, end, ended: false }
    }

    /// Who sends.
    pub(crate) fn peer(&self) -> &Peer {
        &self.connection.peer
    }

    /// The first batches, or the end if there are none.
    pub(crate) async fn first(&mut self) -> Arrived {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The next batches. Not called again after `Arrived::Ended`.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<Arrived> {
        let polled = self.connection.act(|session| session.poll_items(self.end, cx.waker()));
        self.ended |= matches!(polled, Poll::Ready(Arrived::Ended(..)));
        polled
    }
}

impl Drop for ItemsIn {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.act(|session| session.stop_reading(self.end));
        }
    }
}

/// The sending end.
pub(crate) struct ItemsOut {
    connection: Arc<Connection>,
    end: StreamEnd,
}

impl ItemsOut {
    pub(crate) fn new(connection: Arc<Connection>, end: StreamEnd) -> Self {
        Self { connection, end }
    }

    /// Sends all items of a stream, in batches: what is ready together goes out together. Ends early where
    /// nobody reads them any more.
    ///
    /// # Errors
    /// What `encode` refuses, an item that cannot be encoded, or one that is larger than its reader takes.
    pub(crate) async fn send_all<S: Stream>(
        &self,
        stream: S,
        mut encode: impl FnMut(&mut Encoder, S::Item) -> Result<(), RpcError>,
    ) -> Result<(), RpcError> {
        let mut stream = pin!(stream);
        let mut pending = Pending::default();
        loop {
            let filled = poll_fn(|cx| pending.poll_fill(stream.as_mut(), &mut encode, cx)).await?;
            while let Some(batch) = pending.take()? {
                if !self.send(batch).await? {
                    return Ok(());
                }
            }
            match filled {
                Filled::More => {}
                Filled::All => {
                    self.finish().await;
                    return Ok(());
                }
                Filled::Panicked(panic) => {
                    // A callee's reply says so after the items; a caller's stream must not seem complete.
                    if matches!(self.end, StreamEnd::Callee(_)) {
                        self.finish().await;
                    }
                    std::panic::resume_unwind(panic);
                }
            }
            // What has come together goes out while the next items are made.
            pause().await;
        }
    }

    async fn send(&self, batch: Batch) -> Result<bool, RpcError> {
        let mut batch = Some(batch);
        poll_fn(|cx| self.connection.act(|session| session.poll_send(self.end, &mut batch, cx.waker()))).await
    }

    /// The stream is complete once its last item is on its way.
    async fn finish(&self) {
        poll_fn(|cx| self.connection.act(|session| session.poll_finish(self.end, cx.waker()))).await;
    }
}

/// Lets whoever polls this go on with other things once.
async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How a batch came together.
enum Filled {
    /// More items may come.
    More,
    /// These are the last.
    All,
    /// These are the last: the stream panicked.
    Panicked(Box<dyn Any + Send>),
}

/// Items that were encoded and not yet sent.
#[derive(Default)]
struct Pending {
    encoder: Encoder,
    count: u64,
    /// The last item, where it is to go out alone.
    alone: Option<Encoder>,
}

impl Pending {
    /// Encodes what is ready. What the stream yielded before it panics is not lost.
    fn poll_fill<S: Stream>(
        &mut self,
        stream: Pin<&mut S>,
        encode: &mut impl FnMut(&mut Encoder, S::Item) -> Result<(), RpcError>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Filled, RpcError>> {
        let filled = catch_unwind(AssertUnwindSafe(|| self.poll_some(stream, encode, cx)));
        filled.unwrap_or_else(|panic| Poll::Ready(Ok(Filled::Panicked(panic))))
    }

    fn poll_some<S: Stream>(
        &mut self,
        mut stream: Pin<&mut S>,
        encode: &mut impl FnMut(&mut Encoder, S::Item) -> Result<(), RpcError>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Filled, RpcError>> {
        loop {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    let before = self.encoder.len();
                    encode(&mut self.encoder, item)?;
                    self.count += 1;
                    if self.encoder.len() - before > BATCH && before > 0 {
                        self.alone = Some(self.encoder.split_off(before));
                    }
                }
                Poll::Ready(None) => return Poll::Ready(Ok(Filled::All)),
                Poll::Pending if self.count == 0 => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Ok(Filled::More)),
            }
            // One that carries references is the last: together they might be more than a message can carry.
            let carries = self.encoder.references() > 0;
            if self.encoder.len() >= BATCH || self.count >= BATCH_ITEMS || self.alone.is_some() || carries {
                return Poll::Ready(Ok(Filled::More));
            }
        }
    }

    /// What is to be sent next.
    fn take(&mut self) -> Result<Option<Batch>, RpcError> {
        if self.count == 0 {
            return Ok(None);
        }
        let encoder = std::mem::replace(&mut self.encoder, self.alone.take().unwrap_or_default());
        let left = u64::from(self.encoder.len() > 0);
        let count = std::mem::replace(&mut self.count, left) - left;
        Ok(Some(Batch { count, items: encoder.finish()? }))
    }
}

/// The argument stream of a call that is yet to be made.
pub struct Upload(Box<dyn FnOnce(ItemsOut) -> Sending + Send>);

type Sending = Pin<Box<dyn Future<Output = Result<(), RpcError>> + Send>>;

impl Upload {
    /// Sends the items of a stream; `encode` writes one.
    pub fn new<S>(stream: S, mut encode: impl FnMut(&mut Encoder, S::Item) + Send + 'static) -> Self
    where
        S: Stream + Send + 'static,
    {
        Self::fallible(stream, move |encoder, item| {
            encode(encoder, item);
            Ok(())
        })
    }

    /// Sends the items of a stream up to the first one that `encode` refuses. The call ends with that error, and
    /// its handler never sees the stream end.
    pub fn fallible<S>(
        stream: S,
        encode: impl FnMut(&mut Encoder, S::Item) -> Result<(), RpcError> + Send + 'static,
    ) -> Self
    where
        S: Stream + Send + 'static,
    {
        Self(Box::new(|out| Box::pin(async move { out.send_all(stream, encode).await })))
    }

    /// Makes a call that has one result, and sends the items while it waits for that.
    pub(crate) async fn call(self, connection: &Arc<Connection>, call: NewCall) -> Outcome {
        let key = match connection.start(call).await {
            Ok(key) => key,
            Err(refused) => return Outcome::Failure(refused.error),
        };
        let mut call = Uploading { connection, key: Some(key) };
        let end = connection.act(|session| session.caller_end(key));
        let mut sending = Some((self.0)(ItemsOut::new(Arc::clone(connection), end)));
        poll_fn(|cx| {
            if let Some(Poll::Ready(sent)) = sending.as_mut().map(|sending| sending.as_mut().poll(cx)) {
                sending = None;
                if let Err(error) = sent {
                    return Poll::Ready(Outcome::Failure(begun(error)));
                }
            }
            call.poll_reply(cx)
        })
        .await
    }

    /// Sends the items of a call that was started, in a task of its own: they go on while nobody reads results.
    pub(crate) fn spawn(self, connection: &Arc<Connection>, end: StreamEnd) -> AbortOnDropHandle<()> {
        let out = ItemsOut::new(Arc::clone(connection), end);
        let panicked = begun(RpcError::new(Code::Internal, "the argument stream panicked"));
        let mut watch = FailOnDrop { connection: Arc::clone(connection), end, error: Some(panicked) };
        let sending = (self.0)(out);
        AbortOnDropHandle::new(tokio::spawn(async move { watch.settle(sending.await) }))
    }
}

/// Why a call cannot go on whose handler may have begun, with the items before.
fn begun(error: RpcError) -> RpcError {
    error.with_executed(Executed::Maybe)
}

/// A call whose items are being sent. Dropping it cancels the call.
struct Uploading<'a> {
    connection: &'a Connection,
    key: Option<CallKey>,
}

impl Uploading<'_> {
    fn poll_reply(&mut self, cx: &Context<'_>) -> Poll<Outcome> {
        let Some(key) = self.key else { return Poll::Pending };
        let polled = self.connection.act(|session| session.poll_reply(key, cx.waker()));
        if polled.is_ready() {
            self.key = None;
        }
        polled
    }
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.connection.act(|session| session.cancel_call(key));
        }
    }
}

/// Ends a call whose items can no longer be sent.
struct FailOnDrop {
    connection: Arc<Connection>,
    end: StreamEnd,
    error: Option<RpcError>,
}

impl FailOnDrop {
    fn settle(&mut self, sent: Result<(), RpcError>) {
        self.error = sent.err().map(begun);
    }
}

impl Drop for FailOnDrop {
    fn drop(&mut self) {
        if let Some(error) = self.error.take() {
            self.connection.act(|session| session.fail(self.end, error));
        }
    }
}
