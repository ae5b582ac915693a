//! Events: values from any publisher to all who have subscribed, over tokio's bounded ring. Never makes a publisher
//! wait, never grows with a subscriber that does not read, and never leaves out a value without saying how many.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio_util::sync::ReusableBoxFuture;
use traitwire_idl::{Schema, Shape, Type, Types};

/// Values for everybody who has subscribed. A service holds one in its state and a method returns
/// [`subscribe`](Self::subscribe)`()`; clones publish to the same subscribers.
///
/// At most `capacity` values are held, once for all subscribers. [`publish`](Self::publish) does not wait: it
/// overwrites the oldest value, and a subscriber that had not read it gets [`Lagged`] with the exact number of
/// values it missed. Afterwards it goes on with the oldest value there is, or ends if it was made to
/// ([`Subscription::end_on_lag`]).
///
/// Each subscriber gets a clone of its own, made where it reads. Wrap in an `Arc` what is large: it travels as what
/// it holds, for which serde wants its feature `rc`.
///
/// The subscriptions end, after what they have yet to read, once the last clone is dropped or
/// [`close`](Self::close) is called.
///
/// ```
/// use traitwire_core::{Broadcast, Lagged, Stream, Subscription};
/// # use std::{pin::pin, task::{Context, Poll, Waker}};
/// # fn next(of: &mut Subscription<u32>) -> Poll<Option<Result<u32, Lagged>>> {
/// #     pin!(of).poll_next(&mut Context::from_waker(Waker::noop()))
/// # }
///
/// let prices = Broadcast::new(2);
/// let mut subscription = prices.subscribe();
/// for price in 1..=5 {
///     assert_eq!(prices.publish(price), 1);
/// }
/// drop(prices);
/// assert_eq!(next(&mut subscription), Poll::Ready(Some(Err(Lagged(3)))));
/// assert_eq!(next(&mut subscription), Poll::Ready(Some(Ok(4))));
/// assert_eq!(next(&mut subscription), Poll::Ready(Some(Ok(5))));
/// assert_eq!(next(&mut subscription), Poll::Ready(None));
/// ```
pub struct Broadcast<T> {
    /// `None` once it is closed.
    sender: Arc<Mutex<Option<Sender<Shared<T>>>>>,
}

/// In the ring stand pointers: a value is cloned by whoever reads it, outside of the ring's locks, so that a clone
/// that takes long holds up neither the publisher nor other subscribers.
type Shared<T> = Arc<T>;

impl<T> Broadcast<T> {
    /// Holds `capacity` values that not everybody has read: by so many a subscriber may be behind. 0 counts as 1,
    /// and other numbers are rounded up to a power of two. Their places, 32 bytes each, are made at once.
    ///
    /// # Panics
    /// Where so many places exceed the address space.
    pub fn new(capacity: usize) -> Self {
        Self { sender: Arc::new(Mutex::new(Some(Sender::new(capacity.max(1))))) }
    }

    /// Gives a value to everybody who is subscribed now, and says how many they are. Does not wait for any of
    /// them; it takes a step for each that waits for a value, and none for those that are behind. Where nobody is
    /// subscribed, or it is closed, the value is dropped.
    ///
    /// The value that is overwritten is dropped here if it is the last of its clones. Its `Drop` must not use the
    /// same broadcast.
    pub fn publish(&self, value: T) -> usize {
        // A clone, since sending wakes the subscribers: that is not for under a lock.
        let sender = self.lock().clone();
        sender.map_or(0, |sender| sender.send(Arc::new(value)).unwrap_or(0))
    }

    /// How many subscriptions there are. One that was dropped, or whose caller has gone, is not counted; nor is any
    /// once it is closed.
    pub fn subscribers(&self) -> usize {
        self.lock().as_ref().map_or(0, Sender::receiver_count)
    }

    /// Ends the subscriptions after what they have yet to read, for all clones. What is published later reaches
    /// nobody, and who subscribes later finds the end.
    ///
    /// A subscription is a running call. Close before [`ServerHandle::shutdown`](crate::ServerHandle::shutdown),
    /// which otherwise waits for it until its grace is over.
    pub fn close(&self) {
        let sender = self.lock().take();
        // It wakes the subscribers: that is not for under a lock.
        drop(sender);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Sender<Shared<T>>>> {
        self.sender.lock()
    }
}

impl<T: Clone + Send + Sync + 'static> Broadcast<T> {
    /// All values from now on, as a stream for a method to return. What was published before is not among them.
    pub fn subscribe(&self) -> Subscription<T> {
        let receiver = self.lock().as_ref().map(Sender::subscribe);
        Subscription {
            receiving: receiver.map(|receiver| ReusableBoxFuture::new(receive(receiver))),
            ends_on_lag: false,
        }
    }
}

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Self {
        Self { sender: Arc::clone(&self.sender) }
    }
}

impl<T> fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("subscribers", &self.subscribers()).finish_non_exhaustive()
    }
}

/// What one subscriber gets of a [`Broadcast`]: values in the order they were published, and in the place of those
/// it missed a [`Lagged`]. Dropping it unsubscribes.
///
/// As the result of a method it is read as fast as its caller reads. A caller that stops reading holds up to its
/// connection's `stream_window`, and then falls behind here.
#[must_use = "a subscription that nobody reads falls behind"]
pub struct Subscription<T> {
    /// `None` after the end.
    receiving: Option<ReusableBoxFuture<'static, Received<T>>>,
    ends_on_lag: bool,
}

/// What came, and the receiver for what comes next.
type Received<T> = (Result<Shared<T>, RecvError>, Receiver<Shared<T>>);

async fn receive<T>(mut receiver: Receiver<Shared<T>>) -> Received<T> {
    let received = receiver.recv().await;
    (received, receiver)
}

impl<T> Subscription<T> {
    /// The same subscription, for a subscriber to whom a gap is worth nothing: if it falls behind it ends, with a
    /// [`Lagged`] that counts all it did not get until then. It finds out, and is no longer counted, when it is
    /// next read.
    pub fn end_on_lag(self) -> Self {
        Self { ends_on_lag: true, ..self }
    }
}

impl<T: Clone + Send + Sync + 'static> Stream for Subscription<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(receiving) = &mut this.receiving else { return Poll::Ready(None) };
        let (received, receiver) = ready!(receiving.poll(cx));
        let item = match received {
            Ok(value) => Ok(value),
            Err(RecvError::Lagged(missed)) if this.ends_on_lag => {
                let missed = missed + receiver.len() as u64;
                this.receiving = None;
                return Poll::Ready(Some(Err(Lagged(missed))));
            }
            Err(RecvError::Lagged(missed)) => Err(Lagged(missed)),
            Err(RecvError::Closed) => {
                this.receiving = None;
                return Poll::Ready(None);
            }
        };
        receiving.set(receive(receiver));
        // The last to read it gets the value itself.
        Poll::Ready(Some(item.map(Arc::unwrap_or_clone)))
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("ends_on_lag", &self.ends_on_lag).finish_non_exhaustive()
    }
}

/// A subscriber fell behind and missed so many values: exactly those that were published between the item before
/// this one and the item after it, or until the end where this is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lagged(pub u64);

impl Schema for Lagged {
    fn describe(types: &mut Types) -> Type {
        let docs = "A subscriber fell behind and missed so many values.";
        types.define::<Self>("Lagged", |_| Vec::new(), docs, |_| Shape::Newtype(Type::U64))
    }
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fell behind; values missed: {}", self.0)
    }
}

impl std::error::Error for Lagged {}
