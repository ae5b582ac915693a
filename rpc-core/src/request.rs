//! One call as its handler reaches it: the arguments' bytes, what may be known of the call, and its streams.
//! Never decides how the handler runs.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use futures_core::Stream;
use traitwire_idl::ReadArguments;

use crate::body::Body;
use crate::client::Decode;
use crate::codec::{Decoder, Encoder};
use crate::connection::Connection;
use crate::context::{CallScope, Context};
use crate::described::DescribedMethod;
use crate::error::{Code, Executed, RpcError};
use crate::items::{ItemsIn, ItemsOut};
use crate::metadata::Metadata;
use crate::proto::StreamEnd;
use crate::service::{MethodDescription, Reply};
use crate::streaming::{EvolvedItems, ItemCoding, ItemDecode, Opened, Streaming};

/// A stream without items: there is no connection they could come from.
struct Empty<T>(PhantomData<fn() -> T>);

impl<T> Stream for Empty<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(None)
    }
}

/// One call as its handler's slot gets it. It owns its bytes, so that arguments may be lent from it.
#[derive(Debug)]
pub struct Request {
    body: Body,
    scope: CallScope,
    /// For methods with streams.
    streams: Option<Streams>,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The streams of one call, as its handler reaches them.
pub(crate) struct Streams {
    pub(crate) connection: Arc<Connection>,
    pub(crate) end: StreamEnd,
    pub(crate) method: &'static MethodDescription,
    pub(crate) max_depth: u32,
    /// How the caller's version is read, if it is another.
    pub(crate) evolved: Option<Arc<ReadArguments>>,
}

impl Request {
    pub(crate) fn new(body: Body, scope: CallScope, streams: Option<Streams>) -> Self {
        Self { body, scope, streams }
    }

    /// The argument stream; `item` reads one.
    pub fn streaming<T: 'static, E: 'static>(&self, item: Decode<Result<T, E>>) -> Streaming<T, E> {
        let Some(Streams { connection, end, method, max_depth, evolved }) = &self.streams else {
            return Streaming::from_stream(Empty(PhantomData));
        };
        let items = ItemsIn::new(Arc::clone(connection), *end);
        let coding = ItemCoding {
            item: ItemDecode::Typed(item),
            error: |_| Err(RpcError::new(Code::Decode, "an argument stream has no outcome")),
            method: DescribedMethod::Own(method),
            guard: |method| method.streamed_guard.as_ref(),
            max_depth: *max_depth,
        };
        let evolved = evolved.as_ref().and_then(|arguments| arguments.items.clone());
        let evolved = evolved.map(|item| Box::new(EvolvedItems { item, error: None }));
        let opened = Opened { items, first: None, had: None, evolved, _sending: None, _channel: None };
        Streaming::open(opened, coding)
    }

    /// Sends what the method's stream yields, to its end; `encode` writes an item.
    ///
    /// # Errors
    /// An item that cannot be encoded, or is larger than the caller takes.
    pub async fn send_all<S: Stream>(
        &self,
        stream: S,
        mut encode: impl FnMut(&mut Encoder, S::Item),
    ) -> Result<Reply, RpcError> {
        if let Some(Streams { connection, end, .. }) = &self.streams {
            let out = ItemsOut::new(Arc::clone(connection), *end);
            let encode = |encoder: &mut Encoder, item| {
                encode(encoder, item);
                Ok(())
            };
            out.send_all(stream, encode).await.map_err(|error| error.with_executed(Executed::Yes))?;
        }
        Ok(Reply::Output(Body::default()))
    }

    /// What the handler is to see beside the arguments.
    pub(crate) fn set_metadata(&mut self, metadata: Metadata) {
        self.scope.set_metadata(metadata);
    }

    /// The arguments, in the order the trait has them.
    pub fn arguments(&self) -> Decoder<'_> {
        Decoder::new(&self.body)
    }

    /// The arguments, for a handler that owns them all: a large block of bytes is moved out of the request.
    pub fn take_arguments(&mut self) -> Decoder<'_> {
        Decoder::taking(&mut self.body)
    }

    /// What the handler may know of its call. Made only for methods that ask for it.
    pub fn context(&self) -> Context {
        self.scope.context()
    }

    /// The handler has come to its end: what follows is encoding. Contexts it gave away are not cancelled.
    pub fn answered(&self) {
        self.scope.set_answered();
    }

    /// Frees the arguments' bytes: for handlers that own their arguments.
    pub fn release(&mut self) {
        self.body = Body::default();
    }
}
