//! What a generated client is made of: a channel, the service it speaks, and which of the peer's methods are
//! its own. Never interprets a body; the generated code does.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::channel::Channel;
use crate::codec::{Decoder, Encoder};
use crate::connection::{Closing, Connection, now};
use crate::context::handler_deadline;
use crate::error::{CallError, Code, Executed, RpcError};
use crate::in_process::InProcess;
use crate::items::{ItemsIn, Upload};
use crate::metadata::Metadata;
use crate::proto::hello::Hello;
use crate::proto::{Awaits, NewCall, Outcome};
use crate::reflection;
use crate::service::{Dispatch, ServiceDescription};
use crate::streaming::{ItemCoding, Opened, Streaming};
use crate::transport::Dial;

/// Reads one value of a body; generated code gives one for each method.
pub type Decode<T> = for<'de> fn(&mut Decoder<'de>) -> Result<T, RpcError>;

/// A client of one service. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    timeout: Option<Duration>,
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
    bound: OnceLock<Vec<Bound>>,
}

/// What a method of the trait is on the peer.
#[derive(Clone, Copy)]
enum Bound {
    /// The same, under this number.
    Number(u32),
    /// Of another signature.
    Differs,
    /// Unknown.
    Missing,
}

impl Client {
    /// A client on a channel. A service that the peer does not serve shows at the first call.
    pub fn new(channel: Channel, description: &'static ServiceDescription) -> Self {
        let inner = Inner { channel, description, bound: OnceLock::new() };
        Self { inner: Arc::new(inner), timeout: None, metadata: None }
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
        let connection = client.inner.channel.connection().await?;
        if let Some(hello) = connection.hello()
            && !hello.services.iter().any(|service| service.name == description.name())
        {
            let error = not_served(description, hello).with_address(client.inner.channel.endpoint());
            connection.close(Closing::Flushed, error.message());
            return Err(error);
        }
        Ok(client)
    }

    /// A client of an implementation in this process. Nothing runs before the first call.
    pub fn local(service: impl Dispatch) -> Self {
        let description = service.description();
        Self::new(Channel::lazy(InProcess::new(service)), description)
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
        let mut metadata = self.metadata.as_ref().map(|sent| sent.metadata.clone()).unwrap_or_default();
        metadata.insert(name.into(), value.into());
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
        let (connection, mut call) = self.prepare(method, arguments, deadline, Awaits::Reply).await?;
        call.streams_arguments = upload.is_some();
        call.streams_results = true;
        let key = connection.start(call).await?;
        let end = connection.act(|session| session.caller_end(key));
        let items = ItemsIn::new(Arc::clone(connection), end);
        let _sending = upload.map(|upload| upload.spawn(connection, end));
        Ok(Opened { items, had: deadline.map(|(_, had)| had), _sending })
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
            let (connection, mut call) = self.prepare(method, arguments, deadline, awaits).await?;
            let mut outcome = match upload {
                None => connection.call(call).await,
                Some(upload) => {
                    call.streams_arguments = true;
                    Box::pin(upload.call(connection, call)).await
                }
            };
            self.inner.description.methods()[method]
                .check_outcome(&mut outcome, self.inner.channel.options().limits.max_depth)
                .map_err(|error| error.with_executed(Executed::Yes))?;
            Ok(outcome)
        };
        match exchange.await.unwrap_or_else(Outcome::Failure) {
            Outcome::Failure(error) if error.code() == Code::DeadlineExceeded => {
                let had = deadline.map_or(Duration::ZERO, |(_, left)| left);
                Outcome::Failure(error.with_note(format_args!("it had {}", humantime::format_duration(had))))
            }
            outcome => outcome,
        }
    }

    /// A call that can be made, and the connection for it.
    async fn prepare(
        &self,
        method: usize,
        arguments: Encoder,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Result<(&Arc<Connection>, NewCall), RpcError> {
        let inner = &*self.inner;
        let body = arguments.finish()?;
        let metadata = match &self.metadata {
            Some(sent) => sent.encoded.clone()?,
            None => Arc::default(),
        };
        let connection = inner.channel.connection().await?;
        let number = match inner.bound(connection).get(method) {
            Some(Bound::Number(number)) => *number,
            bound => return Err(inner.refusal(connection, bound.copied(), method, deadline).await),
        };
        Ok((connection, NewCall { deadline, metadata, awaits, ..NewCall::new(number, body) }))
    }

    /// When the time of a call that is made now is up, and how much that is.
    fn deadline(&self, method: usize) -> Option<(Instant, Duration)> {
        let own = self.inner.description.methods().get(method).and_then(|method| method.attributes.timeout);
        deadline(self.timeout.or(own).or(self.inner.channel.options().timeout))
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

/// When a call's time is up, and how much of it is left: `timeout` from now, or with the handler that makes the
/// call, whichever is sooner. A deadline the clock cannot say is none.
fn deadline(timeout: Option<Duration>) -> Option<(Instant, Duration)> {
    let inherited = handler_deadline();
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
    fn bound(&self, connection: &Connection) -> &[Bound] {
        if let Some(bound) = self.bound.get() {
            return bound;
        }
        match connection.hello() {
            Some(hello) => self.bound.get_or_init(|| bind(self.description, hello)),
            None => &[],
        }
    }

    #[cold]
    async fn refusal(
        &self,
        connection: &Connection,
        bound: Option<Bound>,
        method: usize,
        deadline: Option<(Instant, Duration)>,
    ) -> RpcError {
        let Some(hello) = connection.hello() else {
            return RpcError::new(Code::Unavailable, "the peer has not said hello");
        };
        match bound {
            Some(Bound::Differs) => {
                let max_depth = self.channel.options().limits.max_depth;
                reflection::explain_mismatch(connection, self.description, method, max_depth, deadline).await
            }
            _ if hello.services.iter().any(|service| service.name == self.description.name()) => {
                let name = &self.description.interface().methods[method].name;
                RpcError::new(
                    Code::Unimplemented,
                    format!("the peer's {} has no method {name}", self.description.name()),
                )
            }
            _ => not_served(self.description, hello),
        }
    }
}

fn bind(description: &ServiceDescription, hello: &Hello) -> Vec<Bound> {
    let mut number = 0;
    let mut served = None;
    for service in &hello.services {
        if service.name == description.name() && served.is_none() {
            served = Some((number, &service.methods));
        }
        number += service.methods.len() as u32;
    }
    let models = &description.interface().methods;
    let methods = description.methods().iter().zip(models).map(|(method, model)| {
        let (first, methods) = served?;
        let at = methods.iter().position(|candidate| candidate.name == model.name)?;
        let same = methods[at].fingerprint == method.fingerprint;
        Some(if same { Bound::Number(first + at as u32) } else { Bound::Differs })
    });
    methods.map(|bound| bound.unwrap_or(Bound::Missing)).collect()
}

fn not_served(description: &ServiceDescription, hello: &Hello) -> RpcError {
    let served: Vec<_> = hello.services.iter().map(|service| service.name.as_str()).collect();
    let served = if served.is_empty() { "nothing".to_owned() } else { served.join(", ") };
    RpcError::new(
        Code::Unimplemented,
        format!("the peer does not serve {}; it serves {served}", description.name()),
    )
}

impl PartialEq for Client {
    /// Whether both call the same service over the same connection.
    fn eq(&self, other: &Self) -> bool {
        self.inner.channel.same(&other.inner.channel)
            && self.inner.description.name() == other.inner.description.name()
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
