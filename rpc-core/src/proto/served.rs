//! The peer's calls that this side serves: from their first frame until their reply has gone out. Never runs
//! a handler.

use std::time::Instant;

use crate::body::Body;
use crate::buffer::Buffer;
use crate::error::{Code, RpcError};
use crate::metadata::MAX_METADATA;
use crate::proto::arrival::Arrival;
use crate::proto::frame::{Header, flags, take_varint};
use crate::proto::{CallId, violation};

/// ```text
///            CALL (all of it)                       reply()
/// Free ───────────────────────────────► Running ─────────────► Free, or Replying while
///   │ CALL (first part)          ▲         │                   a large reply goes out
///   ├────────────► Receiving ────┘         │ CANCEL, deadline
///   │                  │   last part       ▼
///   │                  │                Running, cancelled: the handler still has to end
///   │                  │ refused, CANCEL, deadline
///   └──────────────────┴──────────► Free (what still arrives of it is skipped)
/// ```
#[derive(Debug)]
enum State {
    Free,
    Receiving { method: u32, metadata: Vec<u8>, arrival: Arrival },
    Running { charged: usize, cancelled: bool },
    Replying,
}

#[derive(Debug)]
struct Served {
    state: State,
    deadline: Option<Instant>,
}

/// A call whose arguments have arrived.
#[derive(Debug)]
pub struct Incoming {
    /// Its id.
    pub id: CallId,
    /// The method's number in this side's hello.
    pub method: u32,
    /// When its time is up.
    pub deadline: Option<Instant>,
    /// Its metadata as it came; empty for none.
    pub metadata: Vec<u8>,
    /// Its arguments.
    pub body: Body,
}

/// What a frame of a call did.
#[derive(Debug)]
pub(super) enum Step {
    /// More of it is to come, or it is to be skipped.
    Wait,
    /// It is complete.
    Ready(Incoming),
    /// It is refused: answer so.
    Refuse(RpcError),
}

impl Served {
    /// Runs the call once all of its arguments are here.
    fn settle(&mut self, id: CallId) -> Step {
        let State::Receiving { method, metadata, arrival } = &mut self.state else { return Step::Wait };
        let Some(body) = arrival.take() else { return Step::Wait };
        let (method, metadata, charged) = (*method, std::mem::take(metadata), arrival.total());
        self.state = State::Running { charged, cancelled: false };
        Step::Ready(Incoming { id, method, deadline: self.deadline, metadata, body })
    }
}

/// A block of bytes behind its length.
fn take_block<'a>(payload: &mut &'a [u8]) -> Result<&'a [u8], RpcError> {
    let length = usize::try_from(take_varint(payload)?).unwrap_or(usize::MAX);
    let Some((block, rest)) = payload.split_at_checked(length) else {
        return Err(violation("P-29", "metadata that is cut short"));
    };
    *payload = rest;
    Ok(block)
}

#[derive(Debug)]
pub(super) struct ServedCalls {
    calls: Vec<Served>,
    /// Bytes of arguments in parts held.
    held: usize,
    busy: usize,
}

/// What the session allows a call.
pub(super) struct Allowance {
    pub(super) max_calls: u32,
    pub(super) max_message: usize,
    pub(super) max_inflight: usize,
}

impl ServedCalls {
    pub(super) fn new() -> Self {
        Self { calls: Vec::new(), held: 0, busy: 0 }
    }

