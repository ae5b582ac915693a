//! What a generated client is made of: a channel, the service it speaks, and the policy of its calls. Never
//! interprets a body; the generated code does.

mod call;
mod calling;
mod performing;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub use self::call::Call;
use crate::binding::Binding;
use crate::body::Body;
use crate::channel::Channel;
use crate::codec::{Decoder, Encoder};
use crate::connection::now;
use crate::context::Context;
use crate::described::Described;
use crate::error::{CallError, Executed, RpcError};
use crate::items::Upload;
use crate::metadata::Metadata;
use crate::options::Options;
use crate::priority::Priority;
use crate::proto::{Awaits, Outcome};
use crate::service::{Dispatch, ServiceDescription};
use crate::streaming::{ItemCoding, ItemDecode, ReadItem, Streaming};
use crate::target::Target;
use crate::transport::Dial;

/// Reads one value of a body; generated code gives one for each method.
pub type Decode<T> = for<'de> fn(&mut Decoder<'de>) -> Result<T, RpcError>;

/// A client of one service. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    timeout: Option<Duration>,
    /// When the calls end, whatever time they have.
    deadline: Option<Instant>,
    metadata: Option<Arc<Sent>>,
    /// Before that of each method.
    priority: Option<Priority>,
}

/// What a client's calls carry beside their arguments.
struct Sent {
    metadata: Metadata,
    encoded: Result<Arc<[u8]>, RpcError>,
}

struct Inner {
    channel: Channel,
    description: Described,
    target: Target,
    /// The connection of the last call, to be used again while it can be.
    bound: Mutex<Option<Arc<Binding>>>,
}

impl Client {
    /// A client on a channel. A service that the peer does not serve shows at the first call.
    pub fn new(channel: Channel, description: &'static ServiceDescription) -> Self {
        Self::with(channel, Described::Own(description), Target::Service)
    }

    pub(crate) fn with(channel: Channel, description: Described, target: Target) -> Self {
        let inner = Inner { channel, description, target, bound: Mutex::default() };
        Self { inner: Arc::new(inner), timeout: None, deadline: None, metadata: None, priority: None }
    }

    /// Connects and checks that the peer serves this service. Where it serves another version, that is asked for at
    /// once; methods that cannot be called then fail without asking.
    ///
    /// # Errors
    /// As [`Channel::connect`]; `Unimplemented` where the peer serves other services only; `SchemaMismatch` where no
    /// method can be called.
    pub async fn connect<Via>(
        address: impl Dial<Via>,
        description: &'static ServiceDescription,
    ) -> Result<Self, RpcError> {
        let channel = Channel::connect(address).await?;
        let client = Self::new(channel, description);
        let Inner { channel, .. } = &*client.inner;
        let bound = client.inner.binding(None).await?;
        let refused = match bound.missing_service(description) {
            Some(error) => Err(error),
            None => {
                let Options { limits, connect_timeout, .. } = channel.options();
                let deadline = now().checked_add(*connect_timeout).map(|at| (at, *connect_timeout));
                bound.negotiate(&client.inner.description, limits.max_depth, deadline).await
            }
        };
        match refused {
            Ok(()) => Ok(client),
            Err(error) => {
                channel.abandon(error.message());
                Err(error.with_address(channel.endpoint()))
            }
        }
    }

    /// A client of an implementation in this process. Nothing runs before the first call.
    pub fn local(service: impl Dispatch) -> Self {
        let description = service.description();
        let (channel, target) = Target::local(service);
        Self::with(channel, Described::Own(description), target)
    }

    pub(crate) fn description(&self) -> &Described {
        &self.inner.description
    }

    pub(crate) fn target(&self) -> &Target {
        &self.inner.target
    }

    /// The connection, shared with all clones.
    pub fn channel(&self) -> &Channel {
        &self.inner.channel
    }

