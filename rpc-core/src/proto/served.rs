//! The peer's calls that this side serves: from their first frame until their reply has gone out. Never runs
//! a handler.

use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use crate::body::Body;
use crate::buffer::Buffer;
use crate::error::{Code, RpcError};
use crate::metadata::MAX_METADATA;
use crate::priority::Priority;
use crate::proto::arrival::Arrival;
use crate::proto::frame::{Header, flags, take_varint};
use crate::proto::stream::{StreamIn, StreamOut};
use crate::proto::{CallId, violation};
use crate::reference::{Object, References};

/// ```text
///            CALL (all of it)                       reply()
/// Free ───────────────────────────────► Running ─────────────► Free, or Replying while
///   │ CALL (first part)          ▲         │                   a queued reply goes out
///   ├────────────► Receiving ────┘         │ CANCEL, deadline
///   │                  │   last part       ▼
///   │                  │                Running, cancelled: the handler still has to end
///   │                  │ refused, CANCEL, deadline
///   └──────────────────┴──────────► Free (what still arrives of it is skipped)
/// ```
#[derive(Debug)]
enum State {
    Free,
    Receiving { method: u32, object: Option<Arc<Object>>, metadata: Vec<u8>, arrival: Arrival },
    Running { charged: usize, cancelled: bool },
    Replying,
}

#[derive(Debug)]
struct Served {
    state: State,
    deadline: Option<Instant>,
    priority: Priority,
    /// Tells calls apart that had the id one after another.
    serial: u64,
    /// Kept when the call is over, until the next one under its id: what was on its way is still to be skipped.
    arguments: Option<Box<StreamIn>>,
    results: Option<StreamOut>,
}

/// Names one call of the peer for as long as anybody asks for it, whatever became of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedKey {
    pub(super) id: CallId,
    serial: u64,
}

/// A call whose arguments have arrived.
#[derive(Debug)]
pub struct Incoming {
    /// Its id.
    pub id: CallId,
    /// What its streams are asked for with.
    pub key: ServedKey,
    /// The method's number in this side's hello, or its place in the service of the object.
    pub method: u32,
    /// The object that it is for, if it is for one.
    pub(crate) object: Option<Arc<Object>>,
    /// How urgent it is.
    pub priority: Priority,
    /// When its time is up.
    pub deadline: Option<Instant>,
    /// Its metadata as it came; empty for none.
    pub metadata: Vec<u8>,
    /// Its arguments.
    pub body: Body,
}

/// What a call is addressed to.
#[derive(Debug)]
pub(super) enum Target {
    /// What this side's hello says it serves.
    Services,
    Object(Arc<Object>),
    /// An object that the caller does not hold.
    Unknown(u64),
}

/// What belongs to a call beside its own frame's payload.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) target: Target,
    pub(super) references: References,
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
    /// Items of its argument stream, and whoever waits for them.
    Items(Option<Waker>),
}

impl Served {
    /// Runs the call once all of its arguments are here.
    fn settle(&mut self, id: CallId) -> Step {
        let State::Receiving { method, object, metadata, arrival } = &mut self.state else {
            return Step::Wait;
        };
        let Some(body) = arrival.take() else { return Step::Wait };
        let (method, object, charged) = (*method, object.take(), arrival.total());
        let metadata = std::mem::take(metadata);
        self.state = State::Running { charged, cancelled: false };
        let key = ServedKey { id, serial: self.serial };
        let (priority, deadline) = (self.priority, self.deadline);
        Step::Ready(Incoming { id, key, method, object, priority, deadline, metadata, body })
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
    /// Bytes of arguments in parts, and of items beyond their credit.
    held: usize,
    busy: usize,
    started: u64,
    /// That of the call that came last, also where it was refused.
    last_priority: Priority,
}

/// What the session allows a call.
pub(super) struct Allowance {
    pub(super) max_calls: u32,
    pub(super) max_message: usize,
    pub(super) max_inflight: usize,
    pub(super) stream_window: u32,
}

impl ServedCalls {
    pub(super) fn new() -> Self {
        Self { calls: Vec::new(), held: 0, busy: 0, started: 0, last_priority: Priority::Normal }
    }

    /// Calls whose reply has not gone out.
    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    /// What most calls are: one frame without flags, under an id that was used before. `None` leaves all as it is, for
    /// [`handle_call`](Self::handle_call).
    pub(super) fn handle_plain_call(
        &mut self,
        header: Header,
        payload: &[u8],
        max_message: usize,
    ) -> Option<Incoming> {
        let (&method, arguments) = payload.split_first()?;
        let served = self.calls.get_mut(header.id as usize)?;
        let is_plain = header.flags == 0 && method < 0x80 && arguments.len() <= max_message;
        if !is_plain || !matches!(served.state, State::Free) || served.arguments.is_some() {
            return None;
        }
        self.busy += 1;
        self.started += 1;
        self.last_priority = Priority::Normal;
        served.state = State::Running { charged: 0, cancelled: false };
        served.deadline = None;
        served.priority = Priority::Normal;
        served.serial = self.started;
        served.results = None;
        let mut body = Buffer::new();
        body.extend_from_slice(arguments);
        let id = CallId(header.id);
        Some(Incoming {
            id,
            key: ServedKey { id, serial: self.started },
            method: method.into(),
            object: None,
            priority: Priority::Normal,
            deadline: None,
            metadata: Vec::new(),
            body: Body::new(body),
        })
    }

