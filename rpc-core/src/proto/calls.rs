//! The calls this side has in flight: from the id on the wire to whoever waits for the reply. Never decides
//! when a call may start.

use std::task::{Poll, Waker};
use std::time::Instant;

use slab::Slab;

use crate::buffer::Buffer;
use crate::error::RpcError;
use crate::proto::arrival::Arrival;
use crate::proto::frame::{Header, flags, take_varint};
use crate::proto::{CallId, Outcome, violation};

/// Names one call on this side. Unlike its id it stays taken until the outcome has been collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKey(pub(super) usize);

#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) deadline: Option<Instant>,
    /// Where in the stream of output its last byte stands; `None` while part of it is queued.
    pub(super) ends_at: Option<u64>,
    /// Bytes it holds of the peer's budget for chunked arguments.
    pub(super) charged: u32,
    waker: Option<Waker>,
    /// The request's buffer, kept so that the reply needs no other.
    spare: Buffer,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    Receiving { flags: u8, arrival: Arrival },
    Done(Outcome),
}

/// What an id stands for.
#[derive(Debug, Clone, Copy)]
enum Id {
    Free,
    Of(CallKey),
    /// Cancelled or timed out here; the peer still owes the reply, and so much of its body.
    Abandoned {
        owed: usize,
    },
}

/// What a reply frame did.
#[derive(Debug)]
pub(super) enum Progress {
    /// More of the body is to come.
    Partial,
    /// The reply is complete and the id free; this much of the byte budget is given back.
    Complete { waker: Option<Waker>, charged: u32, deadline: Option<(CallKey, Instant)> },
    /// The body exceeds what this side takes.
    TooLarge { key: CallKey, total: usize },
}

#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Slab<Call>,
    ids: Vec<Id>,
    free: Vec<u32>,
}

impl Calls {
    /// Ids in use: calls of which the peer owes the reply.
    pub(super) fn in_flight(&self) -> usize {
        self.ids.len() - self.free.len()
    }

    /// Enters a call under a free id below `max`, if there is one.
    pub(super) fn insert(
        &mut self,
        max: u32,
        deadline: Option<Instant>,
        charged: u32,
    ) -> Option<(CallKey, CallId)> {
        let id = match self.free.pop() {
            Some(id) => id,
            None if self.ids.len() < max as usize => {
                self.ids.push(Id::Free);
                (self.ids.len() - 1) as u32
            }
            None => return None,
        };
        let state = State::Waiting;
        let call = Call {
            id: CallId(id),
            deadline,
            ends_at: None,
            charged,
            waker: None,
            spare: Buffer::default(),
            state,
        };
        let key = CallKey(self.calls.insert(call));
        self.ids[id as usize] = Id::Of(key);
        Some((key, CallId(id)))
    }

    pub(super) fn keep_buffer(&mut self, key: CallKey, buffer: Buffer) {
        self.calls[key.0].spare = buffer;
    }

    pub(super) fn get_mut(&mut self, key: CallKey) -> Option<&mut Call> {
        self.calls.get_mut(key.0)
    }

    pub(super) fn by_id(&mut self, id: CallId) -> Option<&mut Call> {
        match self.ids.get(id.0 as usize) {
            Some(Id::Of(key)) => self.calls.get_mut(key.0),
            _ => None,
        }
    }

