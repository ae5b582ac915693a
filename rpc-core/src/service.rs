//! What a generated dispatcher implements: a description of the service, and for each method a slot in which
//! its handler's future lives. Never knows connections; the driver runs the slots.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{self, Poll};
use std::time::Duration;

use traitwire_idl::{Argument, DecodeLimits, Fingerprint, Guard, Interface, Type, resolve_arguments};

use crate::body::Body;
use crate::buffer::Buffer;
use crate::codec::Encoder;
use crate::context::{CallScope, Caller};
use crate::error::{Code, Executed, RpcError};
use crate::evolved::evolve_all;
use crate::priority::Priority;
use crate::proto::Outcome;
use crate::proto::hello::ServedService;
pub use crate::request::Request;
use crate::transport::Peer;

/// A service that can be served: made by `XServer::new(implementation)`.
pub trait Dispatch: Send + Sync + 'static {
    /// The interface, and for each of its methods, by index, what a call needs to know.
    fn description(&self) -> &'static ServiceDescription;

    /// A fresh slot for calls of the method with this index; `None` if there is no such method.
    fn slot(&self, method: u32) -> Option<Box<dyn Slot>>;
}

/// The home of one running handler. The future never moves, and the slot is used again for the next call of
/// the same method, so a call in the steady state allocates nothing here.
pub trait Slot: Send {
    /// Puts the handler of a request in place, unpolled.
    fn start(&mut self, request: Request);

    /// Polls the handler that was started. Not called again after `Ready`.
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Reply, RpcError>>;

    /// Drops the handler, finished or not.
    fn clear(&mut self);
}

/// A slot for the futures that `make` returns.
pub fn slot<M, F>(make: M) -> Box<dyn Slot>
where
    M: FnMut(Request) -> F + Send + 'static,
    F: Future<Output = Result<Reply, RpcError>> + Send + 'static,
{
    Box::new(SlotOf { make, future: Box::pin(None) })
}

struct SlotOf<M, F> {
    make: M,
    future: Pin<Box<Option<F>>>,
}

impl<M, F> Slot for SlotOf<M, F>
where
    M: FnMut(Request) -> F + Send,
    F: Future<Output = Result<Reply, RpcError>> + Send,
{
    fn start(&mut self, request: Request) {
        let future = (self.make)(request);
        self.future.set(Some(future));
    }

    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Reply, RpcError>> {
        match self.future.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        }
    }

    fn clear(&mut self) {
        self.future.set(None);
    }
}

/// Runs a handler once without any connection, its arguments checked and decoded as a server does it. `None`
/// if there is no such method or the handler waits. For fuzzing the decoding of arguments.
#[doc(hidden)]
pub fn poll_unconnected(service: &dyn Dispatch, method: u32, body: &[u8]) -> Option<Result<Reply, RpcError>> {
    let description = service.description().methods().get(method as usize)?;
    let mut buffer = Buffer::new();
    buffer.extend_from_slice(body);
    let mut body = Body::new(buffer);
    if let Err(error) = description.check_arguments(&mut body, 128) {
        return Some(Err(error));
    }
    poll_once(service, method, body)
}

/// The same for arguments of another version of the service, whose method this is. `None` too where the two versions
/// do not go together.
#[doc(hidden)]
pub fn poll_evolved(
    service: &dyn Dispatch,
    caller: &Interface,
    method: u32,
    body: &[u8],
) -> Option<Result<Reply, RpcError>> {
    let interface = service.description().interface();
    let resolved = resolve_arguments(caller, interface).ok()?;
    let arguments = resolved.into_iter().nth(method as usize)??.ok()?;
    let name = &caller.methods.get(method as usize)?.name;
    let own = interface.methods.iter().position(|method| method.name == *name)?;
    let mut buffer = Buffer::new();
    buffer.extend_from_slice(body);
    let mut body = Body::new(buffer);
    if let Err(error) = evolve_all(&arguments.values, &mut body, 128) {
        return Some(Err(error));
    }
    poll_once(service, own as u32, body)
}

/// The interface that a peer would be taken to have that introduces itself with these bytes.
#[doc(hidden)]
pub fn introduced(bytes: &[u8]) -> Option<Interface> {
    crate::versions::read_interface(bytes, 128).ok()
}

fn poll_once(service: &dyn Dispatch, method: u32, body: Body) -> Option<Result<Reply, RpcError>> {
    let description = service.description().methods().get(method as usize)?;
    let mut slot = service.slot(method)?;
    let peer = Peer::new("in-process:test".parse().ok()?);
    let scope = CallScope::new(&description.path, Caller::Nobody(Arc::new(peer)), None);
    slot.start(Request::new(body, scope, None));
    match slot.poll(&mut task::Context::from_waker(task::Waker::noop())) {
        Poll::Ready(reply) => Some(reply),
        Poll::Pending => None,
    }
}