    /// A `CALL` frame (P-20, P-30). `Step::Refuse` leaves the id free.
    pub(super) fn handle_call(
        &mut self,
        header: Header,
        mut payload: &[u8],
        attached: Attached,
        allowance: &Allowance,
        now: Instant,
    ) -> Result<Step, RpcError> {
        let Attached { target, references } = attached;
        let method = u32::try_from(take_varint(&mut payload)?)
            .map_err(|_| violation("P-20", "a method above 32 bits"))?;
        let priority = match header.has(flags::PRIORITY) {
            true => Priority::take(&mut payload)?,
            false => Priority::Normal,
        };
        self.last_priority = priority;
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
            self.calls.resize_with(index + 1, || Served {
                state: State::Free,
                deadline: None,
                priority: Priority::Normal,
                serial: 0,
                arguments: None,
                results: None,
            });
        }
        if !matches!(self.calls[index].state, State::Free) {
            return Err(violation("P-21", format_args!("call id {index} is used twice at once")));
        }
        let served = &mut self.calls[index];
        served.results = None;
        served.priority = priority;
        // Also where the call is refused: its items may be on their way.
        served.arguments =
            header.has(flags::STREAM).then(|| Box::new(StreamIn::unread(allowance.stream_window)));
        let object = match target {
            Target::Services => None,
            Target::Object(object) => Some(object),
            Target::Unknown(id) => {
                let message = format!("no object has the number {id}: the reference to it was given back");
                return Ok(Step::Refuse(RpcError::new(Code::Unimplemented, message)));
            }
        };
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
        self.started += 1;
        let served = &mut self.calls[index];
        served.deadline = deadline;
        served.serial = self.started;
        if let Some(arguments) = &mut served.arguments {
            arguments.begin();
        }
        if in_parts {
            self.held += total;
            let arrival = Arrival::new(Buffer::new(), payload, total, header.has(flags::BLOCK), references);
            served.state = State::Receiving { method, object, metadata: metadata.to_vec(), arrival };
            return Ok(Step::Wait);
        }
        let mut body = Buffer::new();
        body.extend_from_slice(payload);
        served.state = State::Running { charged: 0, cancelled: false };
        let body = Body::new(body).with_references(references);
        let (id, metadata) = (CallId(header.id), metadata.to_vec());
        let key = ServedKey { id, serial: self.started };
        Ok(Step::Ready(Incoming { id, key, method, object, priority, deadline, metadata, body }))
    }

    /// A `CALL_DATA` frame (P-31). `None` if it belongs to a call that was refused: it is skipped.
    pub(super) fn handle_data(&mut self, header: Header, payload: &[u8]) -> Result<Option<Step>, RpcError> {
        let Some(served) = self.calls.get_mut(header.id as usize) else { return Ok(None) };
        let State::Receiving { arrival, .. } = &mut served.state else {
            let Some(arguments) = served.arguments.as_mut().filter(|stream| stream.is_arriving()) else {
                return Ok(None);
            };
            return Ok(Some(Step::Items(arguments.handle_data(payload)?)));
        };
        arrival.append(payload)?;
        Ok(Some(served.settle(CallId(header.id))))
    }

    /// A `CALL_ITEMS` frame (P-36, P-37). `None` if it belongs to a call that was refused: it is skipped.
    pub(super) fn handle_items(
        &mut self,
        header: Header,
        payload: &[u8],
        references: References,
        allowance: &Allowance,
    ) -> Result<Option<Step>, RpcError> {
        if header.id >= allowance.max_calls {
            return Ok(None);
        }
        let (arguments, is_running) = self.streamed(header.id)?;
        let before = arguments.overdraft();
        let waker = arguments.handle_items(header, payload, allowance.max_message, references)?;
        if is_running {
            let overdraft = arguments.overdraft() - before;
            self.held += overdraft;
            if self.held > allowance.max_inflight {
                let what = format_args!("items beyond max_inflight of {}", allowance.max_inflight);
                return Err(violation("P-27", what));
            }
        }
        Ok(Some(Step::Items(waker)))
    }

    /// A `CALL_END` frame (P-36). `None` as in [`handle_items`](Self::handle_items).
    pub(super) fn handle_end(&mut self, id: u32, max_calls: u32) -> Result<Option<Step>, RpcError> {
        if id >= max_calls {
            return Ok(None);
        }
        let (arguments, _) = self.streamed(id)?;
        Ok(Some(Step::Items(arguments.handle_end()?)))
    }

    /// The argument stream of the call that has an id or had it last, and whether its handler runs.
    fn streamed(&mut self, id: u32) -> Result<(&mut StreamIn, bool), RpcError> {
        match self.calls.get_mut(id as usize) {
            Some(Served { state: State::Receiving { .. }, .. }) => {
                Err(violation("P-36", "items before the arguments are complete"))
            }
            Some(Served { arguments: Some(arguments), state, .. }) => {
                Ok((arguments, matches!(state, State::Running { .. })))
            }
            _ => Err(violation("P-36", format_args!("items of no argument stream ({id})"))),
        }
    }

