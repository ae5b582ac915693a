//! What a generated client is made of: a channel, the service it speaks, and the policy of its calls. Never
//! interprets a body; the generated code does.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::binding::Binding;
use crate::body::Body;
use crate::channel::{Channel, ChannelState};
use crate::codec::{Decoder, Encoder};
use crate::connection::{Refused, now};
use crate::context::{Context, handler_deadline};
use crate::error::{CallError, Executed, RpcError};
use crate::items::{ItemsIn, Upload};
use crate::metadata::Metadata;
use crate::proto::{Arrived, Awaits, NewCall, Outcome};
use crate::retry::Attempts;
use crate::service::{Dispatch, ServiceDescription};
use crate::streaming::{ItemCoding, Opened, Streaming};
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
}

/// What a client's calls carry beside their arguments.
struct Sent {
    metadata: Metadata,
    encoded: Result<Arc<[u8]>, RpcError>,
}

struct Inner {
    channel: Channel,
    description: &'static ServiceDescription,
    target: Target,
    /// The connection of the last call, to be used again while it can be.
    bound: Mutex<Option<Arc<Binding>>>,
}

impl Client {
    /// A client on a channel. A service that the peer does not serve shows at the first call.
    pub fn new(channel: Channel, description: &'static ServiceDescription) -> Self {
        Self::with(channel, description, Target::Service)
    }

    pub(crate) fn with(channel: Channel, description: &'static ServiceDescription, target: Target) -> Self {
        let inner = Inner { channel, description, target, bound: Mutex::default() };
        Self { inner: Arc::new(inner), timeout: None, deadline: None, metadata: None }
    }

    /// Connects and checks that the peer serves this service.
    ///
    /// # Errors
    /// As [`Channel::connect`], and `Unimplemented` where the peer serves other services only.
    pub async fn connect<Via>(
        address: impl Dial<Via>,
        description: &'static ServiceDescription,
    ) -> Result<Self, RpcError> {
        let channel = Channel::connect(address).await?;
        let client = Self::new(channel, description);
        let Inner { channel, .. } = &*client.inner;
        match client.inner.binding(None).await?.missing_service(description) {
            None => Ok(client),
            Some(error) => {
                channel.abandon(error.message());
                Err(error.with_address(channel.endpoint()))
            }
        }
    }

