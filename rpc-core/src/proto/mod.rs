//! The protocol as a pure machine: bytes and the time go in; bytes, events and the next deadline come out.
//! No sockets, no clock, no locks, no tokio. The rules are numbered in PROTOCOL.md; code names them as `P-n`.

pub mod frame;
pub mod hello;

mod admission;
mod arrival;
mod budget;
mod call;
mod call_id;
mod calls;
mod outgoing;
mod output;
mod portion;
mod references;
mod served;
mod session;
mod stream;
mod timer;
mod turns;

pub use frame::MAGIC;
pub use outgoing::{Outgoing, SLICES};
pub use session::{
    Arrived, Awaits, Batch, CallKey, CallerKey, Event, Incoming, NewCall, ServedKey, Session, StreamEnd,
    Ticket,
};
pub(crate) use turns::{Each, Turns};

use crate::body::Body;
use crate::error::{Code, RpcError};

/// Names one call in flight in one direction of one connection: chosen by the caller below the callee's
/// `max_calls`, free again when the reply is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// How a call ended, as bytes.
#[derive(Debug)]
pub enum Outcome {
    /// The method's value.
    Output(Body),
    /// The method's own error.
    Error(Body),
    /// The call failed.
    Failure(RpcError),
}

/// The peer broke rule `rule`: the connection ends.
#[cold]
pub(crate) fn violation(rule: &str, what: impl std::fmt::Display) -> RpcError {
    RpcError::new(Code::Protocol, format!("the peer broke protocol rule {rule}: {what}"))
}
