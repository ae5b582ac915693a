//! The calls this side has in flight: from the id on the wire to whoever waits for the reply, and the streams
//! of each. Never decides when a call may start.

use std::task::{Poll, Waker};
use std::time::Instant;

use slab::Slab;

use crate::body::Body;
use crate::buffer::Buffer;
use crate::error::RpcError;
use crate::priority::Priority;
use crate::proto::arrival::Arrival;
use crate::proto::call::{Call, State, Streams};
use crate::proto::call_id::{Holder, Id};
use crate::proto::frame::{Header, flags, take_varint};
use crate::proto::session::CallerKey;
use crate::proto::stream::{StreamIn, StreamOut};
use crate::proto::{Awaits, CallId, Outcome, violation};
use crate::reference::References;

/// Names one call on this side. Unlike its id it stays taken until the outcome has been collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKey(pub(super) usize);

/// What a reply frame did.
#[derive(Debug)]
pub(super) enum Progress {
    /// Items of a result stream, and whoever waits for them.
    Items(Option<Waker>),
    /// More of the body is to come.
    Partial,
    /// The reply is complete and the id free.
    Complete { waker: Option<Waker>, deadline: Option<(CallKey, Instant)> },
    /// The body exceeds what this side takes.
    TooLarge { key: CallKey, total: usize },
}

/// What is left to do after a call was ended by this side.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) waker: Option<Waker>,
    /// The id under which the peer still owes the reply.
    pub(super) owed: Option<CallId>,
}

#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Slab<Call>,
    ids: Vec<Id>,
    free: Vec<u32>,
    charged: usize,
    /// Ids in use by calls of low priority.
    low: usize,
}

/// Largest failure taken (P-23), whatever `max_message` says.
pub(super) const MAX_FAILURE: usize = 16 << 10;

impl Calls {
    /// Ids in use: calls of which the peer owes the reply.
    pub(super) fn in_flight(&self) -> usize {
        self.ids.len() - self.free.len()
    }

    /// Those of them whose priority is low.
    pub(super) fn low_in_flight(&self) -> usize {
        self.low
    }

    /// Bytes of arguments in parts that the peer may hold for calls it has not replied to.
    pub(super) fn charged(&self) -> usize {
        self.charged
    }

    /// Enters a call under a free id below `max`, if there is one.
    pub(super) fn insert(
        &mut self,
        max: u32,
        deadline: Option<Instant>,
        charged: usize,
        (awaits, priority): (Awaits, Priority),
        streams: Option<Box<Streams>>,
    ) -> Option<(CallKey, CallId)> {
        let id = match self.free.pop() {
            Some(id) => id,
            None if self.ids.len() < max as usize => {
                self.ids.push(Id::FREE);
                (self.ids.len() - 1) as u32
            }
            None => return None,
        };
        let state = State::Waiting;
        let call = Call {
            id: CallId(id),
            deadline,
            ends_at: None,
            awaits,
            priority,
            streams,
            waker: None,
            arguments: None,
            state,
        };
        let key = CallKey(self.calls.insert(call));
        let is_low = priority == Priority::Low;
        self.low += usize::from(is_low);
        let in_line = self.ids[id as usize].in_line;
        self.ids[id as usize] = Id { holder: Holder::Call(key), charged, is_low, in_line, owed: None };
        self.charged += charged;
        Some((key, CallId(id)))
    }

    pub(super) fn keep_arguments(&mut self, key: CallKey, arguments: Body) {
        self.calls[key.0].arguments = Some(arguments);
    }

    /// Keeps the arguments of a call that was never sent.
    pub(super) fn keep_unsent(&mut self, id: CallId, arguments: Body) {
        if let Some(call) = self.by_id(id) {
            call.arguments = Some(arguments);
        }
    }

    pub(super) fn get_mut(&mut self, key: CallKey) -> Option<&mut Call> {
        self.calls.get_mut(key.0)
    }