    /// A client of an implementation in this process. Nothing runs before the first call.
    pub fn local(service: impl Dispatch) -> Self {
        let description = service.description();
        let (channel, target) = Target::local(service);
        Self::with(channel, description, target)
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

    fn carrying(&self, entries: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut metadata = self.metadata.as_ref().map(|sent| sent.metadata.clone()).unwrap_or_default();
        entries.into_iter().for_each(|(name, value)| metadata.insert(name, value));
        let encoded = metadata.encode().map(Arc::from);
        Self { metadata: Some(Arc::new(Sent { metadata, encoded })), ..self.clone() }
    }

    /// Calls a method by its index in the trait.
    ///
    /// # Errors
    /// The method's own, or the framework's: see [`CallError`].
    pub async fn call<T, E>(
        &self,
        method: u32,
        arguments: Encoder,
        output: Decode<T>,
        error: Decode<E>,
    ) -> Result<T, CallError<E>> {
        let outcome = self.exchange(method as usize, arguments, Awaits::Reply, None).await;
        self.decoded(method, outcome, output, error)
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
    /// the peer may be given one more.
    ///
    /// # Errors
    /// Where the call could not be queued: there is no connection, the peer has no such method, or its time ran
    /// out before.
    pub async fn send(&self, method: u32, arguments: Encoder) -> Result<(), CallError> {
        match self.exchange(method as usize, arguments, Awaits::Start, None).await {
            Outcome::Failure(error) => Err(CallError::Rpc(self.placed(error, method as usize))),
            Outcome::Output(_) | Outcome::Error(_) => Ok(()),
        }
    }

    /// Calls a method that takes a stream.
    ///
    /// # Errors
    /// As [`call`](Self::call), and where an item cannot be encoded or is larger than the peer takes.
    pub async fn call_with<T, E>(
        &self,
        method: u32,
        arguments: Encoder,
        upload: Upload,
        output: Decode<T>,
        error: Decode<E>,
    ) -> Result<T, CallError<E>> {
        let outcome = self.exchange(method as usize, arguments, Awaits::Reply, Some(upload)).await;
        self.decoded(method, outcome, output, error)
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
        let description = &self.inner.description.methods()[method as usize];
        let coding = ItemCoding {
            item,
            error,
            method: &description.path,
            item_guard: description.output_guard.as_ref(),
            error_guard: description.error_guard.as_ref(),
            max_depth: self.inner.channel.options().limits.max_depth,
        };
        let client = self.clone();
        let opening = async move {
            let opened = client.open(method as usize, arguments, upload).await;
            opened.map_err(|error| error.with_address(client.inner.channel.endpoint()))
        };
        Streaming::opening(opening, coding)
    }

    async fn open(
        &self,
        method: usize,
        arguments: Encoder,
        upload: Option<Upload>,
    ) -> Result<Opened, RpcError> {
        let deadline = self.deadline(method);
        let had = deadline.map(|(_, had)| had);
        let mut attempts = Attempts::new(self.inner.channel.retry_budget(), false);
        let mut body = arguments.finish()?;
        loop {
            let (bound, mut call) = self.prepare(method, body, deadline, Awaits::Reply).await?;
            call.streams_arguments = upload.is_some();
            call.streams_results = true;
            let connection = &bound.connection;
            let (error, arguments) = match connection.start(call).await {
                Err(Refused { error, body }) => (error, body),
                Ok(key) => {
                    let end = connection.act(|session| session.caller_end(key));
                    let mut items = ItemsIn::new(Arc::clone(connection), end);
                    if let Some(upload) = upload {
                        let _sending = Some(upload.spawn(connection, end));
                        let _channel = Some(self.inner.channel.clone());
                        return Ok(Opened { items, first: None, had, _sending, _channel });
                    }
                    match items.first().await {
                        Arrived::Ended(Outcome::Failure(error), body) if error.is_retryable() => {
                            (error, body)
                        }
                        first => {
                            let (first, _channel) = (Some(first), Some(self.inner.channel.clone()));
                            return Ok(Opened { items, first, had, _sending: None, _channel });
                        }
                    }
                }
            };
            let again = attempts.failed(&error, !connection.is_usable());
            body = match (again, arguments) {
                (Some(_), Some(body)) => body,
                _ => return Err(attempts.settle(error)),
            };
        }
    }

    /// The part of a call that is the same for every method with one result.
    async fn exchange(
        &self,
        method: usize,
        arguments: Encoder,
        awaits: Awaits,
        upload: Option<Upload>,
    ) -> Outcome {
        let deadline = self.deadline(method);
        let exchange = async {
            let body = arguments.finish()?;
            let mut outcome = match upload {
                None => self.attempt(method, body, deadline, awaits).await,
                Some(upload) => {
                    let (bound, mut call) = self.prepare(method, body, deadline, awaits).await?;
                    call.streams_arguments = true;
                    Box::pin(upload.call(&bound.connection, call)).await
                }
            };
            self.inner.description.methods()[method]
                .check_outcome(&mut outcome, self.inner.channel.options().limits.max_depth)
                .map_err(|error| error.with_executed(Executed::Yes))?;
            Ok(outcome)
        };
        match exchange.await.unwrap_or_else(Outcome::Failure) {
            Outcome::Failure(error) => Outcome::Failure(error.with_time(deadline.map(|(_, left)| left))),
            outcome => outcome,
        }
    }

    /// Makes a call, and again where that is safe and likely to help. What is rarely needed is kept in boxes: a future
    /// that holds it all would be moved with every call.
    async fn attempt(
        &self,
        method: usize,
        body: Body,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Outcome {
        let Inner { channel, description, .. } = &*self.inner;
        let mut attempts = Attempts::new(channel.retry_budget(), description.methods()[method].idempotent);
        let mut arguments = Some(body);
        loop {
            let bound = match self.inner.bound_now() {
                Some(bound) => Ok(bound),
                None => Box::pin(self.inner.binding(deadline)).await,
            };
            let mut moves = false;
            let error = match bound {
                Err(error) => error,
                Ok(bound) => {
                    let mut call = match self.new_call(&bound, method, deadline, awaits) {
                        Some(Ok(call)) => call,
                        Some(Err(error)) => return Outcome::Failure(error),
                        None => {
                            return Outcome::Failure(Box::pin(self.refusal(&bound, method, deadline)).await);
                        }
                    };
                    call.body = arguments.take().unwrap_or_default();
                    let answer = bound.connection.call(call).await;
                    let Outcome::Failure(error) = answer.outcome else {
                        attempts.succeeded();
                        return answer.outcome;
                    };
                    moves = !bound.connection.is_usable();
                    arguments = answer.body;
                    error
                }
            };
            let is_closed = || channel.state() == ChannelState::Closed;
            let again = attempts.failed(&error, moves).filter(|_| arguments.is_some() && !is_closed());
            match again {
                Some(wait) if deadline.is_none_or(|(at, _)| now() + wait < at) => {
                    Box::pin(tokio::time::sleep(wait)).await;
                }
                _ => return Outcome::Failure(attempts.settle(error)),
            }
        }
    }

    /// A call that can be made, and the connection for it.
    async fn prepare(
        &self,
        method: usize,
        body: Body,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Result<(Arc<Binding>, NewCall), RpcError> {
        let bound = match self.inner.bound_now() {
            Some(bound) => bound,
            None => self.inner.binding(deadline).await?,
        };
        match self.new_call(&bound, method, deadline, awaits) {
            Some(call) => {
                let call = NewCall { body, ..call? };
                Ok((bound, call))
            }
            None => Err(self.refusal(&bound, method, deadline).await),
        }
    }

    /// A call that can be made, but for its arguments; `None` if the peer has no such method.
    fn new_call(
        &self,
        bound: &Binding,
        method: usize,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Option<Result<NewCall, RpcError>> {
        let number = bound.number(method)?;
        let metadata = match &self.metadata {
            Some(sent) => sent.encoded.clone(),
            None => Ok(Arc::default()),
        };
        let object = self.inner.target.object();
        Some(metadata.map(|metadata| NewCall {
            deadline,
            metadata,
            awaits,
            object,
            ..NewCall::new(number, Body::default())
        }))
    }

    async fn refusal(
        &self,
        bound: &Binding,
        method: usize,
        deadline: Option<(Instant, Duration)>,
    ) -> RpcError {
        let Inner { channel, description, .. } = &*self.inner;
        bound.refusal(description, method, channel.options().limits.max_depth, deadline).await
    }

    /// When the time of a call that is made now is up, and how much that is.
    fn deadline(&self, method: usize) -> Option<(Instant, Duration)> {
        let own = self.inner.description.methods().get(method).and_then(|method| method.attributes.timeout);
        deadline(self.timeout.or(own).or(self.inner.channel.options().timeout), self.deadline)
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

/// When a call's time is up, and how much of it is left: `timeout` from now, at `latest`, or with the handler that
/// makes the call, whichever is soonest. A deadline the clock cannot say is none.
fn deadline(timeout: Option<Duration>, latest: Option<Instant>) -> Option<(Instant, Duration)> {
    let inherited = handler_deadline().into_iter().chain(latest).min();
    if timeout.is_none() && inherited.is_none() {
        return None;
    }
    let now = now();
    let own = timeout.and_then(|left| now.checked_add(left));
    let at = own.into_iter().chain(inherited).min()?;
    Some((at, at.saturating_duration_since(now)))
}

fn decode<T>(body: &mut Body, value: Decode<T>) -> Result<T, RpcError> {
    let mut decoder = Decoder::taking(body);
    let decoded = value(&mut decoder).and_then(|value| decoder.finish().map(|()| value));
    decoded.map_err(|error| error.with_executed(Executed::Yes))
}

impl Inner {
    /// The connection of the last call, while it takes further ones.
    fn bound_now(&self) -> Option<Arc<Binding>> {
        self.bound().as_ref().filter(|bound| bound.connection.is_usable()).cloned()
    }

    /// A connection that takes calls, and what the methods are there.
    async fn binding(&self, deadline: Option<(Instant, Duration)>) -> Result<Arc<Binding>, RpcError> {
        let connection = self.channel.connection(deadline.map(|(at, _)| at)).await?;
        let bound = match &self.target {
            Target::Remote(object) => {
                let max_depth = self.channel.options().limits.max_depth;
                Binding::of_object(connection, self.description, object, max_depth, deadline).await?
            }
            Target::Service | Target::Local(_) => Binding::new(connection, self.description),
        };
        let bound = Arc::new(bound);
        *self.bound() = Some(Arc::clone(&bound));
        Ok(bound)
    }

    fn bound(&self) -> MutexGuard<'_, Option<Arc<Binding>>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
