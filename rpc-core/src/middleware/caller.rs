//! The innermost service of a client's layers: the call itself. Never decodes what comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use super::{Act, Answered, BoxError, Layered, Next, Request, Response, failure};
use crate::body::Body;
use crate::client::Client;
use crate::connection::now;
use crate::error::{Code, Executed, RpcError};
use crate::items::Upload;
use crate::proto::{Awaits, Outcome};
use crate::streaming::Opened;

/// A call that is to be made.
pub(crate) struct Call {
    pub(crate) client: Client,
    pub(crate) method: usize,
    pub(crate) body: Body,
    pub(crate) awaits: Awaits,
    pub(crate) upload: Option<Upload>,
    pub(crate) opens_stream: bool,
}

impl Call {
    pub(super) fn try_clone(&self) -> Option<Self> {
        if self.upload.is_some() || self.opens_stream {
            return None;
        }
        let (client, body) = (self.client.clone(), self.body.duplicate());
        Some(Self { client, body, upload: None, ..*self })
    }
}

/// What a client's layers are around.
pub(crate) fn innermost() -> Next {
    Next(Arc::new(Innermost))
}

struct Innermost;

impl Layered for Innermost {
    fn answer(&self, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>> {
        Box::pin(async move { make(request).await.map_err(Into::into) })
    }
}

async fn make(request: Request) -> Result<Response, RpcError> {
    request.set_reached();
    let Request { metadata, deadline, act: Act::Caller(call), .. } = request else {
        return Err(RpcError::new(Code::Internal, "a server's request in a client's layers"));
    };
    let Call { client, method, body, awaits, upload, opens_stream } = call;
    let client = client.carrying_only(metadata);
    let deadline = deadline.map(|at| (at, at.saturating_duration_since(now())));
    let result = match opens_stream {
        true => Answered::Stream(client.open(method, body, upload, deadline).await?),
        false => match client.perform_bare(method, body, awaits, upload, deadline).await {
            Outcome::Failure(error) => return Err(error),
            outcome => Answered::Outcome(outcome),
        },
    };
    Ok(Response { result })
}

/// Makes a call through layers.
pub(crate) async fn through(
    layers: &Next,
    call: Call,
    metadata: crate::metadata::Metadata,
    deadline: Option<Instant>,
) -> Result<Answered, RpcError> {
    let description = call.client.description();
    let endpoint = call.client.channel().endpoint().clone();
    let (service, method) = (description.kept_name(), description.method(call.method));
    let request = Request::new(service, method, endpoint, Act::Caller(call))
        .with_metadata(metadata)
        .with_deadline(deadline);
    let reached = Arc::clone(&request.reached);
    let answered = layers.0.answer(request).await;
    answered.map(|response| response.result).map_err(|error| failure(error, &reached, Executed::Maybe))
}

impl Answered {
    /// As the outcome of a call that gives one value.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Answered::Outcome(outcome) => outcome,
            Answered::Stream(_) => Outcome::Failure(mistaken()),
        }
    }

    /// As the beginning of a stream.
    pub(crate) fn stream(self) -> Result<Opened, RpcError> {
        match self {
            Answered::Stream(opened) => Ok(opened),
            Answered::Outcome(_) => Err(mistaken()),
        }
    }
}

/// A layer can only give what came from further in, but of another call.
fn mistaken() -> RpcError {
    RpcError::new(Code::Internal, "a layer gave the response of another call")
}
