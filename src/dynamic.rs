//! Services as JSON, for programs that have no trait of them: tools, gateways, scripts. The peer says what its types
//! are; [`idl::json`](crate::idl::json) says how their values look. Never faster than a generated client.
//!
//! ```
//! use traitwire::dynamic::{JsonClient, Value};
//! use traitwire::{Server, ipc_service};
//!
//! #[ipc_service]
//! trait Calculator {
//!     async fn add(&self, a: i64, b: i64) -> i64;
//! }
//!
//! struct Abacus;
//!
//! impl Calculator for Abacus {
//!     async fn add(&self, a: i64, b: i64) -> i64 {
//!         a + b
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().service(CalculatorServer::new(Abacus)).bind("mem:dynamic").await?;
//! let handle = server.spawn();
//!
//! // Nothing below knows the trait.
//! let client = JsonClient::connect("mem:dynamic", "Calculator").await?;
//! let sum = client.call("add", &Value::from_iter([("a", 2), ("b", 3)]), None).await?;
//! assert_eq!(sum, 5);
//! # handle.shutdown(std::time::Duration::from_secs(5)).await?;
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pub use traitwire_core::dynamic::{DynamicClient, EncodedItems, ServedMethod, ServedService};
pub use traitwire_idl::json::{JsonCodec, JsonError, JsonErrorKind, JsonLimits, Value};

use crate::idl::{Argument, Interface, Method};
use crate::{CallError, Channel, Code, Dial, Executed, Priority, RpcError, Stream, Streaming};

/// A client of any service, which takes and gives JSON. Cheap to clone; all clones share one connection.
#[derive(Debug, Clone)]
pub struct JsonClient {
    client: DynamicClient,
    limits: JsonLimits,
}

/// The items of a method's argument stream; the call ends with the first error.
pub type JsonItems = Pin<Box<dyn Stream<Item = Result<Value, RpcError>> + Send>>;

impl JsonClient {
    /// Connects, and asks for the service's schema.
    ///
    /// # Errors
    /// As [`Channel::connect`], and `Unimplemented` where the peer does not serve the service.
    pub async fn connect<Via>(address: impl Dial<Via>, service: &str) -> Result<Self, RpcError> {
        Self::new(Channel::connect(address).await?, service).await
    }

    /// Asks the peer of a channel for the service's schema.
    ///
    /// # Errors
    /// `Unimplemented` where the peer does not serve the service, and as for a call.
    pub async fn new(channel: Channel, service: &str) -> Result<Self, RpcError> {
        Ok(Self { client: DynamicClient::new(channel, service).await?, limits: JsonLimits::default() })
    }

    /// What the service is, as the peer has said it.
    pub fn interface(&self) -> &Interface {
        self.client.interface()
    }

    /// The connection, shared with all clones.
    pub fn channel(&self) -> &Channel {
        self.client.channel()
    }

    /// The client that takes and gives encoded values.
    pub fn encoded(&self) -> &DynamicClient {
        &self.client
    }

