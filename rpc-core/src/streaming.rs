//! A stream of items as both sides of a call hold it: a client what a method returns, a handler what it takes.
//! Never reads ahead more than was sent, and never turns a lost connection into a quiet end.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio_util::task::AbortOnDropHandle;
use traitwire_idl::{DecodeLimits, Guard, Plan};

use crate::body::Body;
use crate::channel::Channel;
use crate::client::Decode;
use crate::codec::Decoder;
use crate::described::DescribedMethod;
use crate::error::{CallError, Code, Executed, RpcError};
use crate::evolved::{evolve, evolve_all};
use crate::items::ItemsIn;
use crate::proto::{Arrived, Outcome};
use crate::service::MethodDescription;

/// Items from the other side of a call, one after another.
///
/// As the result of a call: nothing is sent before the first item is asked for. A failed call is an item, the
/// last one, so the end of the stream without an error means that all there was has come. Dropping it cancels the
/// call.
///
/// As the argument of a handler: the caller's items. Where the caller gives up, or its connection is lost, the
/// handler is dropped; a `Streaming` that it gave to a task of its own ends with an error.
///
/// Items that nobody asks for are held up to the connection's `stream_window`, 256 KiB; then their sender waits,
/// and only it.
pub struct Streaming<T, E = Infallible> {
    source: Source<T, E>,
}

enum Source<T, E> {
    Here(Pin<Box<dyn Stream<Item = Result<T, CallError<E>>> + Send>>),
    Remote(Box<Remote<T, E>>),
}

impl<T, E> Streaming<T, E> {
    /// A stream of items made in this process, for calling an implementation directly.
    pub fn from_stream<S>(stream: S) -> Self
    where
        S: Stream<Item = Result<T, CallError<E>>> + Send + 'static,
    {
        Self { source: Source::Here(Box::pin(stream)) }
    }

    pub(crate) fn opening(
        opening: impl Future<Output = Result<Opened, RpcError>> + Send + 'static,
        coding: ItemCoding<T, E>,
    ) -> Self {
        Self::remote(State::Opening(Box::pin(opening)), coding)
    }

    pub(crate) fn open(opened: Opened, coding: ItemCoding<T, E>) -> Self {
        Self::remote(State::Open(opened), coding)
    }

    fn remote(state: State, coding: ItemCoding<T, E>) -> Self {
        let (body, ready) = (Body::default(), VecDeque::new());
        Self {
            source: Source::Remote(Box::new(Remote {
                state,
                coding,
                body,
                at: 0,
                left: 0,
                ready,
                failed: None,
            })),
        }
    }

    /// The next item; `None` after the last one.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, CallError<E>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

/// Nothing in it is pinned in place.
impl<T, E> Unpin for Streaming<T, E> {}

impl<T, E> Stream for Streaming<T, E> {
    type Item = Result<T, CallError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.get_mut().source {
            Source::Here(stream) => stream.as_mut().poll_next(cx),
            Source::Remote(remote) => remote.poll_next(cx),
        }
    }
}

impl<T, E> fmt::Debug for Streaming<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").finish_non_exhaustive()
    }
}

/// How a stream's bytes become items.
pub(crate) struct ItemCoding<T, E> {
    pub(crate) item: ItemDecode<T, E>,
    /// The method's own error, in place of a stream.
    pub(crate) error: Decode<E>,
    pub(crate) method: DescribedMethod,
    /// That of the items, among the method's.
    pub(crate) guard: fn(&MethodDescription) -> Option<&Guard>,
    pub(crate) max_depth: u32,
}

/// How one item is read.
pub(crate) enum ItemDecode<T, E> {
    Typed(Decode<Result<T, E>>),
    /// By whoever called a method without knowing its types.
    Encoded(ReadItem<T>),
}

impl<T, E> ItemDecode<T, E> {
    /// One item whose types are this side's. Who does not know them reads by a fetched schema, and a binding does not
    /// call a peer that has another one.
    fn decode(&self, decoder: &mut Decoder<'_>) -> Result<Result<T, E>, RpcError> {
        match self {
            Self::Typed(item) => item(decoder),
            Self::Encoded(_) => Err(RpcError::new(Code::Internal, "items without types of another version")),
        }
    }
}

