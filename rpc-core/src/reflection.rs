//! The one built-in method: the schema of a service, asked for where fingerprints differ, to say where. Never
//! asked on the way of a call that works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use traitwire_idl::{Interface, first_difference};

use crate::body::Body;
use crate::codec::{Decoder, Encoder};
use crate::connection::Connection;
use crate::error::{Code, RpcError};
use crate::proto::{NewCall, Outcome};
use crate::service::ServiceDescription;
use crate::services::Services;

/// The number under which every side answers, whatever it serves (P-50).
pub(crate) const DESCRIBE: u32 = u32::MAX;

/// Answers a call of [`DESCRIBE`]: the argument is a service's name, the value its interface.
pub(crate) fn describe(services: &Services, body: &Body) -> Outcome {
    let mut arguments = Decoder::new(body);
    let name = arguments.value::<&str>().and_then(|name| arguments.finish().map(|()| name));
    let found = name.and_then(|name| {
        let missing = || RpcError::new(Code::Unimplemented, format!("no service {name:?} is served here"));
        services.find(name).ok_or_else(missing)
    });
    let encoded = found.and_then(|description| {
        let mut encoder = Encoder::new();
        encoder.value(description.interface());
        encoder.finish()
    });
    match encoded {
        Ok(body) => Outcome::Output(body),
        Err(error) => Outcome::Failure(error),
    }
}

/// Says where a method's signature differs from the peer's. Asks the peer for its schema.
pub(crate) async fn explain_mismatch(
    connection: &Arc<Connection>,
    description: &ServiceDescription,
    method: usize,
    object: Option<u64>,
    max_depth: u32,
    deadline: Option<(Instant, Duration)>,
) -> RpcError {
    let ours = (&description.interface().methods[method], description.interface().types.as_slice());
    let place = match fetch(connection, description.name(), object, max_depth, deadline).await {
        Err(error) => format!("the peer did not give its schema: {}", error.message()),
        Ok(theirs) => {
            let method = theirs.methods.iter().find(|method| method.name == ours.0.name);
            let difference = method.and_then(|method| first_difference(ours, (method, &theirs.types)));
            match difference {
                Some(difference) => difference.to_string(),
                None => "the peer's schema and fingerprint contradict each other".to_owned(),
            }
        }
    };
    RpcError::new(Code::SchemaMismatch, format!("the signature differs from the peer's: {place}"))
}

/// The schema of a service of the peer's, or of an object's.
pub(crate) async fn fetch(
    connection: &Arc<Connection>,
    service: &str,
    object: Option<u64>,
    max_depth: u32,
    deadline: Option<(Instant, Duration)>,
) -> Result<Interface, RpcError> {
    let mut arguments = Encoder::new();
    arguments.value(service);
    let call = NewCall { deadline, object, ..NewCall::new(DESCRIBE, arguments.finish()?) };
    match connection.call(call).await.outcome {
        Outcome::Failure(error) => Err(error),
        Outcome::Error(_) => Err(RpcError::new(Code::Decode, "an error of a method that has none")),
        Outcome::Output(mut body) => {
            Interface::check_encoded(body.as_contiguous(), max_depth)
                .map_err(|error| RpcError::new(Code::Decode, error.to_string()))?;
            let mut decoder = Decoder::new(&body);
            let interface = decoder.value()?;
            decoder.finish()?;
            Ok(interface)
        }
    }
}