    pub(super) fn by_id(&mut self, id: CallId) -> Option<&mut Call> {
        match self.ids.get(id.0 as usize)?.holder {
            Holder::Call(key) => self.calls.get_mut(key.0),
            _ => None,
        }
    }

    /// Whether a reply under this id has arrived in part.
    pub(super) fn is_receiving(&self, id: CallId) -> bool {
        match self.ids.get(id.0 as usize).map(|id| id.holder) {
            Some(Holder::Call(key)) => matches!(self.calls[key.0].state, State::Receiving { .. }),
            Some(Holder::Abandoned { owed, .. }) => owed > 0,
            _ => false,
        }
    }

    /// The last byte of a call that was queued has been taken; its arguments, if they went out whole. The waker of whoever awaits no more than that.
    pub(super) fn set_taken(&mut self, id: CallId, ends_at: u64, arguments: Option<Body>) -> Option<Waker> {
        let call = self.by_id(id)?;
        call.arguments = arguments;
        call.ends_at = Some(ends_at);
        if call.awaits == Awaits::Start { call.waker.take() } else { None }
    }

    /// The outcome, once, and what was sent, where the call failed and that is still at hand; until then `waker` is
    /// woken when it is there.
    pub(super) fn poll(&mut self, key: CallKey, waker: &Waker) -> Poll<(Outcome, Option<Body>)> {
        if let Some(done) = self.take_done(key) {
            return Poll::Ready(done);
        }
        match &mut self.calls[key.0].waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// The same, for who looks again by himself.
    #[inline]
    pub(super) fn take_done(&mut self, key: CallKey) -> Option<(Outcome, Option<Body>)> {
        let State::Done(_) = self.calls[key.0].state else { return None };
        let Call { state, arguments, .. } = self.calls.remove(key.0);
        match state {
            State::Done(outcome @ Outcome::Failure(_)) => Some((outcome, arguments)),
            State::Done(outcome) => Some((outcome, None)),
            _ => None,
        }
    }

    /// Forgets a call whose outcome nobody will collect. The call, if the peer still owes the reply.
    pub(super) fn abandon(&mut self, key: CallKey) -> Option<Call> {
        let mut call = self.calls.try_remove(key.0)?;
        let owed = match &call.state {
            State::Done(_) => return None,
            State::Waiting => 0,
            State::Receiving { arrival, .. } => arrival.left(),
        };
        self.ids[call.id.0 as usize].abandon(&mut call, owed);
        Some(call)
    }

    /// Ends a call with an outcome that is this side's own.
    pub(super) fn end(&mut self, key: CallKey, outcome: Outcome) -> Option<Stopped> {
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
            return Some(Stopped { waker, owed: None });
        }
        self.ids[id.0 as usize].abandon(call, owed);
        Some(Stopped { waker, owed: Some(id) })
    }

    pub(super) fn id_mut(&mut self, id: CallId) -> &mut Id {
        &mut self.ids[id.0 as usize]
    }

    /// Frees an id: the reply is complete, or nothing was ever sent under it.
    pub(super) fn free(&mut self, id: CallId) {
        let before = &mut self.ids[id.0 as usize];
        let free = Id { in_line: before.in_line, ..Id::FREE };
        let Id { charged, is_low, .. } = std::mem::replace(before, free);
        self.charged -= charged;
        self.low -= usize::from(is_low);
        self.free.push(id.0);
    }

