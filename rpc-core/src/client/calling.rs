//! How a call is made: on which connection, through which layers, and again where that is safe. Never decodes what
//! comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;
use tracing::Instrument;
use traitwire_idl::ReadResults;

use super::{Client, Inner};
use crate::binding::Binding;
use crate::body::Body;
use crate::channel::ChannelState;
use crate::codec::Encoder;
use crate::connection::now;
use crate::context::{HandlerScope, handler_deadline};
use crate::error::{Code, Executed, RpcError};
use crate::evolved::evolve_all;
use crate::exchange::{Answer, Refused};
use crate::items::{ItemsIn, Upload};
use crate::middleware::{self, Answered, Call, Next};
use crate::proto::{Arrived, Awaits, NewCall, Outcome};
use crate::retry::Attempts;
use crate::streaming::{EvolvedItems, Opened};
use crate::target::Target;
use crate::trace;

/// What came of an attempt.
pub(super) struct Failed {
    pub(super) error: RpcError,
    /// The connection takes no more calls: the next attempt is made on another one.
    pub(super) moves: bool,
}

/// A call that can be made.
struct Prepared {
    bound: Arc<Binding>,
    call: NewCall,
    /// How its results are read, where the peer's version is another.
    results: Option<Arc<ReadResults>>,
}

impl Client {
    /// Starts a call that gives a stream, in a span if somebody traces.
    pub(super) async fn begin(
        &self,
        method: usize,
        arguments: Encoder,
        upload: Option<Upload>,
    ) -> Result<Opened, RpcError> {
        let Some(traced) = self.traced(method) else {
            return self.begin_untraced(method, arguments, upload).await;
        };
        let client = self.carrying_only(traced.metadata.clone());
        let opened = client.begin_untraced(method, arguments, upload).instrument(traced.span.clone()).await;
        opened.inspect_err(|error| traced.failed(error))
    }

    /// A call that has one result, where that is more than a message each way: in a span if somebody traces, through
    /// the layers there are, with an argument stream.
    pub(super) async fn perform_rarely(
        &self,
        method: usize,
        arguments: Encoder,
        awaits: Awaits,
        upload: Option<Upload>,
        deadline: Option<(Instant, Duration)>,
    ) -> Outcome {
        match self.traced(method) {
            None => self.perform_untraced(method, arguments, awaits, upload, deadline).await,
            Some(traced) => {
                let client = self.carrying_only(traced.metadata.clone());
                let performed = client.perform_untraced(method, arguments, awaits, upload, deadline);
                let outcome = performed.instrument(traced.span.clone()).await;
                if let Outcome::Failure(error) = &outcome {
                    traced.failed(error);
                }
                outcome
            }
        }
    }

    fn traced(&self, method: usize) -> Option<Box<trace::Calling>> {
        let Inner { channel, description, .. } = &*self.inner;
        let handler = HandlerScope::current().traced;
        let metadata = self.metadata.as_ref().map(|sent| &sent.metadata);
        let path = &description.methods()[method].path;
        trace::Calling::new(handler.as_deref(), metadata, path, channel.endpoint()).map(Box::new)
    }

    /// Starts a call that gives a stream, through the layers there are.
    async fn begin_untraced(
        &self,
        method: usize,
        arguments: Encoder,
        upload: Option<Upload>,
    ) -> Result<Opened, RpcError> {
        let (deadline, body) = (self.deadline(method), arguments.finish()?);
        match self.inner.channel.layers() {
            None => self.open(method, body, upload, deadline).await,
            Some(layers) => {
                let (client, awaits) = (self.clone(), Awaits::Reply);
                let call = Call { client, method, body, awaits, upload, opens_stream: true };
                self.through(layers, call, deadline).await?.stream()
            }
        }
    }