    /// A client whose calls have this long each.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        self.with(self.client.with_timeout(timeout))
    }

    /// A client whose calls have this priority.
    pub fn with_priority(&self, priority: Priority) -> Self {
        self.with(self.client.with_priority(priority))
    }

    /// A client whose calls carry this too beside their arguments.
    pub fn with_metadata(&self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.with(self.client.with_metadata(name, value))
    }

    /// A client whose arguments, results, errors and items keep to these limits, each by itself.
    pub fn with_limits(&self, limits: JsonLimits) -> Self {
        Self { client: self.client.clone(), limits }
    }

    fn with(&self, client: DynamicClient) -> Self {
        Self { client, limits: self.limits }
    }

    fn codec(&self) -> JsonCodec<'_> {
        JsonCodec::new(&self.interface().types).with_limits(self.limits)
    }

    /// Calls a method that gives one value. The arguments are an object by their names or an array in their order,
    /// without the one that is a stream, whose items are `items`, which no other method has. A oneway method gives `null` at once.
    ///
    /// # Errors
    /// The method's own error, or the framework's: `InvalidArgument` for arguments that are not of their types
    /// and for a method that gives a stream, `Unimplemented` for a method that the service does not have, `TooLarge` for a result beyond
    /// [`max_size`](JsonLimits::max_size), and as for every call.
    pub async fn call(
        &self,
        method: &str,
        arguments: &Value,
        items: Option<JsonItems>,
    ) -> Result<Value, CallError<Value>> {
        let (model, _) = self.find(method)?;
        if model.stream {
            return Err(self.misused(model, "it gives a stream", "call it by `stream`").into());
        }
        let (encoded, items) = self.encode(method, arguments, items)?;
        let answer = self.client.call(method, &encoded, items).await;
        let codec = self.codec();
        match answer {
            Ok(_) if model.oneway => Ok(Value::Null),
            Ok(bytes) => {
                codec.decode(&model.output, &bytes).map_err(|error| self.unreadable(model, &error).into())
            }
            Err(CallError::Rpc(error)) => Err(CallError::Rpc(error)),
            Err(CallError::Service(bytes)) => Err(self.own_error(model, &bytes)),
        }
    }

    /// Calls a method that gives a stream, when its first item is asked for. Arguments as for [`call`](Self::call).
    ///
    /// # Errors
    /// Before anything is sent, as [`call`](Self::call). Later errors are the stream's last item.
    pub fn stream(
        &self,
        method: &str,
        arguments: &Value,
        items: Option<JsonItems>,
    ) -> Result<Streaming<Value, Value>, RpcError> {
        let (model, index) = self.find(method)?;
        if !model.stream {
            return Err(self.misused(model, "it gives no stream", "call it by `call`"));
        }
        let (encoded, items) = self.encode(method, arguments, items)?;
        let client = self.clone();
        let read = move |bytes: &[u8]| {
            let read = client.codec().decode_first(&client.interface().methods[index].output, bytes);
            read.map_err(|error| RpcError::new(code(&error), error.to_string()))
        };
        let inner = self.client.stream(method, &encoded, items, read)?;
        Ok(Streaming::from_stream(JsonStream { inner, client: self.clone(), index }))
    }

    /// Arguments and items as they travel.
    fn encode(
        &self,
        method: &str,
        arguments: &Value,
        items: Option<JsonItems>,
    ) -> Result<(Vec<u8>, Option<EncodedItems>), RpcError> {
        let (model, index) = self.find(method)?;
        match (model.arguments.iter().find(|argument| argument.stream), &items) {
            (Some(argument), None) => {
                let help = format!("give `items`, those of {}", argument.name);
                return Err(self.misused(model, "it takes a stream", &help));
            }
            (None, Some(_)) => return Err(self.misused(model, "it takes no stream", "give no `items`")),
            _ => {}
        }
        let encoded = self.codec().encode_arguments(model, arguments);
        let encoded = encoded.map_err(|error| self.refused(model, &error))?;
        let items = items.map(|items| -> EncodedItems {
            Box::pin(EncodeItems { items, client: self.clone(), index, count: 0 })
        });
        Ok((encoded, items))
    }

    fn find(&self, method: &str) -> Result<(&Method, usize), RpcError> {
        let index = self.client.find(method)?;
        Ok((&self.interface().methods[index], index))
    }

    fn own_error(&self, method: &Method, bytes: &[u8]) -> CallError<Value> {
        let Some(ty) = &method.error else {
            let message = "the peer returned an error for a method that declares none";
            let error = RpcError::new(Code::Decode, message).with_executed(Executed::Yes);
            return CallError::Rpc(self.placed(method, error));
        };
        match self.codec().decode(ty, bytes) {
            Ok(value) => CallError::Service(value),
            Err(error) => CallError::Rpc(self.unreadable(method, &error)),
        }
    }

    /// A call is not of the method's kind: nothing was sent.
    fn misused(&self, method: &Method, what: &str, help: &str) -> RpcError {
        let message = format!("it was called as another kind of method: {what}; {help}");
        self.placed(method, RpcError::new(Code::InvalidArgument, message))
    }

    /// Arguments are not of their types: nothing was sent.
    fn refused(&self, method: &Method, error: &JsonError) -> RpcError {
        self.placed(method, RpcError::new(Code::InvalidArgument, error.to_string()))
    }

    /// What came is not of its type.
    fn unreadable(&self, method: &Method, error: &JsonError) -> RpcError {
        let error = RpcError::new(code(error), error.to_string()).with_executed(Executed::Yes);
        self.placed(method, error)
    }

    fn placed(&self, method: &Method, error: RpcError) -> RpcError {
        let path = format_args!("{}.{}", self.interface().name, method.name);
        error.with_address(self.channel().endpoint()).with_method(path)
    }
}

/// Bytes that are more than this side takes as JSON are not the peer's fault.
fn code(error: &JsonError) -> Code {
    match error.kind() {
        JsonErrorKind::TooLarge { .. } => Code::TooLarge,
        _ => Code::Decode,
    }
}

/// A result stream, its error as JSON too.
struct JsonStream {
    inner: Streaming<Value, Vec<u8>>,
    client: JsonClient,
    index: usize,
}

impl Stream for JsonStream {
    type Item = Result<Value, CallError<Value>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(Pin::new(&mut self.inner).poll_next(cx));
        let method = &self.client.interface().methods[self.index];
        Poll::Ready(item.map(|item| match item {
            Ok(value) => Ok(value),
            Err(CallError::Service(bytes)) => Err(self.client.own_error(method, &bytes)),
            Err(CallError::Rpc(error)) => Err(CallError::Rpc(error)),
        }))
    }
}

/// An argument stream on its way to bytes.
struct EncodeItems {
    items: JsonItems,
    client: JsonClient,
    index: usize,
    count: usize,
}

impl Stream for EncodeItems {
    type Item = Result<Vec<u8>, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.items.as_mut().poll_next(cx));
        let Some(item) = item else { return Poll::Ready(None) };
        self.count += 1;
        let interface = self.client.interface();
        let is_stream = |argument: &&Argument| argument.stream;
        let argument = interface.methods[self.index].arguments.iter().find(is_stream);
        Poll::Ready(argument.map(|argument| {
            let encoded = self.client.codec().encode(&argument.ty, &item?);
            encoded.map_err(|error| {
                let message = format!("item {} of {}: {error}", self.count, argument.name);
                RpcError::new(Code::InvalidArgument, message)
            })
        }))
    }
}