    /// The call that a key names, while its handler runs.
    fn running(&mut self, key: ServedKey) -> Option<&mut Served> {
        let served = self.calls.get_mut(key.id.0 as usize).filter(|served| served.serial == key.serial)?;
        matches!(served.state, State::Running { .. }).then_some(served)
    }

    /// The result stream of a call whose handler runs. It begins with what the caller announced.
    pub(super) fn results(&mut self, key: ServedKey, window: u32) -> Option<&mut StreamOut> {
        Some(self.running(key)?.results.get_or_insert_with(|| StreamOut::new(window)))
    }

    /// The same by its id on the wire, if it has begun.
    pub(super) fn begun_results(&mut self, id: CallId) -> Option<&mut StreamOut> {
        self.calls.get_mut(id.0 as usize)?.results.as_mut()
    }

    /// The name of the call whose handler runs under an id.
    pub(super) fn key(&self, id: CallId) -> Option<ServedKey> {
        let served = self.calls.get(id.0 as usize)?;
        matches!(served.state, State::Running { .. }).then_some(ServedKey { id, serial: served.serial })
    }

    /// What a handler finds next in its argument stream; `None` where the handler is no more.
    pub(super) fn poll_arguments(&mut self, key: ServedKey, waker: &Waker) -> Option<Poll<Option<Body>>> {
        Some(self.running(key)?.arguments.as_mut()?.poll_read(waker))
    }

    /// Credit to be given to an argument stream, once it is worth a frame.
    pub(super) fn take_credit(&mut self, key: ServedKey) -> Option<u32> {
        let arguments = self.running(key)?.arguments.as_mut()?;
        let before = arguments.overdraft();
        let credit = arguments.take_credit();
        let returned = before - arguments.overdraft();
        self.held -= returned;
        credit
    }

    /// Nobody reads an argument stream any more. `true` if the caller is to be told.
    pub(super) fn stop_arguments(&mut self, key: ServedKey) -> bool {
        let arguments = self.running(key).and_then(|served| served.arguments.as_mut());
        arguments.is_some_and(|arguments| arguments.stop())
    }

    /// The block that a call under this id fills, lent to be read into.
    pub(super) fn lend_block(&mut self, id: u32) -> Option<Vec<u8>> {
        let served = self.calls.get_mut(id as usize)?;
        match &mut served.state {
            State::Receiving { arrival, .. } => arrival.lend(),
            _ => served.arguments.as_mut()?.lend_block(),
        }
    }

    /// Takes a lent block back, with `bytes` more at its end.
    pub(super) fn return_block(&mut self, id: u32, block: Vec<u8>, bytes: usize) -> Result<Step, RpcError> {
        let Some(served) = self.calls.get_mut(id as usize) else { return Ok(Step::Wait) };
        let State::Receiving { arrival, .. } = &mut served.state else {
            let Some(arguments) = &mut served.arguments else { return Ok(Step::Wait) };
            return Ok(Step::Items(arguments.return_block(block, bytes)?));
        };
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

    /// The priority of the call that came last.
    pub(super) fn last_priority(&self) -> Priority {
        self.last_priority
    }

    /// The priority of the call that has an id, or had it last.
    pub(super) fn priority(&self, id: CallId) -> Priority {
        self.calls.get(id.0 as usize).map_or(Priority::Normal, |served| served.priority)
    }

    pub(super) fn deadline(&self, id: CallId) -> Option<Instant> {
        self.calls.get(id.0 as usize).and_then(|served| served.deadline)
    }

    /// The connection is over. Whoever waits for a stream.
    pub(super) fn end_all(&mut self) -> impl Iterator<Item = Waker> {
        self.calls.iter_mut().flat_map(|served| {
            let arguments = served.arguments.as_mut().and_then(|stream| stream.take_waker());
            arguments.into_iter().chain(served.results.as_mut().and_then(StreamOut::stop))
        })
    }

    /// A handler has ended. `queued` keeps the id taken until the reply has gone out. `false` if no handler
    /// runs under this id.
    pub(super) fn ended(&mut self, id: CallId, queued: bool) -> bool {
        let Some(served) = self.calls.get_mut(id.0 as usize) else { return false };
        let State::Running { charged, .. } = served.state else { return false };
        self.held -= charged;
        served.results = None;
        if let Some(arguments) = &mut served.arguments {
            self.held -= arguments.overdraft();
            arguments.stop();
        }
        served.state = if queued { State::Replying } else { State::Free };
        self.busy -= usize::from(!queued);
        true
    }

    /// A queued reply has gone out, or will not.
    pub(super) fn replied(&mut self, id: CallId) {
        if let Some(served) = self.calls.get_mut(id.0 as usize)
            && matches!(served.state, State::Replying)
        {
            served.state = State::Free;
            self.busy -= 1;
        }
    }
}
