//! A service of a peer's that is of another version: under which numbers its methods take this side's arguments, and
//! how their results are read. Never asked for where fingerprints agree, nor a second time of a peer that has answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use traitwire_idl::{Fingerprint, Method, ReadResults, Resolved, resolve_results};

use crate::codec::{Decoder, Encoder};
use crate::connection::Connection;
use crate::error::{Code, Executed, RpcError};
use crate::proto::{NewCall, Outcome};
use crate::reflection;
use crate::service::ServiceDescription;
use crate::versions::{Answer, read_interface};

/// What the methods of a service are at a peer of another version, in this side's order.
pub(crate) struct Adapted {
    pub(crate) methods: Vec<AdaptedMethod>,
}

/// What one method is there.
pub(crate) enum AdaptedMethod {
    /// The same, under this number.
    Same(u32),
    /// Called by this number with this side's arguments; its results are read so.
    Evolved(u32, Arc<ReadResults>),
    /// It cannot be called.
    Refused(RpcError),
    /// There is none of this name.
    Missing,
}

/// What a connection's peer has answered, refusals too.
#[derive(Default)]
pub(crate) struct Answers(Mutex<HashMap<Question, Answered>>);

/// What came of asking: how the methods are called, or why the versions cannot be compared.
type Answered = Result<Arc<Adapted>, RpcError>;

/// This side's description of a service and, for objects, the fingerprint of theirs.
type Question = (usize, Option<u64>);

/// Kept answers. A peer may have more kinds of objects; those are asked about again.
const MOST_ANSWERS: usize = 64;

/// A service, or an object, of a peer's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) description: &'static ServiceDescription,
    /// An object's number, and the fingerprint of its service.
    pub(crate) object: Option<(u64, u64)>,
}

/// Introduces this side's version to the peer, and resolves the results of the peer's.
///
/// # Errors
/// Where the peer does not answer; `SchemaMismatch`, where it does, but not in a way that can be read.
pub(crate) async fn adapt(
    connection: &Arc<Connection>,
    asked: Asked,
    max_depth: u32,
    deadline: Option<(Instant, Duration)>,
) -> Result<Arc<Adapted>, RpcError> {
    let Asked { description, object } = asked;
    let key = (std::ptr::from_ref(description).addr(), object.map(|(_, interface)| interface));
    let lock = || connection.answers.0.lock();
    if let Some(known) = lock().get(&key).cloned() {
        return known;
    }
    let arguments = Encoder::encoded(description.introduction()?);
    let is_object = object.is_some();
    let object = object.map(|(id, _)| id);
    let call = NewCall { deadline, object, ..NewCall::new(reflection::INTRODUCE, arguments.finish()?) };
    let answered = match connection.call(call).await.outcome {
        Outcome::Output(mut body) => {
            let adapted = read(description, body.as_contiguous(), max_depth);
            // Methods whose fingerprints agree can be called all the same.
            adapted.map(Arc::new).map_err(|error| incomparable(error.message()))
        }
        Outcome::Failure(error) => {
            let refused = incomparable(error.message());
            match error.code() {
                // An object that is gone says nothing of others of its service.
                Code::Unimplemented if is_object => return Err(refused),
                Code::Unimplemented | Code::Decode | Code::TooLarge => Err(refused),
                // It may be out of something else than room for versions, and have that again.
                Code::ResourceExhausted => return Err(refused),
                // The call that this was for was not even sent.
                _ => return Err(error.with_executed(Executed::No)),
            }
        }
        Outcome::Error(_) => Err(incomparable("an error of a method that has none")),
    };
    let mut known = lock();
    if known.len() >= MOST_ANSWERS {
        known.clear();
    }
    known.insert(key, answered.clone());
    answered
}

fn incomparable(why: &str) -> RpcError {
    let message = format!("the signature differs from the peer's, and the two cannot be compared: {why}");
    RpcError::new(Code::SchemaMismatch, message)
}

fn read(description: &ServiceDescription, answered: &[u8], max_depth: u32) -> Result<Adapted, RpcError> {
    let ours = description.interface();
    let mut buffer = crate::buffer::Buffer::new();
    buffer.extend_from_slice(answered);
    let body = crate::body::Body::new(buffer);
    let mut decoder = Decoder::new(&body);
    let answers: Vec<Answer> = decoder.value()?;
    let theirs = read_interface(&answered[answered.len() - decoder.left()..], max_depth)?;
    if answers.len() != ours.methods.len() {
        return Err(RpcError::new(Code::Decode, "the peer's answer is about other methods"));
    }
    let results: Resolved<ReadResults> =
        resolve_results(ours, &theirs).map_err(|error| RpcError::new(Code::Decode, error.to_string()))?;
    let named: HashMap<&str, &Method> =
        theirs.methods.iter().map(|method| (method.name.as_str(), method)).collect();
    let is_same = |model: &Method| {
        let other = named.get(model.name.as_str());
        other.is_some_and(|other| Fingerprint::agree((model, &ours.types), (other, &theirs.types)))
    };
    let methods = ours.methods.iter().zip(answers).zip(results);
    let methods = methods.map(|((model, answer), results)| {
        let refused = |place: &str| {
            let message = format!("the signature differs from the peer's: {place}");
            AdaptedMethod::Refused(RpcError::new(Code::SchemaMismatch, message))
        };
        match (answer, results) {
            (Answer::Missing, _) | (_, None) => AdaptedMethod::Missing,
            (Answer::Refused(place), _) => refused(&place),
            (Answer::Number(number), _) if is_same(model) => AdaptedMethod::Same(number),
            (Answer::Number(_), Some(Err(conflict))) => refused(&conflict.to_string()),
            (Answer::Number(number), Some(Ok(results))) => AdaptedMethod::Evolved(number, Arc::new(results)),
        }
    });
    Ok(Adapted { methods: methods.collect() })
}
