//! How a call is made: on which connection, through which layers, and again where that is safe. Never decodes what
//! comes back.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
use crate::exchange::Refused;
use crate::items::{ItemsIn, Upload};
use crate::middleware::{self, Answered, Call, Next};
use crate::proto::{Arrived, Awaits, NewCall, Outcome};
use crate::retry::Attempts;
use crate::streaming::{EvolvedItems, Opened};
use crate::target::Target;
use crate::trace;

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

    /// Makes a call that has one result, in a span if somebody traces.
    pub(super) async fn exchange(
        &self,
        method: usize,
        arguments: Encoder,
        awaits: Awaits,
        upload: Option<Upload>,
    ) -> Outcome {
        match self.traced(method) {
            None => self.exchange_untraced(method, arguments, awaits, upload).await,
            Some(traced) => {
                let client = self.carrying_only(traced.metadata.clone());
                let exchange = client.exchange_untraced(method, arguments, awaits, upload);
                let outcome = Box::pin(exchange.instrument(traced.span.clone())).await;
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

    /// The part of a call that is the same for every method with one result.
    async fn exchange_untraced(
        &self,
        method: usize,
        arguments: Encoder,
        awaits: Awaits,
        upload: Option<Upload>,
    ) -> Outcome {
        let deadline = self.deadline(method);
        let exchange = async {
            let body = arguments.finish()?;
            let mut outcome = match self.inner.channel.layers() {
                None => self.perform(method, body, awaits, upload, deadline).await,
                Some(layers) => {
                    let client = self.clone();
                    let call = Call { client, method, body, awaits, upload, opens_stream: false };
                    self.through(layers, call, deadline).await?.outcome()
                }
            };
            self.inner.description.methods()[method]
                .check_outcome(&mut outcome, self.inner.channel.options().limits.max_depth)
                .map_err(|error| error.with_executed(Executed::Yes))?;
            Ok(outcome)
        };
        match exchange.await.unwrap_or_else(Outcome::Failure) {
            Outcome::Failure(error) => Outcome::Failure(error.with_time(deadline.map(|(_, left)| left))),
            outcome => outcome,
        }
    }

    /// Makes a call that has one result.
    pub(crate) async fn perform(
        &self,
        method: usize,
        body: Body,
        awaits: Awaits,
        upload: Option<Upload>,
        deadline: Option<(Instant, Duration)>,
    ) -> Outcome {
        let Some(upload) = upload else { return self.attempt(method, body, deadline, awaits).await };
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

    /// Makes a call, and again where that is safe and likely to help. What is rarely needed is kept in boxes: a future
    /// that holds it all would be moved with every call.
    async fn attempt(
        &self,
        method: usize,
        body: Body,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Outcome {
        let Inner { channel, description, .. } = &*self.inner;
        let mut attempts = Attempts::new(channel.retry_budget(), description.methods()[method].idempotent);
        let mut arguments = Some(body);
        loop {
            let bound = match self.inner.bound_now() {
                Some(bound) => Ok(bound),
                None => Box::pin(self.inner.binding(deadline)).await,
            };
            let mut moves = false;
            let error = match bound {
                Err(error) => error,
                Ok(bound) => {
                    let (prepared, results) = match bound.number(method) {
                        Some(number) => (self.new_call(number, method, deadline, awaits), None),
                        None => match Box::pin(self.evolved(&bound, method, deadline)).await {
                            Ok((number, results)) => {
                                (self.new_call(number, method, deadline, awaits), Some(results))
                            }
                            Err(error) => (Err(error), None),
                        },
                    };
                    moves = !bound.connection.is_usable();
                    match prepared {
                        Err(error) if error.code() != Code::Unavailable => return Outcome::Failure(error),
                        Err(error) => error,
                        Ok(mut call) => {
                            call.body = arguments.take().unwrap_or_default();
                            let answer = bound.connection.call(call).await;
                            let Outcome::Failure(error) = answer.outcome else {
                                attempts.succeeded();
                                return match results {
                                    None => answer.outcome,
                                    Some(results) => self.evolve_outcome(&results, answer.outcome),
                                };
                            };
                            moves = !bound.connection.is_usable();
                            arguments = answer.body;
                            error
                        }
                    }
                }
            };
            let is_closed = || channel.state() == ChannelState::Closed;
            let again = attempts.failed(&error, moves).filter(|_| arguments.is_some() && !is_closed());
            match again {
                Some(wait) if deadline.is_none_or(|(at, _)| now() + wait < at) => {
                    Box::pin(tokio::time::sleep(wait)).await;
                }
                _ => return Outcome::Failure(attempts.settle(error)),
            }
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
        let bound = match self.inner.bound_now() {
            Some(bound) => bound,
            None => self.inner.binding(deadline).await?,
        };
        let (number, results) = match bound.number(method) {
            Some(number) => (number, None),
            None => {
                let (number, results) = self.evolved(&bound, method, deadline).await?;
                (number, Some(results))
            }
        };
        let call = NewCall { body, ..self.new_call(number, method, deadline, awaits)? };
        Ok(Prepared { bound, call, results })
    }

    /// A call of a method by the peer's number for it, but for its arguments.
    fn new_call(
        &self,
        number: u32,
        method: usize,
        deadline: Option<(Instant, Duration)>,
        awaits: Awaits,
    ) -> Result<NewCall, RpcError> {
        let metadata = match &self.metadata {
            Some(sent) => sent.encoded.clone(),
            None => Ok(Arc::default()),
        };
        let object = self.inner.target.object();
        let own = self.inner.description.methods()[method].attributes.priority;
        let priority = self.priority.unwrap_or(own);
        metadata.map(|metadata| NewCall {
            deadline,
            metadata,
            awaits,
            priority,
            object,
            ..NewCall::new(number, Body::default())
        })
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
    fn deadline(&self, method: usize) -> Option<(Instant, Duration)> {
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
    /// The connection of the last call, while it takes further ones.
    fn bound_now(&self) -> Option<Arc<Binding>> {
        self.bound().as_ref().filter(|bound| bound.connection.is_usable()).cloned()
    }

    /// A connection that takes calls, and what the methods are there.
    pub(super) async fn binding(
        &self,
        deadline: Option<(Instant, Duration)>,
    ) -> Result<Arc<Binding>, RpcError> {
        let connection = self.channel.connection(deadline.map(|(at, _)| at)).await?;
        let bound = match &self.target {
            Target::Remote(object) => {
                let max_depth = self.channel.options().limits.max_depth;
                Binding::of_object(connection, self.description, object, max_depth, deadline).await?
            }
            Target::Service | Target::Local(_) => Binding::new(connection, self.description),
        };
        let bound = Arc::new(bound);
        *self.bound() = Some(Arc::clone(&bound));
        Ok(bound)
    }

    fn bound(&self) -> MutexGuard<'_, Option<Arc<Binding>>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