    /// A client of the same connection whose calls have this long each. Zero fails them unsent; times beyond
    /// what the clock can say mean no deadline.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self.clone() }
    }

    /// A client of the same connection whose calls have this priority, whatever their methods have.
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { priority: Some(priority), ..self.clone() }
    }

    /// A client of the same connection whose calls carry this too beside their arguments, in place of what was
    /// under the same name. Above 8 KiB together its calls fail unsent, as `TooLarge`.
    pub fn with_metadata(&self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.carrying([(name.into(), value.into())])
    }

    /// A client of the same connection whose calls are part of another one: they end with it at the latest, and
    /// carry its metadata too, in place of what was under the same names.
    pub fn within(&self, context: &Context) -> Self {
        let deadline = self.deadline.into_iter().chain(context.deadline()).min();
        let metadata = context.metadata();
        let client = match metadata.is_empty() {
            true => self.clone(),
            false => self.carrying(metadata.iter().map(|(name, value)| (name.to_owned(), value.to_owned()))),
        };
        Self { deadline, ..client }
    }

    /// A client of the same connection whose calls carry this and nothing else.
    pub(crate) fn carrying_only(&self, metadata: Metadata) -> Self {
        let metadata = (!metadata.is_empty()).then(|| {
            let encoded = metadata.encode().map(Arc::from);
            Arc::new(Sent { metadata, encoded })
        });
        Self { metadata, ..self.clone() }
    }

    fn carrying(&self, entries: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut metadata = self.metadata.as_ref().map(|sent| sent.metadata.clone()).unwrap_or_default();
        entries.into_iter().for_each(|(name, value)| metadata.insert(name, value));
        let encoded = metadata.encode().map(Arc::from);
        Self { metadata: Some(Arc::new(Sent { metadata, encoded })), ..self.clone() }
    }

    /// Calls a method by its index in the trait.
    pub fn call<T, E>(
        &self,
        method: u32,
        arguments: Encoder,
        output: Decode<T>,
        error: Decode<E>,
    ) -> Call<'_, T, E> {
        Call::new(self, method, (arguments, Awaits::Reply, None), (output, error))
    }

    fn decoded<T, E>(
        &self,
        method: u32,
        mut outcome: Outcome,
        output: Decode<T>,
        error: Decode<E>,
    ) -> Result<T, CallError<E>> {
        let decoded = match &mut outcome {
            Outcome::Output(body) => decode(body, output).map(Ok),
            Outcome::Error(body) => decode(body, error).map(Err),
            Outcome::Failure(error) => Err(error.clone()),
        };
        match decoded {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(CallError::Service(error)),
            Err(error) => Err(CallError::Rpc(self.placed(error, method as usize))),
        }
    }

    /// Calls a method without waiting for its outcome: returns as soon as the call is queued, which takes until
    /// the peer may be given one more. Fails where it could not be queued: there is no connection, the peer has no
    /// such method, or its time ran out before.
    pub fn send(&self, method: u32, arguments: Encoder) -> Call<'_, ()> {
        Call::new(self, method, (arguments, Awaits::Start, None), (|_| Ok(()), |decoder| decoder.never()))
    }

    /// Calls a method that takes a stream. Fails also where an item cannot be encoded or is larger than the peer
    /// takes.
    pub fn call_with<T, E>(
        &self,
        method: u32,
        arguments: Encoder,
        upload: Upload,
        output: Decode<T>,
        error: Decode<E>,
    ) -> Call<'_, T, E> {
        Call::new(self, method, (arguments, Awaits::Reply, Some(upload)), (output, error))
    }

    /// Calls a method that returns a stream, when its first item is asked for.
    pub fn stream<T: 'static, E: 'static>(
        &self,
        method: u32,
        arguments: Encoder,
        upload: Option<Upload>,
        item: Decode<Result<T, E>>,
        error: Decode<E>,
    ) -> Streaming<T, E> {
        self.stream_of(method as usize, arguments, upload, ItemDecode::Typed(item), error)
    }

    /// Calls a method that returns a stream, whose items the caller reads from their bytes.
    pub(crate) fn encoded_stream<T: 'static>(
        &self,
        method: usize,
        arguments: Encoder,
        upload: Option<Upload>,
        item: ReadItem<T>,
    ) -> Streaming<T, Vec<u8>> {
        self.stream_of(method, arguments, upload, ItemDecode::Encoded(item), |body| body.rest())
    }

    fn stream_of<T: 'static, E: 'static>(
        &self,
        method: usize,
        arguments: Encoder,
        upload: Option<Upload>,
        item: ItemDecode<T, E>,
        error: Decode<E>,
    ) -> Streaming<T, E> {
        let coding = ItemCoding {
            item,
            error,
            method: self.inner.description.method(method),
            guard: |method| method.output_guard.as_ref(),
            max_depth: self.inner.channel.options().limits.max_depth,
        };
        let client = self.clone();
        let opening = async move {
            let opened = client.begin(method, arguments, upload).await;
            opened.map_err(|error| error.with_address(client.inner.channel.endpoint()))
        };
        Streaming::opening(opening, coding)
    }

    #[cold]
    fn placed(&self, error: RpcError, method: usize) -> RpcError {
        let error = error.with_address(self.inner.channel.endpoint());
        match self.inner.description.methods().get(method) {
            Some(description) => error.with_method(&description.path),
            None => error,
        }
    }
}

fn decode<T>(body: &mut Body, value: Decode<T>) -> Result<T, RpcError> {
    let mut decoder = Decoder::taking(body);
    let decoded = value(&mut decoder).and_then(|value| decoder.finish().map(|()| value));
    decoded.map_err(|error| error.with_executed(Executed::Yes))
}

impl PartialEq for Client {
    /// Whether both call the same service of the same peer, or the same object.
    fn eq(&self, other: &Self) -> bool {
        if self.inner.description.name() != other.inner.description.name() {
            return false;
        }
        match (self.target(), other.target()) {
            (Target::Remote(ours), Target::Remote(theirs)) => ours.same(theirs),
            (Target::Remote(_), _) | (_, Target::Remote(_)) => false,
            // What is local has a channel of its own.
            _ => self.inner.channel.same(&other.inner.channel),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.inner.description.name())
            .field("endpoint", &format_args!("{}", self.inner.channel.endpoint()))
            .field("timeout", &self.timeout)
            .finish()
    }
}