/// What a handler answers.
#[derive(Debug)]
pub enum Reply {
    /// The method's value, encoded.
    Output(Body),
    /// The method's own error, encoded.
    Error(Body),
}

impl Reply {
    /// A value: `encode` writes it.
    ///
    /// # Errors
    /// Where its `Serialize` fails.
    pub fn output(encode: impl FnOnce(&mut Encoder)) -> Result<Self, RpcError> {
        encoded(encode).map(Reply::Output)
    }

    /// The method's own error: `encode` writes it.
    ///
    /// # Errors
    /// Where its `Serialize` fails.
    pub fn error(encode: impl FnOnce(&mut Encoder)) -> Result<Self, RpcError> {
        encoded(encode).map(Reply::Error)
    }
}

impl Reply {
    /// What a method returned that has no error of its own. One function for all methods with this type.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    #[inline(never)]
    pub fn returned<T>(value: T, write: fn(&mut Encoder, T)) -> Result<Self, RpcError> {
        Self::output(|encoder| write(encoder, value))
    }

    /// What a method returned that has one. One function for all methods with these types.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    #[inline(never)]
    pub fn settled<T, E>(
        result: Result<T, E>,
        write_value: fn(&mut Encoder, T),
        write_error: fn(&mut Encoder, E),
    ) -> Result<Self, RpcError> {
        match result {
            Ok(value) => Self::output(|encoder| write_value(encoder, value)),
            Err(error) => Self::error(|encoder| write_error(encoder, error)),
        }
    }
}

fn encoded(encode: impl FnOnce(&mut Encoder)) -> Result<Body, RpcError> {
    let mut encoder = Encoder::new();
    encode(&mut encoder);
    encoder.finish().map_err(|error| error.with_executed(Executed::Yes))
}

/// Everything about a service that both its sides know from its trait. Built once per service.
#[derive(Debug)]
pub struct ServiceDescription {
    interface: Interface,
    methods: Vec<MethodDescription>,
    fingerprint: u64,
    /// What a peer of another version is told of the interface, once one asked.
    introduction: OnceLock<Vec<u8>>,
}

/// What a call needs to know of its method.
#[derive(Debug)]
pub struct MethodDescription {
    /// `Service.method`, as errors name it.
    pub path: String,
    /// The hash of its signature; equal on both sides or the call is refused.
    pub fingerprint: Fingerprint,
    /// How the trait wants it called and run.
    pub attributes: Attributes,
    /// Checks of bodies whose types could exhaust the decoder; `None` where no body can.
    pub(crate) arguments_guard: Option<Guard>,
    pub(crate) output_guard: Option<Guard>,
    pub(crate) error_guard: Option<Guard>,
    /// Of items of the argument stream.
    pub(crate) streamed_guard: Option<Guard>,
    /// Whether calling it twice does no more than once.
    pub(crate) idempotent: bool,
    /// Whether an argument stream, or a result stream, belongs to its calls.
    pub(crate) takes_stream: bool,
    pub(crate) gives_stream: bool,
}

/// `#[ipc(…)]` of a method, as far as running a call is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Attributes {
    /// `timeout = "…"`: the deadline of calls that set none themselves.
    pub timeout: Option<Duration>,
    /// `spawn`: the handler runs on a thread of the pool for blocking work, since it holds its thread for long.
    pub spawn: bool,
    /// `priority = "…"`: that of calls whose client sets none.
    pub priority: Priority,
}

impl Attributes {
    /// No attribute at all.
    pub const NONE: Self = Self { timeout: None, spawn: false, priority: Priority::Normal };

    /// `timeout`, in milliseconds.
    pub const fn timeout_ms(mut self, milliseconds: u64) -> Self {
        self.timeout = Some(Duration::from_millis(milliseconds));
        self
    }

    /// `priority`.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// `spawn`.
    pub const fn spawn(mut self) -> Self {
        self.spawn = true;
        self
    }
}

impl MethodDescription {
    /// Checks arguments before they are decoded.
    pub(crate) fn check_arguments(&self, body: &mut Body, max_depth: u32) -> Result<(), RpcError> {
        check(self.arguments_guard.as_ref(), body, max_depth)
    }

