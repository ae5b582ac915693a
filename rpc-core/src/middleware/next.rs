//! What a layer is put around, and layers made of functions. Never knows which side it is on.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::{BoxError, Request, Response, failure};
use crate::error::{Executed, RpcError};

type Answering = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

/// A service that layers have made of [`Next`]: any `tower` service of these types that can be cloned and shared.
pub trait Layered: Send + Sync + 'static {
    #[doc(hidden)]
    fn answer(&self, request: Request) -> Answering;
}

impl<S> Layered for S
where
    S: Service<Request, Response = Response, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    fn answer(&self, request: Request) -> Answering {
        // A clone for each call, as readiness belongs to one.
        let mut service = self.clone();
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
            service.call(request).await.map_err(Into::into)
        })
    }
}

/// The rest of a call's way: the layers further in, then the call itself. Cheap to clone, and always ready.
#[derive(Clone)]
pub struct Next(pub(crate) Arc<dyn Layered>);

impl Next {
    /// Goes on with a call.
    ///
    /// # Errors
    /// Where the call fails, or a layer further in refuses it.
    pub async fn run(&self, request: Request) -> Result<Response, RpcError> {
        let reached = Arc::clone(&request.reached);
        self.0.answer(request).await.map_err(|error| failure(error, &reached, Executed::Maybe))
    }
}

impl Service<Request> for Next {
    type Response = Response;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        self.0.answer(request)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// A layer that looks at each call before it goes on, may change its metadata and shorten its time, and refuses it
/// with an error.
///
/// ```
/// use traitwire_core::middleware::{Request, intercept};
/// use traitwire_core::{Code, RpcError};
///
/// let token = intercept(|request: &mut Request| match request.metadata().get_str("token") {
///     Some("secret") => Ok(()),
///     _ => Err(RpcError::new(Code::PermissionDenied, "the token is missing or wrong")),
/// });
/// # let _ = token;
/// ```
pub fn intercept<F>(look: F) -> Intercept<F>
where
    F: Fn(&mut Request) -> Result<(), RpcError> + Clone + Send + Sync + 'static,
{
    Intercept { look }
}

/// The layer that [`intercept`] makes.
#[derive(Clone)]
pub struct Intercept<F> {
    look: F,
}

impl<F: Clone> Layer<Next> for Intercept<F> {
    type Service = Intercepted<F>;

    fn layer(&self, next: Next) -> Intercepted<F> {
        Intercepted { look: self.look.clone(), next }
    }
}

/// What an [`Intercept`] makes.
#[derive(Clone)]
pub struct Intercepted<F> {
    look: F,
    next: Next,
}

impl<F> Service<Request> for Intercepted<F>
where
    F: Fn(&mut Request) -> Result<(), RpcError>,
{
    type Response = Response;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.next.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Answering {
        match (self.look)(&mut request) {
            Ok(()) => self.next.call(request),
            Err(error) => Box::pin(std::future::ready(Err(error.into()))),
        }
    }
}

/// A layer that is an async function around each call.
///
/// ```
/// use traitwire_core::middleware::{Next, Request, from_fn};
///
/// let timing = from_fn(|request: Request, next: Next| async move {
///     let (method, since) = (request.method().to_owned(), std::time::Instant::now());
///     let answer = next.run(request).await;
///     println!("{method} took {:?}", since.elapsed());
///     answer
/// });
/// # let _ = timing;
/// ```
pub fn from_fn<F, A>(around: F) -> FromFn<F>
where
    F: Fn(Request, Next) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response, RpcError>> + Send + 'static,
{
    FromFn { around }
}

/// The layer that [`from_fn`] makes.
#[derive(Clone)]
pub struct FromFn<F> {
    around: F,
}

impl<F: Clone> Layer<Next> for FromFn<F> {
    type Service = Surrounded<F>;

    fn layer(&self, next: Next) -> Surrounded<F> {
        Surrounded { around: self.around.clone(), next }
    }
}

/// What a [`FromFn`] makes.
#[derive(Clone)]
pub struct Surrounded<F> {
    around: F,
    next: Next,
}

impl<F, A> Service<Request> for Surrounded<F>
where
    F: Fn(Request, Next) -> A,
    A: Future<Output = Result<Response, RpcError>> + Send + 'static,
{
    type Response = Response;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.next.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Answering {
        let answering = (self.around)(request, self.next.clone());
        Box::pin(async move { answering.await.map_err(Into::into) })
    }
}

macro_rules! opaque {
    ($($name:ident)+) => {
        $(impl<F> fmt::Debug for $name<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })+
    };
}

opaque! { Intercept Intercepted FromFn Surrounded }