/// Reads the item with which bytes begin, and says how many they are.
pub(crate) type ReadItem<T> = Box<dyn FnMut(&[u8]) -> Result<(T, usize), RpcError> + Send>;

/// A stream that is being read.
pub(crate) struct Opened {
    pub(crate) items: ItemsIn,
    /// What has been read of it already.
    pub(crate) first: Option<Arrived>,
    /// The time that the call had.
    pub(crate) had: Option<Duration>,
    /// How items are read that another version of their types wrote.
    pub(crate) evolved: Option<Box<EvolvedItems>>,
    /// Sends the argument stream of the same call.
    pub(crate) _sending: Option<AbortOnDropHandle<()>>,
    /// A caller's connection lives as long as its streams.
    pub(crate) _channel: Option<Channel>,
}

/// How a stream is read that comes from another version.
pub(crate) struct EvolvedItems {
    pub(crate) item: Plan,
    /// The method's own error.
    pub(crate) error: Option<Plan>,
}

enum State {
    Opening(Pin<Box<dyn Future<Output = Result<Opened, RpcError>> + Send>>),
    Open(Opened),
    Ended,
}

struct Remote<T, E> {
    state: State,
    coding: ItemCoding<T, E>,
    /// What was read last, how much of it has been decoded, and how many items of its batch follow.
    body: Body,
    at: usize,
    left: u64,
    ready: VecDeque<Result<T, E>>,
    /// Why no more can be decoded; it comes after what is ready.
    failed: Option<CallError<E>>,
}

/// Items decoded at once. A few, so that small ones in bytes which are large in memory do not add up.
const AT_ONCE: u64 = 64;

/// Items that a batch may claim beyond its bytes: those that take none (P-61).
const MAX_EMPTY: u64 = 65_536;

