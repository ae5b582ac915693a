//! What a client's methods are on one connection: their numbers in the peer's hello, or why they have none. Never
//! calls a method of the service itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use traitwire_idl::{Method, ReadResults};

use crate::adapted::{Adapted, AdaptedMethod, Asked, adapt};
use crate::connection::Connection;
use crate::described::Described;
use crate::error::{Code, RpcError};
use crate::proto::hello::{Hello, ServedMethod};
use crate::reference::RemoteObject;
use crate::service::{MethodDescription, ServiceDescription};

/// A connection, and what the methods of a service are on it.
pub(crate) struct Binding {
    pub(crate) connection: Arc<Connection>,
    methods: Vec<Bound>,
    /// The number of the object whose methods these are, if they are an object's, and its service's fingerprint.
    object: Option<(u64, u64)>,
    /// What the methods are that differ, once that was asked for.
    adapted: OnceCell<Arc<Adapted>>,
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
        Self { connection, methods, object: None, adapted: OnceCell::new() }
    }

    /// The methods of an object of the peer's. Introduces this side's version of the service where that is not the
    /// object's own.
    ///
    /// # Errors
    /// Where the peer does not answer.
    pub(crate) async fn of_object(
        connection: Arc<Connection>,
        description: &Described,
        object: &RemoteObject,
        max_depth: u32,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<Self, RpcError> {
        let methods = (0..description.methods().len() as u32).map(Bound::Number).collect();
        let object = Some((object.id, object.interface));
        let mut binding = Self { connection, methods, object, adapted: OnceCell::new() };
        if object.is_some_and(|(_, interface)| interface != description.fingerprint()) {
            let adapted = binding.adapted(description, max_depth, deadline).await?;
            let bound = |method: &AdaptedMethod| match method {
                AdaptedMethod::Same(number) => Bound::Number(*number),
                AdaptedMethod::Evolved(..) | AdaptedMethod::Refused(_) => Bound::Differs,
                AdaptedMethod::Missing => Bound::Missing,
            };
            binding.methods = adapted.methods.iter().map(bound).collect();
        }
        Ok(binding)
    }

    /// The number under which the peer has a method.
    pub(crate) fn number(&self, method: usize) -> Option<u32> {
        match self.methods.get(method) {
            Some(Bound::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The number of a method that the peer has in another version, and how its results are read.
    ///
    /// # Errors
    /// Where the two versions do not go together, or the peer has no such method.
    #[cold]
    pub(crate) async fn evolved(
        &self,
        description: &Described,
        method: usize,
        max_depth: u32,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<(u32, Arc<ReadResults>), RpcError> {
        let Some(hello) = self.connection.hello() else {
            return Err(RpcError::new(Code::Unavailable, "the peer has not said hello"));
        };
        if let Some(Bound::Differs) = self.methods.get(method) {
            let adapted = self.adapted(description, max_depth, deadline).await?;
            match adapted.methods.get(method) {
                Some(AdaptedMethod::Evolved(number, results)) => return Ok((*number, Arc::clone(results))),
                Some(AdaptedMethod::Refused(error)) => return Err(error.clone()),
                _ => {
                    let message = "the peer's schema and its fingerprint contradict each other";
                    return Err(RpcError::new(Code::SchemaMismatch, message));
                }
            }
        }
        if self.object.is_none() && !serves(hello, description) {
            return Err(not_served(description, hello));
        }
        let name = &description.interface().methods[method].name;
        let message = format!("the peer's {} has no method {name}", description.name());
        Err(RpcError::new(Code::Unimplemented, message))
    }

    /// What the methods are that differ. Asks the peer where it has not answered that on this connection.
    async fn adapted(
        &self,
        description: &Described,
        max_depth: u32,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<&Arc<Adapted>, RpcError> {
        let description = match description {
            Described::Own(own) => *own,
            // Values are read by the schema that was fetched, and by no other.
            Described::Fetched(_) => {
                let message = "the peer has another version of the service than when its schema was fetched";
                let advice = "make the client anew, which fetches it again";
                return Err(RpcError::new(Code::SchemaMismatch, message).with_advice(advice));
            }
        };
        let asked = Asked { description, object: self.object };
        let adapted = self.adapted.get_or_try_init(|| adapt(&self.connection, asked, max_depth, deadline));
        let Some((at, _)) = deadline else { return adapted.await };
        // Whoever asked first may have more time.
        match tokio::time::timeout_at(at.into(), adapted).await {
            Ok(adapted) => adapted,
            Err(_) => Err(RpcError::new(
                Code::DeadlineExceeded,
                "its time ran out while the peer was asked how its version differs",
            )),
        }
    }

    /// Asks the peer how its version differs, if it does.
    ///
    /// # Errors
    /// Where no method can be called at all, for the reason of the first one, or the connection is lost.
    pub(crate) async fn negotiate(
        &self,
        description: &Described,
        max_depth: u32,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<(), RpcError> {
        if !self.methods.iter().any(|method| matches!(method, Bound::Differs)) {
            return Ok(());
        }
        let adapted = self.adapted(description, max_depth, deadline).await;
        if adapted.as_ref().is_err_and(|error| error.code() != Code::SchemaMismatch) {
            return adapted.map(|_| ());
        }
        let mut first = None;
        for (index, bound) in self.methods.iter().enumerate() {
            let refused = match (bound, &adapted) {
                (Bound::Number(_), _) => return Ok(()),
                (Bound::Missing, _) => continue,
                (Bound::Differs, Err(error)) => error.clone(),
                (Bound::Differs, Ok(adapted)) => match &adapted.methods[index] {
                    AdaptedMethod::Refused(error) => error.clone(),
                    _ => return Ok(()),
                },
            };
            first.get_or_insert(refused.with_method(&description.methods()[index].path));
        }
        match first {
            Some(refused) => Err(refused.with_note("no other method can be called either")),
            None => Ok(()),
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