    /// What most replies are: one frame, to a call that has gone out whole and has no streams. `None` leaves all as it is,
    /// for [`handle_reply`](Self::handle_reply).
    pub(super) fn handle_plain_reply(
        &mut self,
        header: Header,
        payload: &[u8],
        max: usize,
    ) -> Option<Progress> {
        if header.flags & !flags::ERROR != 0 || payload.len() > max {
            return None;
        }
        let id = self.ids.get(header.id as usize)?;
        let Holder::Call(key) = id.holder else { return None };
        let call = self.calls.get_mut(key.0)?;
        if call.streams.is_some() || call.ends_at.is_none() || !matches!(call.state, State::Waiting) {
            return None;
        }
        let mut buffer = call.arguments.take().map(Body::into_buffer).unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(payload);
        let body = Body::new(buffer);
        let is_error = header.has(flags::ERROR);
        call.state = State::Done(if is_error { Outcome::Error(body) } else { Outcome::Output(body) });
        let (waker, id) = (call.waker.take(), call.id);
        let deadline = call.deadline.map(|at| (key, at));
        self.free(id);
        Some(Progress::Complete { waker, deadline })
    }

    /// A `REPLY` frame (P-22, P-31).
    pub(super) fn handle_reply(
        &mut self,
        header: Header,
        mut payload: &[u8],
        max: usize,
        references: References,
    ) -> Result<Progress, RpcError> {
        let total = match header.has(flags::PARTIAL) {
            true => usize::try_from(take_varint(&mut payload)?).unwrap_or(usize::MAX),
            false => payload.len(),
        };
        if header.has(flags::PARTIAL) && (payload.is_empty() || payload.len() >= total) {
            return Err(violation("P-31", "a first part that is empty or everything"));
        }
        let max = if header.has(flags::FAILURE) { max.max(MAX_FAILURE) } else { max };
        let id = CallId(header.id);
        if let Some(results) = self.results(id) {
            results.finish();
        }
        match self.ids.get_mut(header.id as usize).map(|id| &mut id.holder) {
            Some(Holder::Abandoned { owed, .. }) => {
                *owed = total - payload.len();
                Ok(self.settle_abandoned(id))
            }
            Some(Holder::Call(key)) => {
                let key = *key;
                let call = &mut self.calls[key.0];
                let buffer = match header.has(flags::FAILURE) {
                    true => Buffer::default(),
                    false => call.arguments.take().map(Body::into_buffer).unwrap_or_default(),
                };
                let arrival = Arrival::new(buffer, payload, total, header.has(flags::BLOCK), references);
                call.state = State::Receiving { flags: header.flags, arrival };
                if total > max { Ok(Progress::TooLarge { key, total }) } else { self.settle(key) }
            }
            Some(Holder::Nobody) | None => {
                Err(violation("P-22", format_args!("a reply to no call ({})", header.id)))
            }
        }
    }

    /// A `REPLY_ITEMS` frame (P-36).
    pub(super) fn handle_items(
        &mut self,
        header: Header,
        payload: &[u8],
        max: usize,
        references: References,
    ) -> Result<Progress, RpcError> {
        match self.results(CallId(header.id)) {
            Some(results) => Ok(Progress::Items(results.handle_items(header, payload, max, references)?)),
            None => Err(violation("P-36", format_args!("items of no result stream ({})", header.id))),
        }
    }

    /// The result stream under an id, also one that nobody reads any more.
    fn results(&mut self, id: CallId) -> Option<&mut StreamIn> {
        let slot = self.ids.get_mut(id.0 as usize)?;
        match slot.holder {
            Holder::Call(key) => self.calls[key.0].streams.as_mut()?.results.as_mut(),
            Holder::Abandoned { .. } => slot.owed.as_deref_mut(),
            Holder::Nobody => None,
        }
    }

    /// The argument stream of a call, while its reply is to come.
    pub(super) fn arguments(&mut self, id: CallId) -> Option<&mut StreamOut> {
        self.by_id(id)?.arguments()
    }

    /// The peer gives credit to an argument stream.
    pub(super) fn handle_credit(&mut self, id: CallId, credit: u32) -> Result<Option<Waker>, RpcError> {
        let Some(arguments) = self.arguments(id) else { return Ok(None) };
        let before = arguments.overdraft();
        let waker = arguments.handle_credit(credit)?;
        let returned = before - arguments.overdraft();
        self.ids[id.0 as usize].charged -= returned;
        self.charged -= returned;
        Ok(waker)
    }

