//! Calls of services that a program has no trait of: the peer says what it serves and what its types are, arguments
//! and results are encoded bytes. Never reads or makes a value.

use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use traitwire_idl::Interface;

use crate::channel::Channel;
use crate::client::Client;
use crate::codec::Encoder;
use crate::connection::now;
use crate::described::Described;
use crate::error::{CallError, Code, RpcError};
use crate::items::Upload;
use crate::priority::Priority;
pub use crate::proto::hello::{ServedMethod, ServedService};
use crate::reflection;
use crate::service::ServiceDescription;
use crate::streaming::Streaming;
use crate::target::Target;

impl Channel {
    /// What the peer serves, as it says in its hello. Connects if there is no connection.
    ///
    /// # Errors
    /// As for a call: `Unavailable` where there is no peer.
    pub async fn services(&self) -> Result<Vec<ServedService>, RpcError> {
        let connection = self.connection(None).await?;
        match connection.hello() {
            Some(hello) => Ok(hello.services.clone()),
            None => Err(RpcError::new(Code::Unavailable, "the peer has not said hello")),
        }
    }
}

/// A client of any service, known by the schema that its peer gives. Cheap to clone; all clones share one connection.
///
/// Methods are called by name. Arguments, results, errors and items are bytes as they travel: what a schema says of
/// them is for a layer above, such as the façade's `dynamic`. Bodies are not checked before they are handed out.
///
/// Policy is as for generated clients: deadlines, metadata, priorities, layers, traces, and calls that are made again
/// where that is safe. The peer's schema does not tell a method's own timeout and priority.
#[derive(Debug, Clone)]
pub struct DynamicClient {
    client: Client,
    description: Arc<ServiceDescription>,
}

/// The items of a method's argument stream, encoded; the call ends with the first error.
pub type EncodedItems = std::pin::Pin<Box<dyn Stream<Item = Result<Vec<u8>, RpcError>> + Send>>;

impl DynamicClient {
    /// Asks the peer for a service's schema; the address's `timeout` bounds it.
    ///
    /// # Errors
    /// `Unimplemented` where the peer does not serve it, `Decode` for a schema that cannot be read, and as for a call.
    pub async fn new(channel: Channel, service: &str) -> Result<Self, RpcError> {
        let fetched = async {
            let time = channel.options().timeout;
            let deadline = time.and_then(|time| now().checked_add(time).map(|at| (at, time)));
            let connection = channel.connection(deadline.map(|(at, _)| at)).await?;
            let hello = connection.hello().map(|hello| hello.services.as_slice()).unwrap_or_default();
            let Some(served) = hello.iter().find(|served| served.name == service) else {
                return Err(not_served(service, hello));
            };
            let max_depth = channel.options().limits.max_depth;
            let interface = reflection::fetch(&connection, service, max_depth, deadline).await?;
            if interface.name != service {
                return Err(RpcError::new(Code::Decode, "the peer gave the schema of another service"));
            }
            Ok(ServiceDescription::fetched(interface, served))
        };
        let fetched = fetched.await.map_err(|error| error.with_address(channel.endpoint()))?;
        let description = Arc::new(fetched);
        let client = Client::with(channel, Described::Fetched(Arc::clone(&description)), Target::Service);
        Ok(Self { client, description })
    }

    /// What the service is, as the peer has said it. It was read safely; that it makes sense is for whoever follows
    /// it to see.
    pub fn interface(&self) -> &Interface {
        self.description.interface()
    }

