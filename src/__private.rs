//! What generated code names, and nothing else. Not part of the API: it changes with the macros, which are
//! pinned to the same version.

pub use std::boxed::Box;
pub use std::convert::Infallible;
pub use std::convert::{From, Into};
pub use std::future::Future;
pub use std::iter::IntoIterator;
pub use std::option::Option;
pub use std::result::Result;
pub use std::string::String;
pub use std::sync::{Arc, OnceLock};
pub use std::time::Duration;
pub use std::vec::Vec;

pub use serde;
pub use serde_bytes;

pub use crate::__blocking as blocking;
pub use traitwire_core::Stream;
#[cfg(feature = "blocking")]
pub use traitwire_core::blocking::{BlockingStreaming, call, feed, wait};
pub use traitwire_core::channel::Channel;
pub use traitwire_core::client::{Call, Client};
pub use traitwire_core::codec::{Decoder, Encoder};
pub use traitwire_core::error::{CallError, RpcError};
pub use traitwire_core::items::Upload;
pub use traitwire_core::priority::Priority;
pub use traitwire_core::service::{Attributes, Dispatch, Reply, Request, ServiceDescription, Slot, slot};
pub use traitwire_core::streaming::Streaming;
pub use traitwire_core::transparent;
pub use traitwire_core::transport::Dial;
pub use traitwire_idl::{Contract, Field, Interface, Schema, Shape, Type, Types, Variant};

/// Keeps blocking clients: whether there are any is for the façade's features to say, which the macros cannot see.
#[cfg(feature = "blocking")]
#[doc(hidden)]
#[macro_export]
macro_rules! __blocking {
    ($($item:item)*) => { $($item)* };
}

/// Drops blocking clients.
#[cfg(not(feature = "blocking"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __blocking {
    ($($token:tt)*) => {};
}
