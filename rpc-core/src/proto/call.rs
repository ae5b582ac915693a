//! One call of this side, from its first byte until its outcome is collected. Never knows its place in the table.

use std::task::Waker;
use std::time::Instant;

use crate::body::Body;
use crate::error::Executed;
use crate::priority::Priority;
use crate::proto::arrival::Arrival;
use crate::proto::stream::{StreamIn, StreamOut};
use crate::proto::{Awaits, CallId, Outcome};

/// A call of this side.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) deadline: Option<Instant>,
    /// Where in the stream of output its last byte stands; `None` while part of it is queued.
    pub(super) ends_at: Option<u64>,
    pub(super) awaits: Awaits,
    pub(super) priority: Priority,
    /// Nothing for a call that has none, so that it costs nothing there.
    pub(super) streams: Option<Box<Streams>>,
    pub(super) waker: Option<Waker>,
    /// What was sent, where that was one frame: the reply uses its buffer, or it can be sent again.
    pub(super) arguments: Option<Body>,
    pub(super) state: State,
}

/// The streams of one call.
#[derive(Debug)]
pub(super) struct Streams {
    /// Tells calls apart that have the key one after another.
    pub(super) serial: u64,
    pub(super) arguments: Option<StreamOut>,
    pub(super) results: Option<StreamIn>,
}

impl Call {
    /// Whether it may have reached the peer, where `written` bytes of all output were written.
    pub(super) fn executed(&self, written: u64) -> Executed {
        match self.ends_at {
            Some(end) if end <= written => Executed::Maybe,
            _ => Executed::No,
        }
    }

    /// Whether its reply is still to come.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Done(_))
    }

    /// Its argument stream, if it has one.
    pub(super) fn arguments(&mut self) -> Option<&mut StreamOut> {
        self.streams.as_mut()?.arguments.as_mut()
    }
}

/// How far the reply is.
#[derive(Debug)]
pub(super) enum State {
    Waiting,
    Receiving { flags: u8, arrival: Arrival },
    Done(Outcome),
}