impl<T, E> Remote<T, E> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, CallError<E>>>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Poll::Ready(Some(item.map_err(CallError::Service)));
            }
            if self.at < self.body.len() || self.left > 0 {
                match self.decode() {
                    Ok(()) => continue,
                    Err(error) => {
                        return Poll::Ready(Some(Err(self.fail(error.with_executed(Executed::Yes)))));
                    }
                }
            }
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            let opened = match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Open(opened) => opened,
                State::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok(opened) => {
                        self.state = State::Open(opened);
                        continue;
                    }
                    Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
                },
            };
            let arrived = match opened.first.take() {
                Some(first) => first,
                None => ready!(opened.items.poll(cx)),
            };
            match arrived {
                Arrived::Items(body) => (self.body, self.at) = (body, 0),
                Arrived::Ended(outcome, _) => {
                    let ended = self.end(outcome);
                    self.state = State::Ended;
                    return Poll::Ready(ended.map(Err));
                }
            }
        }
    }

    /// Decodes the next few items.
    fn decode(&mut self) -> Result<(), RpcError> {
        let length = self.body.len();
        if self.left == 0 {
            let mut decoder = Decoder::from(&self.body, self.at);
            self.left = decoder.value()?;
            self.at = length - decoder.left();
            let most = (decoder.left() as u64).max(MAX_EMPTY);
            if self.left > most {
                let message = format!("a batch of {} items in {} bytes", self.left, decoder.left());
                return Err(RpcError::new(Code::Decode, message));
            }
        }
        let count = self.left.min(AT_ONCE);
        if let State::Open(Opened { evolved: Some(evolved), .. }) = &self.state {
            let item = evolved.item.clone();
            return self.decode_evolved(&item, count);
        }
        if let Some(guard) = (self.coding.guard)(&self.coding.method) {
            let (bytes, max_depth) = (&self.body.as_contiguous()[self.at..], self.coding.max_depth);
            check(guard, bytes, count, max_depth)?;
        }
        let left = match &mut self.coding.item {
            ItemDecode::Typed(item) => {
                let mut decoder = Decoder::taking_from(&mut self.body, self.at);
                for _ in 0..count {
                    self.ready.push_back(item(&mut decoder)?);
                }
                decoder.left()
            }
            ItemDecode::Encoded(item) => {
                let mut rest = &self.body.as_contiguous()[self.at..];
                for _ in 0..count {
                    let (read, size) = item(rest)?;
                    self.ready.push_back(Ok(read));
                    rest = rest.get(size..).unwrap_or_default();
                }
                rest.len()
            }
        };
        self.at = length - left;
        self.left -= count;
        if left == 0 && self.left == 0 {
            (self.body, self.at) = (Body::default(), 0);
        }
        Ok(())
    }

    /// The same of another version's items. One that cannot be read comes after those before it, as the last.
    #[cold]
    fn decode_evolved(&mut self, plan: &Plan, count: u64) -> Result<(), RpcError> {
        let references = self.body.references().clone();
        for _ in 0..count {
            let bytes = &self.body.as_contiguous()[self.at..];
            let item = evolve(plan, bytes, &references, self.coding.max_depth);
            let item = item.and_then(|(mut body, taken)| {
                self.at += taken;
                let mut decoder = Decoder::taking(&mut body);
                let item = self.coding.item.decode(&mut decoder)?;
                decoder.finish().map(|()| item)
            });
            match item {
                Ok(item) => self.ready.push_back(item),
                Err(error) => {
                    let failed = self.fail(error.with_executed(Executed::Yes));
                    self.failed = Some(failed);
                    return Ok(());
                }
            }
            self.left -= 1;
        }
        Ok(())
    }

    /// What stands at the end, if anything does.
    fn end(&mut self, outcome: Outcome) -> Option<CallError<E>> {
        let error = match outcome {
            Outcome::Output(body) if body.is_empty() => return None,
            Outcome::Output(_) => {
                RpcError::new(Code::Decode, "a value where a stream ends").with_executed(Executed::Yes)
            }
            Outcome::Error(mut body) => match self.decode_error(&mut body) {
                Ok(error) => return Some(CallError::Service(error)),
                Err(error) => error.with_executed(Executed::Yes),
            },
            Outcome::Failure(error) => error,
        };
        Some(self.place(error))
    }

    fn decode_error(&self, body: &mut Body) -> Result<E, RpcError> {
        match &self.state {
            State::Open(Opened { evolved: Some(evolved), .. }) => {
                let plan = evolved.error.as_ref();
                let unknown = || RpcError::new(Code::Decode, "an error of a method that has none");
                evolve_all(plan.ok_or_else(unknown)?, body, self.coding.max_depth)?;
            }
            _ => crate::service::check(self.coding.method.error_guard.as_ref(), body, self.coding.max_depth)?,
        }
        let mut decoder = Decoder::taking(body);
        let error = (self.coding.error)(&mut decoder)?;
        decoder.finish().map(|()| error)
    }

    /// Ends the stream with an error of this side.
    #[cold]
    fn fail(&mut self, error: RpcError) -> CallError<E> {
        let error = self.place(error);
        self.state = State::Ended;
        (self.body, self.at, self.left) = (Body::default(), 0, 0);
        error
    }

    #[cold]
    fn place(&self, error: RpcError) -> CallError<E> {
        let error = match &self.state {
            State::Open(opened) => error.with_time(opened.had).with_address(&opened.items.peer().endpoint),
            State::Opening(_) | State::Ended => error,
        };
        CallError::Rpc(error.with_method(&self.coding.method.path))
    }
}

/// Checks so many items before they are decoded.
fn check(guard: &Guard, bytes: &[u8], count: u64, max_depth: u32) -> Result<(), RpcError> {
    let limits = DecodeLimits::default().with_max_depth(max_depth);
    let mut at = 0;
    for _ in 0..count {
        let size = guard.check(&bytes[at..], limits);
        at += size.map_err(|error| RpcError::new(Code::Decode, error.to_string()))?;
    }
    Ok(())
}