    /// The outcome, once; until then `waker` is woken when it is there.
    pub(super) fn poll(&mut self, key: CallKey, waker: &Waker) -> Poll<Outcome> {
        let call = &mut self.calls[key.0];
        if let State::Done(_) = call.state {
            return match self.calls.remove(key.0).state {
                State::Done(outcome) => Poll::Ready(outcome),
                _ => Poll::Pending,
            };
        }
        match &mut call.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// Forgets a call whose outcome nobody will collect. `true` if the peer still owes the reply.
    pub(super) fn abandon(&mut self, key: CallKey) -> Option<Call> {
        let call = self.calls.try_remove(key.0)?;
        let owed = match &call.state {
            State::Done(_) => return None,
            State::Waiting => 0,
            State::Receiving { arrival, .. } => arrival.left(),
        };
        self.ids[call.id.0 as usize] = Id::Abandoned { owed };
        Some(call)
    }

    /// Ends a call with an outcome that is this side's own; the peer still owes the reply.
    pub(super) fn end(&mut self, key: CallKey, outcome: Outcome) -> Option<Waker> {
        let call = self.calls.get_mut(key.0)?;
        let owed = match &call.state {
            State::Done(_) => return None,
            State::Waiting => 0,
            State::Receiving { arrival, .. } => arrival.left(),
        };
        let arrived = matches!(&call.state, State::Receiving { .. }) && owed == 0;
        call.state = State::Done(outcome);
        let (waker, id) = (call.waker.take(), call.id);
        if arrived {
            self.free(id);
        } else {
            self.ids[id.0 as usize] = Id::Abandoned { owed };
        }
        waker
    }

    /// Frees an id under which nothing was ever sent.
    pub(super) fn free(&mut self, id: CallId) {
        self.ids[id.0 as usize] = Id::Free;
        self.free.push(id.0);
    }

    /// A `REPLY` frame (P-22, P-31).
    pub(super) fn handle_reply(
        &mut self,
        header: Header,
        mut payload: &[u8],
        max: usize,
    ) -> Result<Progress, RpcError> {
        let total = match header.has(flags::PARTIAL) {
            true => usize::try_from(take_varint(&mut payload)?).unwrap_or(usize::MAX),
            false => payload.len(),
        };
        if header.has(flags::PARTIAL) && (payload.is_empty() || payload.len() >= total) {
            return Err(violation("P-31", "a first part that is empty or everything"));
        }
        let id = CallId(header.id);
        match self.ids.get_mut(header.id as usize) {
            Some(Id::Abandoned { owed }) => {
                *owed = total - payload.len();
                Ok(self.settle_abandoned(id))
            }
            Some(Id::Of(key)) => {
                let key = *key;
                let call = &mut self.calls[key.0];
                let arrival = Arrival::new(std::mem::take(&mut call.spare), payload, total);
                call.state = State::Receiving { flags: header.flags, arrival };
                if total > max { Ok(Progress::TooLarge { key, total }) } else { self.settle(key) }
            }
            Some(Id::Free) | None => {
                Err(violation("P-22", format_args!("a reply to no call ({})", header.id)))
            }
        }
    }

    /// A `REPLY_DATA` frame (P-31).
    pub(super) fn handle_data(&mut self, header: Header, payload: &[u8]) -> Result<Progress, RpcError> {
        let id = CallId(header.id);
        match self.ids.get_mut(header.id as usize) {
            Some(Id::Abandoned { owed }) if (1..=*owed).contains(&payload.len()) => {
                *owed -= payload.len();
                Ok(self.settle_abandoned(id))
            }
            Some(Id::Of(key)) => {
                let key = *key;
                let State::Receiving { arrival, .. } = &mut self.calls[key.0].state else {
                    return Err(violation("P-31", "data before a reply"));
                };
                arrival.append(payload)?;
                self.settle(key)
            }
            _ => Err(violation("P-31", format_args!("data of no reply ({})", header.id))),
        }
    }

    /// The block that a reply under this id fills, lent to be read into.
    pub(super) fn lend_block(&mut self, id: u32) -> Option<Vec<u8>> {
        match &mut self.by_id(CallId(id))?.state {
            State::Receiving { arrival, .. } => arrival.lend(),
            _ => None,
        }
    }

    /// Takes a lent block back, with `bytes` more at its end. The call may have been given up meanwhile.
    pub(super) fn return_block(
        &mut self,
        header: Header,
        block: Vec<u8>,
        bytes: usize,
    ) -> Result<Progress, RpcError> {
        match self.ids.get(header.id as usize) {
            Some(Id::Of(key)) => {
                let key = *key;
                if let State::Receiving { arrival, .. } = &mut self.calls[key.0].state {
                    arrival.give_back(block, bytes)?;
                }
                self.settle(key)
            }
            _ if bytes == 0 => Ok(Progress::Partial),
            _ => self.handle_data(header, &block[block.len() - bytes..]),
        }
    }

    fn settle(&mut self, key: CallKey) -> Result<Progress, RpcError> {
        let call = &mut self.calls[key.0];
        let State::Receiving { flags, arrival } = &mut call.state else { return Ok(Progress::Partial) };
        let Some(mut body) = arrival.take() else { return Ok(Progress::Partial) };
        let outcome = match *flags & (flags::ERROR | flags::FAILURE) {
            0 => Outcome::Output(body),
            flags::ERROR => Outcome::Error(body),
            flags::FAILURE => Outcome::Failure(
                postcard::from_bytes(body.as_contiguous())
                    .map_err(|error| violation("P-23", format_args!("an unreadable failure: {error}")))?,
            ),
            _ => return Err(violation("P-12", "a reply that is both an error and a failure")),
        };
        call.state = State::Done(outcome);
        let (waker, charged, id) = (call.waker.take(), call.charged, call.id);
        let deadline = call.deadline.map(|at| (key, at));
        self.free(id);
        Ok(Progress::Complete { waker, charged, deadline })
    }

    fn settle_abandoned(&mut self, id: CallId) -> Progress {
        match self.ids[id.0 as usize] {
            Id::Abandoned { owed: 0 } => {
                self.free(id);
                Progress::Complete { waker: None, charged: 0, deadline: None }
            }
            _ => Progress::Partial,
        }
    }

    /// Ends all calls; `outcome` gives each its own.
    pub(super) fn end_all(&mut self, mut outcome: impl FnMut(&Call) -> Outcome) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for (_, call) in &mut self.calls {
            if !matches!(call.state, State::Done(_)) {
                call.state = State::Done(outcome(call));
                wakers.extend(call.waker.take());
            }
        }
        self.ids.clear();
        self.free.clear();
        wakers
    }
}
