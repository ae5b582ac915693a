//! What a client's methods are on one connection: their numbers in the peer's hello, or why they have none. Never
//! calls a method of the service itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use traitwire_idl::{Fingerprint, Method};

use crate::connection::Connection;
use crate::error::{Code, RpcError};
use crate::proto::hello::{Hello, ServedMethod};
use crate::reference::RemoteObject;
use crate::reflection;
use crate::service::{MethodDescription, ServiceDescription};

/// A connection, and what the methods of a service are on it.
pub(crate) struct Binding {
    pub(crate) connection: Arc<Connection>,
    methods: Vec<Bound>,
    /// The number of the object whose methods these are, if they are an object's.
    object: Option<u64>,
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

impl Binding {
    pub(crate) fn new(connection: Arc<Connection>, description: &ServiceDescription) -> Self {
        let methods = connection.hello().map(|hello| bind(description, hello)).unwrap_or_default();
        Self { connection, methods, object: None }
    }

    /// The methods of an object of the peer's. Asks for its schema where that is not this side's own.
    ///
    /// # Errors
    /// Where the peer does not give it.
    pub(crate) async fn of_object(
        connection: Arc<Connection>,
        description: &ServiceDescription,
        object: &RemoteObject,
        max_depth: u32,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<Self, RpcError> {
        let methods = if object.interface == description.fingerprint() {
            (0..description.methods().len() as u32).map(Bound::Number).collect()
        } else {
            let asked =
                reflection::fetch(&connection, description.name(), Some(object.id), max_depth, deadline);
            let theirs = asked.await?;
            let fingerprints = theirs.methods.iter().map(|method| {
                let fingerprint = Fingerprint::of_method(method, &theirs.types);
                ServedMethod { name: method.name.clone(), fingerprint }
            });
            bind_methods(description, 0, &fingerprints.collect::<Vec<_>>())
        };
        Ok(Self { connection, methods, object: Some(object.id) })
    }

    /// The number under which the peer has a method.
    pub(crate) fn number(&self, method: usize) -> Option<u32> {
        match self.methods.get(method) {
            Some(Bound::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// Why the peer has no such method.
    #[cold]
    pub(crate) async fn refusal(
        &self,
        description: &ServiceDescription,
        method: usize,
        max_depth: u32,
        deadline: Option<(Instant, Duration)>,
    ) -> RpcError {
        let Some(hello) = self.connection.hello() else {
            return RpcError::new(Code::Unavailable, "the peer has not said hello");
        };
        match self.methods.get(method) {
            Some(Bound::Differs) => {
                let Self { connection, object, .. } = self;
                reflection::explain_mismatch(connection, description, method, *object, max_depth, deadline)
                    .await
            }
            _ if self.object.is_some() || serves(hello, description) => {
                let name = &description.interface().methods[method].name;
                let message = format!("the peer's {} has no method {name}", description.name());
                RpcError::new(Code::Unimplemented, message)
            }
            _ => not_served(description, hello),
        }
    }

    /// That the peer does not serve the service at all, if so.
    pub(crate) fn missing_service(&self, description: &ServiceDescription) -> Option<RpcError> {
        let hello = self.connection.hello()?;
        (!serves(hello, description)).then(|| not_served(description, hello))
    }
}

fn serves(hello: &Hello, description: &ServiceDescription) -> bool {
    hello.services.iter().any(|service| service.name == description.name())
}

fn bind(description: &ServiceDescription, hello: &Hello) -> Vec<Bound> {
    let mut first = 0;
    for service in &hello.services {
        if service.name == description.name() {
            return bind_methods(description, first, &service.methods);
        }
        first += service.methods.len() as u32;
    }
    Vec::new()
}

/// The methods of a service among those the peer has, of which the first has the number `first`.
fn bind_methods(description: &ServiceDescription, first: u32, theirs: &[ServedMethod]) -> Vec<Bound> {
    let ours = description.methods().iter().zip(&description.interface().methods);
    let bound = |(method, model): (&MethodDescription, &Method)| {
        let at = theirs.iter().position(|candidate| candidate.name == model.name)?;
        let same = theirs[at].fingerprint == method.fingerprint;
        Some(if same { Bound::Number(first + at as u32) } else { Bound::Differs })
    };
    ours.map(|pair| bound(pair).unwrap_or(Bound::Missing)).collect()
}

fn not_served(description: &ServiceDescription, hello: &Hello) -> RpcError {
    let served: Vec<_> = hello.services.iter().map(|service| service.name.as_str()).collect();
    let served = if served.is_empty() { "nothing".to_owned() } else { served.join(", ") };
    RpcError::new(
        Code::Unimplemented,
        format!("the peer does not serve {}; it serves {served}", description.name()),
    )
}
