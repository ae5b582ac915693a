//! What a call is: the protocol, the two roles on top of it, and their errors. Never opens a socket and
//! never knows which transports exist: [`transport`] is the seam.
#![forbid(unsafe_code)]

mod broadcast;
pub mod channel;
pub mod client;
pub mod codec;
pub mod context;
pub mod dynamic;
pub mod endpoint;
pub mod error;
pub mod middleware;
pub mod options;
pub mod proto;
pub mod server;
pub mod service;
pub mod streaming;
pub mod transparent;
pub mod transport;

mod adapted;
mod backoff;
mod binding;
mod body;
mod buffer;
mod connection;
mod described;
mod driver;
mod evolved;
mod exchange;
mod handlers;
mod in_process;
pub mod items;
mod link;
pub mod metadata;
mod open;
mod passing;
mod patience;
pub mod priority;
mod random;
mod reference;
mod reflection;
mod request;
mod retry;
mod services;
mod spawned;
mod states;
mod sync;
mod target;
mod trace;
mod versions;
mod watchdog;

pub use body::Body;
pub use broadcast::{Broadcast, Lagged, Subscription};
pub use channel::{Channel, ChannelBuilder, ChannelState};
pub use client::Client;
pub use context::Context;
pub use dynamic::DynamicClient;
pub use endpoint::Endpoint;
pub use error::{CallError, Code, Executed, RpcError};
pub use futures_core::Stream;
pub use metadata::Metadata;
pub use options::{Limits, Options};
pub use priority::Priority;
pub use server::{Server, ServerBuilder, ServerHandle, Shutdown};
pub use streaming::Streaming;
