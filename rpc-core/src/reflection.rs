//! The built-in methods: what every side answers, whatever it serves. Never asked on the way of a call that works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use traitwire_idl::Interface;

use crate::body::Body;
use crate::codec::{Decoder, Encoder};
use crate::connection::Connection;
use crate::error::{Code, RpcError};
use crate::proto::{NewCall, Outcome};
use crate::services::Services;
use crate::versions::{not_served, read_interface};

/// The schema of a service (P-50).
pub(crate) const DESCRIBE: u32 = u32::MAX;

/// The schema of a service, for a caller that has another version of it (P-52).
pub(crate) const INTRODUCE: u32 = u32::MAX - 1;

/// Answers a call of [`DESCRIBE`]: the argument is a service's name, the value its interface.
pub(crate) fn describe(services: &Services, body: &Body) -> Outcome {
    let mut arguments = Decoder::new(body);
    let name = arguments.value::<&str>().and_then(|name| arguments.finish().map(|()| name));
    let found = name.and_then(|name| services.find(name).ok_or_else(|| not_served(name)));
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

/// The schema of a service of the peer's.
///
/// # Errors
/// `Unimplemented` where the peer does not serve it, `Decode` where its schema cannot be read.
pub(crate) async fn fetch(
    connection: &Arc<Connection>,
    service: &str,
    max_depth: u32,
    deadline: Option<(Instant, Duration)>,
) -> Result<Interface, RpcError> {
    let mut arguments = Encoder::new();
    arguments.value(service);
    let call = NewCall { deadline, ..NewCall::new(DESCRIBE, arguments.finish()?) };
    match connection.call(call).await.outcome {
        Outcome::Failure(error) => Err(error),
        Outcome::Error(_) => Err(RpcError::new(Code::Decode, "an error of a method that has none")),
        Outcome::Output(mut body) => read_interface(body.as_contiguous(), max_depth),
    }
}
