//! The session's calls to the peer: admission, sending, the outcome, giving up.

use std::task::{Poll, Waker};

use super::{Awaits, NewCall, Session};
use crate::body::Body;
use crate::error::{Code, Executed, RpcError};
use crate::priority::Priority;
use crate::proto::call::{Call, Streams};
use crate::proto::frame::{Kind, flags, put_varint};
use crate::proto::output::{FIRST_PART, Queued, What};
use crate::proto::stream::{StreamIn, StreamOut};
use crate::proto::timer::Timer;
use crate::proto::{CallId, CallKey, Outcome, Ticket};

/// Most that a frame holds beside metadata and body: five varints of ten bytes.
const HEAD: usize = 50;

/// One of so many of the peer's places is kept from calls of low priority.
const RESERVED: u32 = 16;

impl Session {
    /// Starts a call as soon as the peer may be given one. Takes `call` when it does.
    pub fn poll_start(
        &mut self,
        ticket: &mut Option<Ticket>,
        call: &mut Option<NewCall>,
        waker: &Waker,
    ) -> Poll<Result<CallKey, RpcError>> {
        let Some(pending) = call.as_ref() else { return Poll::Pending };
        if ticket.is_none() && self.may_start_at_once(pending) {
            return self.enter(call, 0, None);
        }
        let deadline = pending.deadline.map(|(at, _)| at);
        if let Some(error) = self.refusal(pending) {
            if let Some(ticket) = ticket.take() {
                self.leave_queue(ticket);
            }
            return Poll::Ready(Err(error));
        }
        let Some(peer) = &self.peer else {
            self.watchers.push(waker.clone());
            return Poll::Pending;
        };
        let (max_calls, max_inflight) = (peer.max_calls, peer.max_inflight as usize);
        let (window, own_window) = (peer.stream_window, self.options.limits.stream_window);
        let size = pending.body.len();
        let charged = if size > self.largest_part(pending.metadata_len()) { size } else { 0 };
        let wants = (pending.priority, charged);
        let mut may_start = self.reads();
        // The last places are for what is urgent.
        may_start[Priority::Low.rank()] &=
            (self.calls.low_in_flight() as u64) < u64::from(max_calls - max_calls / RESERVED);
        let fits = |charged| self.calls.charged() + charged <= max_inflight;
        let has_room = may_start[pending.priority.rank()]
            && (self.calls.in_flight() as u64) < u64::from(max_calls)
            && (charged == 0 || fits(charged))
            && self.admission.is_next(*ticket, wants, may_start, fits);
        if !has_room {
            if self.admission.wait(ticket, wants, waker, deadline)
                && let (Some(at), Some(ticket)) = (deadline, *ticket)
            {
                self.timers.insert(at, Timer::Ticket(ticket.0));
            }
            return Poll::Pending;
        }
        if let Some(ticket) = ticket.take() {
            self.leave_queue(ticket);
        }
        self.admission.started(pending.priority);
        let streams = (pending.streams_arguments || pending.streams_results).then(|| {
            let arguments = pending.streams_arguments.then(|| StreamOut::new(window));
            let results = pending.streams_results.then(|| StreamIn::new(own_window));
            self.streaming += 1;
            Box::new(Streams { serial: self.streaming, arguments, results })
        });
        self.enter(call, charged, streams)
    }

    /// Whether nothing stands in the way of a call: it is small and plain, nobody waits, and there is room.
    fn may_start_at_once(&self, call: &NewCall) -> bool {
        let Some(peer) = &self.peer else { return false };
        let is_open = self.ended.is_none() && self.peer_leaves.is_none() && self.draining.is_none();
        let is_plain = call.priority == Priority::Normal
            && call.metadata.is_none()
            && call.body.references().is_none()
            && !(call.streams_arguments || call.streams_results)
            && !call.deadline.is_some_and(|(_, left)| left.is_zero());
        let size = call.body.len();
        is_open
            && is_plain
            && size <= self.whole
            && size <= peer.max_message as usize
            && self.admission.is_empty()
            && (self.calls.in_flight() as u64) < u64::from(peer.max_calls)
            && self.output.len() <= self.options.limits.max_queued as usize
    }

