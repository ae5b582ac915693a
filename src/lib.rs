//! Calls between processes as a Rust trait describes them.
//!
//! `#[ipc_service]` on a trait gives a typed client and a server. *Where* the other process is (a child behind
//! a pipe, a daemon behind a local socket, a machine across TCP) is one address string, never a change in
//! code:
//!
//! ```
//! use traitwire::{Server, ipc_service};
//!
//! #[ipc_service]
//! pub trait Calculator {
//!     /// Adds two numbers.
//!     async fn add(&self, a: i64, b: i64) -> i64;
//! }
//!
//! struct Abacus;
//!
//! impl Calculator for Abacus {
//!     async fn add(&self, a: i64, b: i64) -> i64 {
//!         a + b
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().service(CalculatorServer::new(Abacus)).bind("mem:calculator").await?;
//! let handle = server.spawn();
//!
//! let calculator = CalculatorClient::connect("mem:calculator").await?;
//! assert_eq!(calculator.add(2, 3).await?, 5);
//!
//! handle.shutdown(std::time::Duration::from_secs(5)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A server has as many addresses as it is bound to, all with the same services:
//! `Server::builder().service(…).bind("unix:/run/app.sock").await?.bind("tcp://127.0.0.1:7000").await?`.
//!
//! | address | what is there |
//! |---|---|
//! | `mem:NAME` | this process: for tests and for embedding |
//! | `exec:PROGRAM ARGS…` | a child process that the client starts, over its stdin and stdout |
//! | `stdio:` | the serving side of `exec:` |
//! | `fifo:PATH` | a server behind a named pipe, one pair of pipes for each client |
//! | `unix:PATH` | a server behind a Unix domain socket file |
//! | `local:NAME` | a server behind the platform's namespaced local socket |
//! | `shm:PATH` | a server behind shared memory, introduced by a Unix domain socket file (64-bit Linux) |
//! | `tcp://HOST:PORT` | a server across the network |
//!
//! An address may carry options, `tcp://127.0.0.1:7000?connect_timeout=2s&max_message=1MiB`; see [`Options`]
//! and [`Endpoint`]. With `Config` it comes from a TOML file or the environment.
//!
//! # Types
//!
//! Arguments, results and errors are whatever serde can write and [`Schema`] can describe: the standard
//! library's types are ready, `#[ipc_type]` makes a struct or enum of your own ready.
//!
//! # Errors
//!
//! A call gives `Result<T, CallError<E>>`: [`CallError::Service`] is the method's own error, and
//! [`CallError::Rpc`] says what happened on the way, at which address, and with [`RpcError::executed`] whether
//! calling again is safe.
//!
//! # Streams
//!
//! A method that takes a [`Streaming`] argument gets the caller's items as they come; one that returns
//! `impl Stream` sends its items as they are made; one may do both. The client passes any [`Stream`] of the items,
//! and gets a [`Streaming`] back. In the trait the macro knows `Stream` by its name: the import is for the
//! implementation, and the compiler warns of it where there is none.
//!
//! ```
//! use traitwire::{Stream, Streaming, ipc_service};
//!
//! #[ipc_service]
//! pub trait Numbers {
//!     fn countdown(&self, from: u32) -> impl Stream<Item = u32>;
//!     async fn sum(&self, values: Streaming<i64>) -> i64;
//! }
//!
//! struct Desk;
//!
//! impl Numbers for Desk {
//!     fn countdown(&self, from: u32) -> impl Stream<Item = u32> {
//!         tokio_stream::iter((0..from).rev())
//!     }
//!
//!     async fn sum(&self, mut values: Streaming<i64>) -> i64 {
//!         let mut sum = 0;
//!         while let Some(Ok(value)) = values.next().await {
//!             sum += value;
//!         }
//!         sum
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let numbers = NumbersClient::local(Desk);
//! assert_eq!(numbers.sum(tokio_stream::iter([1, 2, 3])).await?, 6);
//! let mut countdown = numbers.countdown(2);
//! assert_eq!(countdown.next().await, Some(Ok(1)));
//! assert_eq!(countdown.next().await, Some(Ok(0)));
//! assert_eq!(countdown.next().await, None);
//! # Ok(())
//! # }
//! ```
//!
//! An implementation writes `impl Stream<Item = …>` as the trait does; a named type in its place, such as a boxed
//! stream, needs `#[expect(refining_impl_trait)]`. Time for a call is time for the whole stream.
//!
//! # Both directions
//!
//! A client is a value. Made by `local` of an object of this process and passed in a message, it lets the other side call
//! that object, for as long as somebody holds a client of it and the connection lives:
//!
//! ```
//! use traitwire::ipc_service;
//!
//! #[ipc_service]
//! pub trait Progress {
//!     async fn report(&self, percent: u32);
//! }
//!
//! #[ipc_service]
//! pub trait Worker {
//!     async fn run(&self, progress: ProgressClient) -> bool;
//! }
//!
//! struct Bar;
//!
//! impl Progress for Bar {
//!     async fn report(&self, percent: u32) {
//!         println!("{percent} %");
//!     }
//! }
//!
//! struct Diligent;
//!
//! impl Worker for Diligent {
//!     async fn run(&self, progress: ProgressClient) -> bool {
//!         progress.report(100).await.is_ok()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let worker = WorkerClient::local(Diligent);
//! assert!(worker.run(ProgressClient::local(Bar)).await?);
//! # Ok(())
//! # }
//! ```
//!
//! A client made by `connect` or `new` belongs to its connection and cannot be passed on. A handler reaches what its
//! caller serves by [`Context::channel`].
//!
//! # Events
//!
//! A [`Broadcast`] in the service's state gives what is published to everybody who has subscribed. Publishing never
//! waits: who falls behind by more than it holds gets [`Lagged`], with the number of events missed, and goes on or
//! ends.
//!
//! ```
//! use traitwire::{Broadcast, Lagged, Stream, ipc_service};
//!
//! #[ipc_service]
//! pub trait Prices {
//!     async fn set(&self, price: u32);
//!     fn prices(&self) -> impl Stream<Item = Result<u32, Lagged>>;
//! }
//!
//! struct Exchange {
//!     prices: Broadcast<u32>,
//! }
//!
//! impl Prices for Exchange {
//!     async fn set(&self, price: u32) {
//!         self.prices.publish(price);
//!     }
//!
//!     fn prices(&self) -> impl Stream<Item = Result<u32, Lagged>> {
//!         self.prices.subscribe()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let prices = Broadcast::new(64);
//! let client = PricesClient::local(Exchange { prices: prices.clone() });
//! let mut events = client.prices();
//! // The call is made, and what is published from then on is seen, once the first item is asked for.
//! let reading = tokio::spawn(async move { (events.next().await, events) });
//! while prices.subscribers() == 0 {
//!     tokio::task::yield_now().await;
//! }
//! client.set(100).await?;
//! let (first, mut events) = reading.await?;
//! assert_eq!(first, Some(Ok(100)));
//! prices.close();
//! assert_eq!(events.next().await, None);
//! # Ok(())
//! # }
//! ```
//!
//! # Here or elsewhere
//!
//! `#[ipc_service(transparent)]` makes the client implement the trait as well. A function that takes any object of
//! the trait then takes a client too; a failed call is an error like the method's others:
//!
//! ```
//! use traitwire::{RpcError, ipc_service};
//!
//! #[ipc_service(transparent)]
//! pub trait House {
//!     async fn celsius(&self, room: &str) -> Result<f32, RpcError>;
//! }
//!
//! struct Cottage;
//!
//! impl House for Cottage {
//!     async fn celsius(&self, room: &str) -> Result<f32, RpcError> {
//!         Ok(if room == "kitchen" { 21.5 } else { 11.0 })
//!     }
//! }
//!
//! async fn is_warm(house: &impl House) -> Result<bool, RpcError> {
//!     Ok(house.celsius("kitchen").await? > 20.0)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! assert!(is_warm(&Cottage).await?);
//! assert!(is_warm(&HouseClient::local(Cottage)).await?);
//! # Ok(())
//! # }
//! ```
//!
//! # From a file
//!
//! `include_interface!("calculator.idl")` makes types, trait, client and server of the text of an interface, which
//! [`Interface::print`](idl::Interface::print) gives for every service and `docs/interface-text.md` describes.
//!
//! # Without the trait
//!
//! With the feature `json`, `dynamic::JsonClient` calls any service by what the peer says of its types: JSON in, JSON
//! out. The command `traitwire` does so from a shell.
//!
//! # What a service may rely on
//!
//! Handlers of one connection run concurrently, polled by one task, so none may hold its thread;
//! `#[ipc(spawn)]` runs a method's handlers on threads for blocking work, up to 32 at once for one connection
//! (`max_spawned`). A handler is dropped when its caller gives up
//! or its deadline passes; calls that it makes itself have no more time than it has. A panic, a bad body and a
//! body that is too large cost their own call; a peer that breaks the protocol costs its own connection; nothing
//! a peer sends costs the process.
//!
//! A handler learns about its call from a `&Context` argument: who calls, how much time is left, and what the
//! client sent beside the arguments (`with_metadata`).
#![forbid(unsafe_code)]

/// What a [`Connector`] or [`Listener`] of one's own is written with.
pub use async_trait::async_trait;
#[cfg(feature = "blocking")]
pub use traitwire_core::blocking::BlockingStreaming;
pub use traitwire_core::middleware;
pub use traitwire_core::service::Dispatch;
pub use traitwire_core::transport::{Bind, Connector, Credentials, Dial, Epitaph, Listener, Peer, Wire};
pub use traitwire_core::{
    Broadcast, CallError, Channel, ChannelBuilder, ChannelState, Code, Context, Endpoint, Executed, Lagged,
    Limits, Metadata, Options, Priority, RpcError, Server, ServerBuilder, ServerHandle, Shutdown, Stream,
    Streaming, Subscription,
};
pub use traitwire_idl as idl;
pub use traitwire_idl::Schema;
#[cfg(feature = "include")]
pub use traitwire_macros::include_interface;
pub use traitwire_macros::{Schema, ipc_service, ipc_type};
pub use traitwire_transport::Address;
#[cfg(feature = "config")]
pub use traitwire_transport::Config;

#[cfg(feature = "json")]
pub mod dynamic;

#[doc(hidden)]
pub mod __private;
