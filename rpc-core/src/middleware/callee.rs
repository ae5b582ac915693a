//! The innermost service of a server's layers: the handler of a call, in its slot. Never decides when it runs.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{self, Poll};

use super::{Act, Answered, BoxError, Layered, Next, Request, Response, failure};
use crate::context::HandlerScope;
use crate::described::DescribedMethod;
use crate::error::{Code, Executed, RpcError};
use crate::handlers::{clear, poll_slot};
use crate::proto::Outcome;
use crate::request;
use crate::service::{MethodDescription, Reply, Slot};

/// A handler that is to be run.
pub(crate) struct Run {
    slot: Box<dyn Slot>,
    request: request::Request,
}

/// What a server's layers are around.
pub(crate) fn innermost() -> Next {
    Next(Arc::new(Innermost))
}

struct Innermost;

impl Layered for Innermost {
    fn answer(&self, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>> {
        Box::pin(async move { run(request).await.map_err(Into::into) })
    }
}

async fn run(request: Request) -> Result<Response, RpcError> {
    request.set_reached();
    let Request { metadata, method, deadline, act: Act::Callee(Run { slot, mut request }), .. } = request
    else {
        return Err(RpcError::new(Code::Internal, "a client's request in a server's layers"));
    };
    request.set_metadata(metadata);
    let mut running = Running(slot);
    running.0.start(request);
    // A panic ends here: to the layers it is an error like others.
    let scope = HandlerScope { deadline, ..HandlerScope::current() };
    let poll = |cx: &mut task::Context<'_>| match poll_slot(&mut *running.0, &scope, cx, &method) {
        Some(outcome) => Poll::Ready(outcome),
        None => Poll::Pending,
    };
    match poll_fn(poll).await {
        Outcome::Failure(error) => Err(error),
        outcome => Ok(Response { result: Answered::Outcome(outcome) }),
    }
}

/// A slot in use. Dropped in the middle, its handler is.
struct Running(Box<dyn Slot>);

impl Drop for Running {
    fn drop(&mut self) {
        clear(&mut *self.0);
    }
}

/// The slot of a method behind layers: makes the method's own slot for each call and sends it through them.
pub(crate) struct LayeredSlot {
    pub(crate) layers: Next,
    pub(crate) service: &'static str,
    pub(crate) method: &'static MethodDescription,
    pub(crate) make: Box<dyn FnMut() -> Option<Box<dyn Slot>> + Send>,
    pub(crate) running: Option<Answering>,
}

/// A call on its way through the layers.
pub(crate) struct Answering {
    answer: Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>,
    reached: Arc<AtomicBool>,
}

impl Slot for LayeredSlot {
    fn start(&mut self, request: request::Request) {
        let Some(slot) = (self.make)() else { return };
        let context = request.context();
        let endpoint = context.peer().endpoint.clone();
        let act = Act::Callee(Run { slot, request });
        let request = Request::new(self.service.into(), DescribedMethod::Own(self.method), endpoint, act)
            .with_metadata(context.metadata().clone())
            .with_deadline(context.deadline());
        let reached = Arc::clone(&request.reached);
        self.running = Some(Answering { answer: self.layers.0.answer(request), reached });
    }

    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Reply, RpcError>> {
        let Some(Answering { answer, reached }) = &mut self.running else { return Poll::Pending };
        let answered = task::ready!(answer.as_mut().poll(cx));
        Poll::Ready(match answered.map(|response| response.result) {
            Ok(Answered::Outcome(Outcome::Output(body))) => Ok(Reply::Output(body)),
            Ok(Answered::Outcome(Outcome::Error(body))) => Ok(Reply::Error(body)),
            Ok(Answered::Outcome(Outcome::Failure(error))) => Err(error),
            Ok(Answered::Stream(_)) => Err(RpcError::new(Code::Internal, "a stream that nobody made")),
            Err(error) => Err(failure(error, reached, Executed::Yes)),
        })
    }

    fn clear(&mut self) {
        self.running = None;
    }
}