    /// Checks a value or a method's own error before it is decoded.
    pub(crate) fn check_outcome(&self, outcome: &mut Outcome, max_depth: u32) -> Result<(), RpcError> {
        match outcome {
            Outcome::Output(body) => check(self.output_guard.as_ref(), body, max_depth),
            Outcome::Error(body) => check(self.error_guard.as_ref(), body, max_depth),
            Outcome::Failure(_) => Ok(()),
        }
    }
}

pub(crate) fn check(guard: Option<&Guard>, body: &mut Body, max_depth: u32) -> Result<(), RpcError> {
    let Some(guard) = guard else { return Ok(()) };
    let limits = DecodeLimits::default().with_max_depth(max_depth);
    // What another version wrote has passed the same limits.
    if body.has_gaps() {
        return Ok(());
    }
    match guard.check(body.as_contiguous(), limits) {
        Ok(_) => Ok(()),
        Err(error) => Err(RpcError::new(Code::Decode, error.to_string())),
    }
}

impl ServiceDescription {
    /// A description of `interface`; `attributes` has one entry for each of its methods, in their order.
    ///
    /// # Panics
    /// If it has not.
    pub fn new(interface: Interface, attributes: &[Attributes]) -> Self {
        assert_eq!(interface.methods.len(), attributes.len(), "one set of attributes for each method");
        let types = &interface.types;
        let methods = interface.methods.iter().zip(attributes).map(|(method, attributes)| {
            let (streamed, arguments): (Vec<_>, Vec<_>) =
                method.arguments.iter().partition(|argument| argument.stream);
            let types_of = |arguments: Vec<&Argument>| -> Vec<Type> {
                arguments.into_iter().map(|argument| argument.ty.clone()).collect()
            };
            let (streamed, arguments) = (types_of(streamed), types_of(arguments));
            let error: Vec<_> = method.error.iter().cloned().collect();
            MethodDescription {
                path: format!("{}.{}", interface.name, method.name),
                fingerprint: Fingerprint::of_method(method, types),
                attributes: *attributes,
                arguments_guard: Guard::new(&arguments, types),
                output_guard: Guard::new(std::slice::from_ref(&method.output), types),
                error_guard: Guard::new(&error, types),
                streamed_guard: Guard::new(&streamed, types),
                idempotent: method.idempotent,
                takes_stream: !streamed.is_empty(),
                gives_stream: method.stream,
            }
        });
        let methods: Vec<_> = methods.collect();
        let named = interface.methods.iter().zip(&methods);
        let named = named.map(|(model, method)| (model.name.as_str(), method.fingerprint));
        let fingerprint = Fingerprint::of_service(&interface.name, named).to_bits();
        Self { interface, methods, fingerprint, introduction: OnceLock::new() }
    }

    /// A description of an interface that a peer gave beside its hello, which says the fingerprints. Bodies are not
    /// checked: whoever calls by a fetched schema reads them by that, with care of its own.
    pub(crate) fn fetched(interface: Interface, served: &ServedService) -> Self {
        let known: HashMap<_, _> =
            served.methods.iter().map(|method| (method.name.as_str(), method.fingerprint)).collect();
        let methods = interface.methods.iter().map(|method| MethodDescription {
            path: format!("{}.{}", interface.name, method.name),
            fingerprint: known.get(method.name.as_str()).copied().unwrap_or(Fingerprint::from_bits(0)),
            attributes: Attributes::NONE,
            arguments_guard: None,
            output_guard: None,
            error_guard: None,
            streamed_guard: None,
            idempotent: method.idempotent,
            takes_stream: method.arguments.iter().any(|argument| argument.stream),
            gives_stream: method.stream,
        });
        let introduction = OnceLock::new();
        Self { methods: methods.collect(), interface, fingerprint: 0, introduction }
    }

    /// The hash of the whole service; between equal ones methods have the same numbers.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The interface as peers of other versions are told it: encoded, without docs, which nobody reads there.
    ///
    /// # Errors
    /// None that is known: the model can always be encoded.
    pub(crate) fn introduction(&self) -> Result<&[u8], RpcError> {
        if let Some(known) = self.introduction.get() {
            return Ok(known);
        }
        let mut encoder = Encoder::new();
        encoder.value(&self.interface.without_docs());
        let encoded = encoder.finish()?.as_contiguous().to_vec();
        Ok(self.introduction.get_or_init(|| encoded))
    }

    /// The name under which the service is served.
    pub fn name(&self) -> &str {
        &self.interface.name
    }

    /// The whole schema.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The methods, by index.
    pub fn methods(&self) -> &[MethodDescription] {
        &self.methods
    }
}
