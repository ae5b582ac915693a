//! Layers around calls: `tower`'s own for load and time, and functions for what is one's own. The service and the calls
//! do not know of them.
//!
//! `cargo run --example middleware`

use std::error::Error;
use std::time::{Duration, Instant};

use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use traitwire::middleware::{Next, Request, from_fn, intercept};
use traitwire::{CallError, Channel, Code, RpcError, Server, ipc_service};

/// A safe that anybody can ask.
#[ipc_service]
pub trait Safe {
    /// Opens, if one may.
    async fn open(&self, drawer: u32) -> String;
    /// Takes its time.
    async fn search(&self) -> u32;
}

struct Steel;

impl Safe for Steel {
    async fn open(&self, drawer: u32) -> String {
        format!("drawer {drawer} holds a letter")
    }

    async fn search(&self) -> u32 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        1
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Three lines for an interceptor.
    let guard = intercept(|request: &mut Request| match request.metadata().get_str("token") {
        Some("open sesame") => Ok(()),
        _ => Err(RpcError::new(Code::PermissionDenied, "the token is missing or wrong")),
    });
    // The last one added sees a call first: the limit counts what the guard has let through.
    let server = Server::builder().layer(ConcurrencyLimitLayer::new(64)).layer(guard);
    let server = server.service(SafeServer::new(Steel)).bind("mem:safe").await?;
    let handle = server.spawn();

    let stranger = SafeClient::connect(handle.endpoint()).await?;
    match stranger.open(1).await {
        Err(CallError::Rpc(error)) => println!("a stranger: {error}"),
        Ok(letter) => return Err(letter.into()),
    }

    // Around every call of this channel: a token, a timeout, and a stopwatch around both.
    let token = intercept(|request: &mut Request| {
        request.metadata_mut().insert("token", "open sesame");
        Ok(())
    });
    let stopwatch = from_fn(|request: Request, next: Next| async move {
        let (method, since) = (request.method().to_owned(), Instant::now());
        let answer = next.run(request).await;
        let came = if answer.is_ok() { "answered" } else { "failed" };
        println!("{method} {came} within {} s", since.elapsed().as_secs() + 1);
        answer
    });
    let layers = ServiceBuilder::new().layer(TimeoutLayer::new(Duration::from_millis(200))).layer(token);
    let channel = Channel::connect(handle.endpoint()).await?.layer(layers).layer(stopwatch);

    let owner = SafeClient::new(channel);
    println!("the owner: {}", owner.open(2).await?);
    match owner.search().await {
        Err(CallError::Rpc(error)) => println!("the owner, in a hurry: {error}"),
        Ok(found) => return Err(format!("{found} found").into()),
    }
    handle.shutdown(Duration::from_secs(1)).await?;
    Ok(())
}