    /// Takes a call and sends it.
    fn enter(
        &mut self,
        call: &mut Option<NewCall>,
        charged: usize,
        streams: Option<Box<Streams>>,
    ) -> Poll<Result<CallKey, RpcError>> {
        let (Some(call), Some(peer)) = (call.take(), &self.peer) else { return Poll::Pending };
        let deadline = call.deadline.map(|(at, _)| at);
        let asked = (call.awaits, call.priority);
        // There is room: whoever comes here has asked.
        let Some((key, id)) = self.calls.insert(peer.max_calls, deadline, charged, asked, streams) else {
            return Poll::Pending;
        };
        if let Some(at) = deadline {
            self.timers.insert(at, Timer::Call(key.0 as u32));
        }
        self.send_call(key, id, call);
        Poll::Ready(Ok(key))
    }

    fn refusal(&self, call: &NewCall) -> Option<RpcError> {
        if let Some(ended) = &self.ended {
            return Some(ended.clone().with_executed(Executed::No));
        }
        if let Some(reason) = &self.peer_leaves {
            return Some(RpcError::new(Code::Unavailable, format!("the peer takes no more calls: {reason}")));
        }
        if self.draining.is_some() {
            return Some(RpcError::new(Code::Unavailable, "the channel was closed on this side"));
        }
        if call.deadline.is_some_and(|(_, left)| left.is_zero()) {
            return Some(RpcError::new(Code::DeadlineExceeded, "its time ran out before it was sent"));
        }
        if call.body.references().is_some()
            && let Some(error) = self.reference_refusal(&call.body)
        {
            return Some(error);
        }
        let (size, extra, peer) = (call.body.len(), call.metadata_len(), self.peer.as_ref()?);
        let above = |limit, max: u32| {
            let message = format!("arguments of {size} bytes, above the peer's {limit} of {max}");
            Some(RpcError::new(Code::TooLarge, message))
        };
        match () {
            () if size > peer.max_message as usize => above("max_message", peer.max_message),
            () if extra + HEAD >= peer.max_frame as usize => {
                let message =
                    format!("metadata of {extra} bytes, above the peer's max_frame of {}", peer.max_frame);
                Some(RpcError::new(Code::TooLarge, message))
            }
            () if size > self.largest_part(extra) && size > peer.max_inflight as usize => {
                above("max_inflight", peer.max_inflight)
            }
            () => None,
        }
    }