    /// A batch of so many bytes goes out on an argument stream.
    pub(super) fn sent_items(&mut self, id: CallId, bytes: usize, in_parts: bool) {
        let Some(arguments) = self.arguments(id) else { return };
        let before = arguments.overdraft();
        arguments.sent(bytes, in_parts);
        let charged = arguments.overdraft() - before;
        self.ids[id.0 as usize].charged += charged;
        self.charged += charged;
    }

    /// What a reader of a result stream finds next: items, then the outcome.
    pub(super) fn poll_results(
        &mut self,
        key: CallKey,
        waker: &Waker,
    ) -> Poll<Result<Body, (Outcome, Option<Body>)>> {
        let call = &mut self.calls[key.0];
        if let Some(results) = call.streams.as_mut().and_then(|streams| streams.results.as_mut())
            && let Poll::Ready(Some(items)) = results.poll_read(waker)
        {
            return Poll::Ready(Ok(items));
        }
        self.poll(key, waker).map(Err)
    }

    /// The call that a key names, while its reply is to come.
    pub(super) fn streaming(&mut self, key: CallerKey) -> Option<&mut Call> {
        let call = self.calls.get_mut(key.key.0).filter(|call| call.is_open())?;
        call.streams.as_ref().is_some_and(|streams| streams.serial == key.serial).then_some(call)
    }

    /// What tells this call apart from others under its key.
    pub(super) fn serial(&self, key: CallKey) -> u64 {
        self.calls.get(key.0).and_then(|call| call.streams.as_ref()).map_or(0, |streams| streams.serial)
    }

    /// Credit to be given to a result stream, once it is worth a frame.
    pub(super) fn take_credit(&mut self, key: CallKey) -> Option<(CallId, u32)> {
        let call = self.calls.get_mut(key.0).filter(|call| !matches!(call.state, State::Done(_)))?;
        let credit = call.streams.as_mut()?.results.as_mut()?.take_credit()?;
        Some((call.id, credit))
    }

    /// A `REPLY_DATA` frame (P-31).
    pub(super) fn handle_data(&mut self, header: Header, payload: &[u8]) -> Result<Progress, RpcError> {
        let id = CallId(header.id);
        if let Some(results) = self.results(id)
            && results.is_arriving()
        {
            return Ok(Progress::Items(results.handle_data(payload)?));
        }
        match self.ids.get_mut(header.id as usize).map(|id| &mut id.holder) {
            Some(Holder::Abandoned { owed, .. }) if (1..=*owed).contains(&payload.len()) => {
                *owed -= payload.len();
                Ok(self.settle_abandoned(id))
            }
            Some(Holder::Call(key)) => {
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
        if let Some(results) = self.results(CallId(id))
            && results.is_arriving()
        {
            return results.lend_block();
        }
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
        if let Some(results) = self.results(CallId(header.id))
            && results.is_arriving()
        {
            return Ok(Progress::Items(results.return_block(block, bytes)?));
        }
        match self.ids.get(header.id as usize).map(|id| id.holder) {
            Some(Holder::Call(key)) => {
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
        let (waker, id) = (call.waker.take(), call.id);
        let deadline = call.deadline.map(|at| (key, at));
        self.free(id);
        Ok(Progress::Complete { waker, deadline })
    }

    fn settle_abandoned(&mut self, id: CallId) -> Progress {
        match self.ids[id.0 as usize].holder {
            Holder::Abandoned { owed: 0, .. } => {
                self.free(id);
                Progress::Complete { waker: None, deadline: None }
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
                wakers.extend(call.arguments().and_then(StreamOut::stop));
            }
        }
        self.ids.clear();
        self.free.clear();
        self.charged = 0;
        self.low = 0;
        wakers
    }
}
