//! What a client's methods are on one connection: their numbers in the peer's hello, or why they have none. Never
//! calls a method of the service itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::error::{Code, RpcError};
use crate::proto::hello::Hello;
use crate::reflection;
use crate::service::ServiceDescription;

/// A connection, and what the methods of a service are on it.
pub(crate) struct Binding {
    pub(crate) connection: Arc<Connection>,
    methods: Vec<Bound>,
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
        Self { connection, methods }
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
                reflection::explain_mismatch(&self.connection, description, method, max_depth, deadline).await
            }
            _ if serves(hello, description) => {
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