    /// Calls whose reply has not gone out.
    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    /// A `CALL` frame (P-20, P-30). `Step::Refuse` leaves the id free.
    pub(super) fn handle_call(
        &mut self,
        header: Header,
        mut payload: &[u8],
        allowance: &Allowance,
        now: Instant,
    ) -> Result<Step, RpcError> {
        let method = u32::try_from(take_varint(&mut payload)?)
            .map_err(|_| violation("P-20", "a method above 32 bits"))?;
        let left = match header.has(flags::DEADLINE) {
            true => Some(std::time::Duration::from_micros(take_varint(&mut payload)?)),
            false => None,
        };
        let metadata = match header.has(flags::METADATA) {
            true => take_block(&mut payload)?,
            false => &[],
        };
        let total = match header.has(flags::PARTIAL) {
            true => usize::try_from(take_varint(&mut payload)?).unwrap_or(usize::MAX),
            false => payload.len(),
        };
        if header.has(flags::PARTIAL) && (payload.is_empty() || payload.len() >= total) {
            return Err(violation("P-31", "a first part that is empty or everything"));
        }
        if header.id >= allowance.max_calls {
            let message = format!("more than {} calls in flight (max_calls)", allowance.max_calls);
            return Ok(Step::Refuse(RpcError::new(Code::ResourceExhausted, message)));
        }
        let index = header.id as usize;
        if index >= self.calls.len() {
            self.calls.resize_with(index + 1, || Served { state: State::Free, deadline: None });
        }
        if !matches!(self.calls[index].state, State::Free) {
            return Err(violation("P-21", format_args!("call id {index} is used twice at once")));
        }
        if total > allowance.max_message {
            let message =
                format!("arguments of {total} bytes, above max_message of {}", allowance.max_message);
            return Ok(Step::Refuse(RpcError::new(Code::TooLarge, message)));
        }
        if metadata.len() > MAX_METADATA {
            let message = format!("metadata of {} bytes, above the limit of {MAX_METADATA}", metadata.len());
            return Ok(Step::Refuse(RpcError::new(Code::TooLarge, message)));
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Step::Refuse(RpcError::new(
                Code::DeadlineExceeded,
                "no time was left when the call arrived",
            )));
        }
        let in_parts = header.has(flags::PARTIAL);
        if in_parts && self.held + total > allowance.max_inflight {
            // Alone too much: calling again is of no use.
            let code = if total > allowance.max_inflight { Code::TooLarge } else { Code::ResourceExhausted };
            let message =
                format!("more than {} bytes of arguments at once (max_inflight)", allowance.max_inflight);
            return Ok(Step::Refuse(RpcError::new(code, message)));
        }
        // A deadline beyond what the clock can say is none.
        let deadline = left.and_then(|left| now.checked_add(left));
        self.busy += 1;
        let served = &mut self.calls[index];
        served.deadline = deadline;
        if in_parts {
            self.held += total;
            let arrival = Arrival::new(Buffer::new(), payload, total, header.has(flags::BLOCK));
            served.state = State::Receiving { method, metadata: metadata.to_vec(), arrival };
            return Ok(Step::Wait);
        }
        let mut body = Buffer::new();
        body.extend_from_slice(payload);
        served.state = State::Running { charged: 0, cancelled: false };
        let (metadata, body) = (metadata.to_vec(), Body::new(body));
        Ok(Step::Ready(Incoming { id: CallId(header.id), method, deadline, metadata, body }))
    }

    /// A `CALL_DATA` frame (P-31). `None` if it belongs to a call that was refused: it is skipped.
    pub(super) fn handle_data(&mut self, header: Header, payload: &[u8]) -> Result<Option<Step>, RpcError> {
        let Some(served) = self.calls.get_mut(header.id as usize) else { return Ok(None) };
        let State::Receiving { arrival, .. } = &mut served.state else { return Ok(None) };
        arrival.append(payload)?;
        Ok(Some(served.settle(CallId(header.id))))
    }

    /// The block that a call under this id fills, lent to be read into.
    pub(super) fn lend_block(&mut self, id: u32) -> Option<Vec<u8>> {
        match &mut self.calls.get_mut(id as usize)?.state {
            State::Receiving { arrival, .. } => arrival.lend(),
            _ => None,
        }
    }

    /// Takes a lent block back, with `bytes` more at its end.
    pub(super) fn return_block(&mut self, id: u32, block: Vec<u8>, bytes: usize) -> Result<Step, RpcError> {
        let Some(served) = self.calls.get_mut(id as usize) else { return Ok(Step::Wait) };
        let State::Receiving { arrival, .. } = &mut served.state else { return Ok(Step::Wait) };
        arrival.give_back(block, bytes)?;
        Ok(served.settle(CallId(id)))
    }

    /// Ends a call that is still being received.
    pub(super) fn stop_receiving(&mut self, id: CallId) -> bool {
        let Some(served) = self.calls.get_mut(id.0 as usize) else { return false };
        let State::Receiving { arrival, .. } = &served.state else { return false };
        self.held -= arrival.total();
        served.state = State::Free;
        self.busy -= 1;
        true
    }

    /// Marks a running call as cancelled. `false` if it is not running, or was cancelled before.
    pub(super) fn cancel(&mut self, id: CallId) -> bool {
        match self.calls.get_mut(id.0 as usize).map(|served| &mut served.state) {
            Some(State::Running { cancelled, .. }) => !std::mem::replace(cancelled, true),
            _ => false,
        }
    }

    pub(super) fn deadline(&self, id: CallId) -> Option<Instant> {
        self.calls.get(id.0 as usize).and_then(|served| served.deadline)
    }

    /// A handler has ended. `large` keeps the id taken until the reply has gone out. `false` if no handler
    /// runs under this id.
    pub(super) fn ended(&mut self, id: CallId, large: bool) -> bool {
        let Some(served) = self.calls.get_mut(id.0 as usize) else { return false };
        let State::Running { charged, .. } = served.state else { return false };
        self.held -= charged;
        served.state = if large { State::Replying } else { State::Free };
        self.busy -= usize::from(!large);
        true
    }

    /// A large reply has gone out, or will not.
    pub(super) fn replied(&mut self, id: CallId) {
        if let Some(served) = self.calls.get_mut(id.0 as usize)
            && matches!(served.state, State::Replying)
        {
            served.state = State::Free;
            self.busy -= 1;
        }
    }
}