    async fn through(
        &self,
        layers: &Next,
        call: Call,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<Answered, RpcError> {
        let metadata = self.metadata.as_ref().map(|sent| sent.metadata.clone()).unwrap_or_default();
        Box::pin(middleware::through(layers, call, metadata, deadline.map(|(at, _)| at))).await
    }

    /// Starts a call that gives a stream.
    pub(crate) async fn open(
        &self,
        method: usize,
        mut body: Body,
        upload: Option<Upload>,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<Opened, RpcError> {
        let had = deadline.map(|(_, had)| had);
        let mut attempts = Attempts::new(self.inner.channel.retry_budget(), false);
        loop {
            let Prepared { bound, mut call, results } =
                self.prepare(method, body, deadline, Awaits::Reply).await?;
            let evolved = results.map(|results| {
                let (item, error) = (results.output.clone(), results.error.clone());
                Box::new(EvolvedItems { item, error })
            });
            call.streams_arguments = upload.is_some();
            call.streams_results = true;
            let connection = &bound.connection;
            let (error, arguments) = match connection.start(call).await {
                Err(Refused { error, body }) => (error, body),
                Ok(key) => {
                    let end = connection.act(|session| session.caller_end(key));
                    let mut items = ItemsIn::new(Arc::clone(connection), end);
                    if let Some(upload) = upload {
                        let _sending = Some(upload.spawn(connection, end));
                        let _channel = Some(self.inner.channel.clone());
                        return Ok(Opened { items, first: None, had, evolved, _sending, _channel });
                    }
                    match items.first().await {
                        Arrived::Ended(Outcome::Failure(error), body) if error.is_retryable() => {
                            (error, body)
                        }
                        first => {
                            let (first, _channel) = (Some(first), Some(self.inner.channel.clone()));
                            return Ok(Opened { items, first, had, evolved, _sending: None, _channel });
                        }
                    }
                }
            };
            let again = attempts.failed(&error, !connection.is_usable());
            body = match (again, arguments) {
                (Some(_), Some(body)) => body,
                _ => return Err(attempts.settle(error)),
            };
        }
    }

    async fn perform_untraced(
        &self,
        method: usize,
        arguments: Encoder,
        awaits: Awaits,
        upload: Option<Upload>,
        deadline: Option<(Instant, Duration)>,
    ) -> Outcome {
        let body = match arguments.finish() {
            Ok(body) => body,
            Err(error) => return Outcome::Failure(error),
        };
        match self.inner.channel.layers() {
            None => self.perform_bare(method, body, awaits, upload, deadline).await,
            Some(layers) => {
                let client = self.clone();
                let call = Call { client, method, body, awaits, upload, opens_stream: false };
                let answered = self.through(layers, call, deadline).await;
                answered.map_or_else(Outcome::Failure, Answered::outcome)
            }
        }
    }

    /// Makes a call that has one result, without layers.
    pub(crate) async fn perform_bare(
        &self,
        method: usize,
        body: Body,
        awaits: Awaits,
        upload: Option<Upload>,
        deadline: Option<(Instant, Duration)>,
    ) -> Outcome {
        let Some(upload) = upload else {
            return self.attempt(method, Some(body), None, deadline, awaits).await;
        };
        match Box::pin(self.prepare(method, body, deadline, awaits)).await {
            Ok(Prepared { bound, mut call, results }) => {
                call.streams_arguments = true;
                let outcome = Box::pin(upload.call(&bound.connection, call)).await;
                match results {
                    None => outcome,
                    Some(results) => self.evolve_outcome(&results, outcome),
                }
            }
            Err(error) => Outcome::Failure(error),
        }
    }

    /// Notes for the retries of others that a call of this method came to an end.
    pub(super) fn succeeded(&self, method: usize) {
        let Inner { channel, description, .. } = &*self.inner;
        if description.methods()[method].idempotent {
            channel.retry_budget().succeeded();
        }
    }

    /// Makes a call, and again where that is safe and likely to help. `failed` is what came of a first attempt.
    pub(super) async fn attempt(
        &self,
        method: usize,
        mut arguments: Option<Body>,
        mut failed: Option<Failed>,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Outcome {
        let Inner { channel, description, .. } = &*self.inner;
        let mut attempts = Attempts::new(channel.retry_budget(), description.methods()[method].idempotent);
        loop {
            let Failed { error, moves } = match failed.take() {
                Some(failed) => failed,
                None => match self.inner.binding(deadline).await {
                    Err(error) => Failed { error, moves: false },
                    Ok(bound) => {
                        match self.attempt_on(&bound, method, &mut arguments, deadline, awaits).await {
                            Outcome::Failure(error) => Failed { error, moves: !bound.connection.is_usable() },
                            outcome => {
                                self.succeeded(method);
                                return outcome;
                            }
                        }
                    }
                },
            };
            let is_closed = || channel.state() == ChannelState::Closed;
            let again = attempts.failed(&error, moves).filter(|_| arguments.is_some() && !is_closed());
            match again {
                Some(wait) if deadline.is_none_or(|(at, _)| now() + wait < at) => {
                    tokio::time::sleep(wait).await;
                }
                _ => return Outcome::Failure(attempts.settle(error)),
            }
        }
    }

    /// Makes a call once. Takes `arguments`, and leaves them where the call failed and they are still at hand.
    async fn attempt_on(
        &self,
        bound: &Binding,
        method: usize,
        arguments: &mut Option<Body>,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Outcome {
        let (number, results) = match self.known(bound, method, deadline).await {
            Ok(known) => known,
            Err(error) => return Outcome::Failure(error),
        };
        let body = arguments.take().unwrap_or_default();
        let call = match self.new_call(number, method, body, deadline, awaits) {
            Ok(call) => call,
            Err(error) => return Outcome::Failure(error),
        };
        let Answer { outcome, body } = bound.connection.call(call).await;
        *arguments = body;
        match results {
            None => outcome,
            Some(results) => self.evolve_outcome(&results, outcome),
        }
    }

    /// A call that can be made, and the connection for it.
    async fn prepare(
        &self,
        method: usize,
        body: Body,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Result<Prepared, RpcError> {
        let bound = self.inner.binding(deadline).await?;
        let (number, results) = self.known(&bound, method, deadline).await?;
        let call = self.new_call(number, method, body, deadline, awaits)?;
        Ok(Prepared { bound, call, results })
    }

    /// The peer's number for a method, and how its results are read where the peer's version is another.
    async fn known(
        &self,
        bound: &Binding,
        method: usize,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<(u32, Option<Arc<ReadResults>>), RpcError> {
        match bound.number(method) {
            Some(number) => Ok((number, None)),
            None => {
                self.evolved(bound, method, deadline).await.map(|(number, results)| (number, Some(results)))
            }
        }
    }

    /// A call under the number that the peer has for the method.
    pub(super) fn new_call(
        &self,
        number: u32,
        method: usize,
        body: Body,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Result<NewCall, RpcError> {
        let metadata = match &self.metadata {
            Some(sent) => Some(sent.encoded.clone()?),
            None => None,
        };
        let object = self.inner.target.object();
        let own = self.inner.description.methods()[method].attributes.priority;
        let priority = self.priority.unwrap_or(own);
        Ok(NewCall { deadline, metadata, awaits, priority, object, ..NewCall::new(number, body) })
    }

    /// The number of a method that the peer has in another version, and how its results are read.
    #[cold]
    async fn evolved(
        &self,
        bound: &Binding,
        method: usize,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<(u32, Arc<ReadResults>), RpcError> {
        let Inner { channel, description, .. } = &*self.inner;
        bound.evolved(description, method, channel.options().limits.max_depth, deadline).await
    }

    /// What another version's callee answered, as this side's version.
    #[cold]
    fn evolve_outcome(&self, results: &ReadResults, mut outcome: Outcome) -> Outcome {
        let max_depth = self.inner.channel.options().limits.max_depth;
        let evolved = match (&mut outcome, &results.error) {
            (Outcome::Output(body), _) => evolve_all(&results.output, body, max_depth),
            (Outcome::Error(body), Some(error)) => evolve_all(error, body, max_depth),
            (Outcome::Error(_), None) => {
                Err(RpcError::new(Code::Decode, "an error of a method that has none"))
            }
            (Outcome::Failure(_), _) => Ok(()),
        };
        match evolved {
            Ok(()) => outcome,
            Err(error) => Outcome::Failure(error.with_executed(Executed::Yes)),
        }
    }

    /// When the time of a call that is made now is up, and how much that is.
    pub(super) fn deadline(&self, method: usize) -> Option<(Instant, Duration)> {
        let own = self.inner.description.methods().get(method).and_then(|method| method.attributes.timeout);
        deadline(self.timeout.or(own).or(self.inner.channel.options().timeout), self.deadline)
    }
}

/// When a call's time is up, and how much of it is left: `timeout` from now, at `latest`, or with the handler that
/// makes the call, whichever is soonest. A deadline the clock cannot say is none.
fn deadline(timeout: Option<Duration>, latest: Option<Instant>) -> Option<(Instant, Duration)> {
    let inherited = handler_deadline().into_iter().chain(latest).min();
    if timeout.is_none() && inherited.is_none() {
        return None;
    }
    let now = now();
    let own = timeout.and_then(|left| now.checked_add(left));
    let at = own.into_iter().chain(inherited).min()?;
    Some((at, at.saturating_duration_since(now)))
}

impl Inner {
    /// A connection that takes calls, and what the methods are there: that of the last call, if it can be used again.
    pub(super) async fn binding(
        &self,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<Arc<Binding>, RpcError> {
        let last = self.bound().clone();
        if let Some(last) = last.filter(|bound| bound.connection.is_usable()) {
            return Ok(last);
        }
        let connection = self.channel.connection(deadline.map(|(at, _)| at)).await?;
        let bound = match &self.target {
            Target::Remote(object) => {
                let max_depth = self.channel.options().limits.max_depth;
                Binding::of_object(connection, &self.description, object, max_depth, deadline).await?
            }
            Target::Service | Target::Local(_) => Binding::new(connection, &self.description),
        };
        let bound = Arc::new(bound);
        *self.bound() = Some(Arc::clone(&bound));
        Ok(bound)
    }

    pub(super) fn bound(&self) -> MutexGuard<'_, Option<Arc<Binding>>> {
        self.bound.lock()
    }
}