    /// The connection, shared with all clones.
    pub fn channel(&self) -> &Channel {
        self.client.channel()
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

    fn with(&self, client: Client) -> Self {
        Self { client, description: Arc::clone(&self.description) }
    }

    /// Calls a method that gives one value. A method that takes a stream gets `items`, for others there are none. Of a
    /// oneway method the call is queued and nothing is awaited.
    ///
    /// # Errors
    /// The method's own error, encoded, or the framework's: see [`CallError`]. `Unimplemented` for a name that the
    /// service does not have, `InvalidArgument` for a method that gives a stream.
    pub async fn call(
        &self,
        method: &str,
        arguments: &[u8],
        items: Option<EncodedItems>,
    ) -> Result<Vec<u8>, CallError<Vec<u8>>> {
        let index = self.find(method)?;
        let method = &self.interface().methods[index];
        if method.stream {
            return Err(self.misused(index, "it gives a stream").into());
        }
        let (encoder, upload) = (Encoder::encoded(arguments), self.upload(index, items)?);
        let index = index as u32;
        match (upload, method.oneway) {
            // What is rarely needed is in boxes, as in `client/calling.rs`.
            (None, true) => match Box::pin(self.client.send(index, encoder)).await {
                Ok(()) => Ok(Vec::new()),
                Err(error) => Err(CallError::Rpc(error.into())),
            },
            (None, false) => self.client.call(index, encoder, |body| body.rest(), |body| body.rest()).await,
            (Some(upload), _) => {
                let call =
                    self.client.call_with(index, encoder, upload, |body| body.rest(), |body| body.rest());
                Box::pin(call).await
            }
        }
    }

    /// Calls a method that gives a stream, when its first item is asked for. `item` reads the item with which its
    /// bytes begin, and says how many they are.
    ///
    /// # Errors
    /// Before anything is sent: as [`call`](Self::call), with `InvalidArgument` for a method that gives no stream.
    /// Later errors are the stream's last item.
    pub fn stream<T, F>(
        &self,
        method: &str,
        arguments: &[u8],
        items: Option<EncodedItems>,
        item: F,
    ) -> Result<Streaming<T, Vec<u8>>, RpcError>
    where
        T: Send + 'static,
        F: FnMut(&[u8]) -> Result<(T, usize), RpcError> + Send + 'static,
    {
        let index = self.find(method)?;
        if !self.interface().methods[index].stream {
            return Err(self.misused(index, "it gives no stream"));
        }
        let upload = self.upload(index, items)?;
        Ok(self.client.encoded_stream(index, Encoder::encoded(arguments), upload, Box::new(item)))
    }

    /// The place of a method among those of the [`interface`](Self::interface).
    ///
    /// # Errors
    /// `Unimplemented` for a name that the service does not have.
    pub fn find(&self, name: &str) -> Result<usize, RpcError> {
        let interface = self.description.interface();
        let found = interface.methods.iter().position(|method| method.name == name);
        found.ok_or_else(|| {
            let names: Vec<_> = interface.methods.iter().map(|method| method.name.as_str()).collect();
            let message = format!("{} has no method {name}; it has {}", interface.name, names.join(", "));
            RpcError::new(Code::Unimplemented, message).with_address(self.channel().endpoint())
        })
    }

    fn upload(&self, method: usize, items: Option<EncodedItems>) -> Result<Option<Upload>, RpcError> {
        let takes_stream = self.description.methods()[method].takes_stream;
        match (takes_stream, items) {
            (false, None) => Ok(None),
            (true, Some(items)) => Ok(Some(Upload::fallible(items, |encoder, item| {
                encoder.append_encoded(&item?);
                Ok(())
            }))),
            (true, None) => Err(self.misused(method, "it takes a stream")),
            (false, Some(_)) => Err(self.misused(method, "it takes no stream")),
        }
    }

    fn misused(&self, method: usize, why: &str) -> RpcError {
        let path = &self.description.methods()[method].path;
        RpcError::new(Code::InvalidArgument, format!("it was called as another kind of method: {why}"))
            .with_method(path)
    }
}

fn not_served(service: &str, hello: &[ServedService]) -> RpcError {
    let names: Vec<_> = hello.iter().map(|served| served.name.as_str()).collect();
    let served = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    RpcError::new(Code::Unimplemented, format!("the peer does not serve {service}; it serves {served}"))
}