    fn send_call(&mut self, key: CallKey, id: CallId, call: NewCall) {
        let NewCall { method, body, deadline, metadata, object, priority, streams_arguments, .. } = call;
        self.started += 1;
        let mut set = if deadline.is_some() { flags::DEADLINE } else { 0 };
        if metadata.is_some() {
            set |= flags::METADATA;
        }
        if streams_arguments {
            set |= flags::STREAM;
        }
        if object.is_some() {
            set |= flags::OBJECT;
        }
        if priority != Priority::Normal {
            set |= flags::PRIORITY;
        }
        let head = |out: &mut Vec<u8>| {
            if let Some(object) = object {
                put_varint(out, object);
            }
            put_varint(out, method.into());
            if priority != Priority::Normal {
                out.push(priority.number());
            }
            if let Some((_, left)) = deadline {
                // A deadline below a microsecond is still some time; zero would mean none left.
                put_varint(out, u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1));
            }
            if let Some(metadata) = &metadata {
                put_varint(out, metadata.len() as u64);
                out.extend_from_slice(metadata);
            }
        };
        let whole = match &metadata {
            None => body.len() <= self.whole,
            Some(metadata) => body.len() <= self.largest_part(metadata.len()),
        };
        if !whole || priority == Priority::Low {
            let (mut bytes, what) = (Vec::new(), What::Arguments);
            head(&mut bytes);
            let give = self.give(&body);
            self.output.queue(Queued { what, priority, id, flags: set, give, head: bytes, body, whole });
        } else {
            self.send_give(&body);
            let ends_at = self.output.frame(Kind::Call, set, id, head, &body);
            if let Some(call) = self.calls.get_mut(key) {
                call.ends_at = Some(ends_at);
            }
            self.calls.keep_arguments(key, body);
        }
    }

    /// Largest body that goes out whole, in a frame that also holds so much metadata.
    pub(super) fn largest_part(&self, metadata: usize) -> usize {
        self.peer
            .as_ref()
            .map_or(0, |peer| FIRST_PART.min((peer.max_frame as usize).saturating_sub(HEAD + metadata)))
    }

    /// Leaves the queue without having started, or with.
    pub fn leave_queue(&mut self, ticket: Ticket) {
        let deadline = self.admission.leave(ticket);
        self.timers.remove(deadline, Timer::Ticket(ticket.0));
        // Whoever is next may have been woken in vain while this ticket was the first.
        self.wakers.extend(self.admission.first().into_iter().flatten().cloned());
    }

    /// The outcome of a call, once. `waker` is woken when it is there. Where its maker awaits only the start,
    /// an empty output stands for that, once its last byte is on its way: what is started next comes after it.
    pub fn poll_reply(&mut self, key: CallKey, waker: &Waker) -> Poll<Outcome> {
        self.poll_answer(key, waker).map(|(outcome, _)| outcome)
    }

    /// The same, and with a failure the arguments, where they are still at hand: those of large calls are not.
    pub fn poll_answer(&mut self, key: CallKey, waker: &Waker) -> Poll<(Outcome, Option<Body>)> {
        let polled = self.calls.poll(key, waker);
        let starts = |call: &mut Call| call.awaits == Awaits::Start && call.ends_at.is_some();
        if polled.is_ready() || !self.calls.get_mut(key).is_some_and(starts) {
            return polled;
        }
        if let Some(call) = self.calls.abandon(key) {
            self.timers.remove(call.deadline, Timer::Call(key.0 as u32));
        }
        Poll::Ready((Outcome::Output(Body::default()), None))
    }

    /// The outcome of a call, if it is there, for who looks again by himself; with a failure the arguments, as above.
    pub fn take_answer(&mut self, key: CallKey) -> Option<(Outcome, Option<Body>)> {
        self.calls.take_done(key)
    }

    /// Nobody wants the outcome any more: tells the peer, unless the call never left this side.
    pub fn cancel_call(&mut self, key: CallKey) {
        if let Some(call) = self.calls.abandon(key) {
            self.timers.remove(call.deadline, Timer::Call(key.0 as u32));
            self.withdraw(call.id);
        }
    }

    pub(super) fn stop_call(&mut self, key: CallKey, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let deadline = call.deadline.take();
        self.timers.remove(deadline, Timer::Call(key.0 as u32));
        let Some(stopped) = self.calls.end(key, outcome) else { return };
        self.wakers.extend(stopped.waker);
        match stopped.owed {
            Some(id) => self.withdraw(id),
            None => self.has_room(),
        }
    }

    fn withdraw(&mut self, id: CallId) {
        if self.ended.is_some() {
            return;
        }
        let items = self.forget(What::ArgumentItem, id);
        match self.forget(What::Arguments, id).or(items.filter(|sent| *sent > 0)) {
            Some(0) => self.calls.free(id),
            _ => self.cancel_in_time(id),
        }
        self.has_room();
    }

    /// The peer may be given more than before: whoever waits for that looks again.
    pub(super) fn has_room(&mut self) {
        if !self.admission.is_empty() {
            self.wakers.extend(self.admission.first().into_iter().flatten().cloned());
        }
        self.wakers.append(&mut self.overdrawn);
    }
}
