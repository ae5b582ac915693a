//! What a call is: the protocol, the two roles on top of it, and their errors. Never opens a socket and
//! never knows which transports exist: [`transport`] is the seam.
#![forbid(unsafe_code)]

pub mod endpoint;
pub mod error;
pub mod options;
pub mod transport;

pub use endpoint::Endpoint;
pub use error::{CallError, Code, Executed, RpcError};
pub use options::{Limits, Options};
