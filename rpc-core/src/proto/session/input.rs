//! What the peer sends: hello and frames, each taken to the part of the session that it concerns.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::streams::SMALL_CREDIT;
use crate::error::{Code, Executed, RpcError};
use crate::priority::Priority;
use crate::proto::calls::Progress;
use crate::proto::frame::{HEADER, Header, Kind, flags, take_varint};
use crate::proto::hello::Hello;
use crate::proto::output::What;
use crate::proto::served::{Attached, Step, Target};
use crate::proto::stream::StreamOut;
use crate::proto::timer::{Timer, Timers};
use crate::proto::{CallId, Outcome, violation};

impl Session {
    /// Takes whole hellos and frames off the front of `input` and says how many bytes they were.
    ///
    /// # Errors
    /// The peer broke a rule: the connection is to be ended with this error.
    pub fn handle_input(&mut self, input: &[u8], now: Instant) -> Result<usize, RpcError> {
        let mut used = 0;
        self.replied = 0;
        if !input.is_empty() {
            self.heard = now;
            self.withdrawals.note(now);
            self.pinged = None;
        }
        if self.peer.is_none() {
            let Some((hello, length)) = Hello::decode(input)? else { return Ok(0) };
            self.timers = Timers::default();
            if let Some(at) = self.options.keepalive.and_then(|keepalive| now.checked_add(keepalive)) {
                self.timers.insert(at, Timer::Keepalive);
            }
            self.peer = Some(hello);
            self.whole = self.largest_part(0);
            self.wakers.append(&mut self.watchers);
            used = length;
        }
        while used < input.len() {
            if let Some((header, left)) = self.arriving {
                let part = &input[used..input.len().min(used + left as usize)];
                used += part.len();
                let left = left - part.len() as u32;
                self.arriving = (left > 0).then_some((header, left));
                self.handle_data(header, part, left + part.len() as u32 == header.length, now)?;
                if header.has(flags::LOW) {
                    // Parts are small and come several together: reading them one by one would cost more.
                    self.block_follows = false;
                    if left == 0 {
                        self.note_low(header);
                    }
                }
                continue;
            }
            let Some(header) = Header::decode(&input[used..], self.options.limits.max_frame)? else { break };
            let start = used + HEADER;
            if self.given.is_some() && !header.kind.is_message() {
                return Err(violation("P-38", "references without a message that carries them"));
            }
            if header.kind.is_data() {
                if header.length == 0 {
                    return Err(violation("P-31", "a part of a body that is empty"));
                }
                // Parts of large bodies are taken as they arrive: no other copy of them is ever held.
                self.arriving = Some((header, header.length));
                used = start;
                continue;
            }
            let Some(payload) = input.get(start..start + header.length as usize) else { break };
            if self.handle_plain_frame(header, payload) {
                used = start + payload.len();
                continue;
            }
            self.handle_frame(header, payload, now)?;
            if header.kind.is_message()
                && header.has(flags::LOW)
                && (header.kind != Kind::Call || self.served.last_priority() == Priority::Low)
            {
                self.block_follows = false;
                self.note_low(header);
            }
            used = start + payload.len();
        }
        Ok(used)
    }

    /// A frame of low priority has come (P-46).
    fn note_low(&mut self, header: Header) {
        self.low_in += HEADER + header.length as usize;
        self.acknowledge();
    }

    /// Whether the input so far ends inside a frame's payload.
    pub fn is_within_frame(&self) -> bool {
        self.arriving.is_some()
    }

    fn handle_data(
        &mut self,
        header: Header,
        part: &[u8],
        first: bool,
        now: Instant,
    ) -> Result<(), RpcError> {
        if header.kind == Kind::ReplyData {
            let progress = self.calls.handle_data(header, part)?;
            self.take_progress(progress);
            return Ok(());
        }
        match self.served.handle_data(header, part)? {
            Some(step) => self.take_step(CallId(header.id), step, now),
            None if first => self.budget.spend(now, "skipped data"),
            None => Ok(()),
        }
    }

    /// What most frames are: calls and replies with nothing about them. `false` leaves all as it is.
    #[inline]
    fn handle_plain_frame(&mut self, header: Header, payload: &[u8]) -> bool {
        let max = self.options.limits.max_message as usize;
        match header.kind {
            Kind::Reply if self.given.is_none() => {
                let progress = self.calls.handle_plain_reply(header, payload, max);
                progress.map(|progress| self.take_progress(progress)).is_some()
            }
            Kind::Call if self.given.is_none() && self.draining.is_none() => {
                let Some(incoming) = self.served.handle_plain_call(header, payload, max) else {
                    return false;
                };
                self.block_follows = false;
                self.events[Priority::Normal.rank()].push_back(incoming);
                true
            }
            _ => false,
        }
    }

    fn handle_frame(&mut self, header: Header, payload: &[u8], now: Instant) -> Result<(), RpcError> {
        let references = self.given.take();
        match header.kind {
            Kind::Call => {
                let mut payload = payload;
                let target = self.take_target(header, &mut payload)?;
                let attached = Attached { target, references };
                let mut step = self.served.handle_call(header, payload, attached, &self.allowance(), now)?;
                if let Some(reason) = &self.draining
                    && !matches!(step, Step::Refuse(_))
                {
                    self.served.stop_receiving(CallId(header.id));
                    self.served.ended(CallId(header.id), false);
                    step = Step::Refuse(RpcError::new(Code::Unavailable, reason.clone()));
                }
                if let Some(at) = self.served.deadline(CallId(header.id))
                    && !matches!(step, Step::Refuse(_))
                {
                    self.timers.insert(at, Timer::Served(header.id));
                }
                self.take_step(CallId(header.id), step, now)
            }
            Kind::Reply => {
                self.note_early_reply(CallId(header.id), now)?;
                let max = self.options.limits.max_message as usize;
                let progress = self.calls.handle_reply(header, payload, max, references)?;
                self.take_progress(progress);
                Ok(())
            }
            Kind::Cancel => {
                self.budget.spend(now, "cancel")?;
                self.stop_served(CallId(header.id), Code::Cancelled, "cancelled by its caller");
                Ok(())
            }
            Kind::Ping => {
                self.budget.spend(now, "ping")?;
                let length = payload.len();
                if length != 8 {
                    return Err(violation("P-41", format_args!("a ping of {length} bytes")));
                }
                // A peer that pings and never reads is not worth memory.
                if self.output.frame_bytes() <= self.options.limits.max_queued as usize {
                    self.output.control(Kind::Pong, CallId(0), payload);
                }
                Ok(())
            }
            Kind::CallItems => self.handle_call_items(header, payload, references, now),
            Kind::ReplyItems => self.handle_reply_items(header, payload, references),
            Kind::Give => {
                self.given = self.objects.handle_give(payload)?;
                Ok(())
            }
            Kind::Return => self.objects.handle_return(payload),
            Kind::Taken => {
                let mut payload = payload;
                let taken = take_varint(&mut payload)?;
                self.output.handle_taken(taken)?;
                if taken < SMALL_CREDIT.into() { self.budget.spend(now, "few bytes taken") } else { Ok(()) }
            }
            Kind::CallEnd => self.handle_call_end(CallId(header.id), now),
            Kind::CallStop => self.handle_call_stop(CallId(header.id), now),
            Kind::CallCredit | Kind::ReplyCredit => self.handle_credit(header, payload, now),
            Kind::CallData | Kind::ReplyData => self.handle_data(header, payload, true, now),
            Kind::Pong | Kind::Extension => self.budget.spend(now, "pong or extension"),
            Kind::GoAway => {
                self.budget.spend(now, "go-away")?;
                let reason = String::from_utf8_lossy(&payload[..payload.len().min(1024)]).into_owned();
                self.peer_leaves = Some(reason);
                self.wakers.extend(self.admission.end_all());
                self.wakers.append(&mut self.watchers);
                Ok(())
            }
        }
    }

    /// What a call is addressed to.
    fn take_target(&self, header: Header, payload: &mut &[u8]) -> Result<Target, RpcError> {
        if !header.has(flags::OBJECT) {
            return Ok(Target::Services);
        }
        let id = take_varint(payload)?;
        Ok(self.objects.find(id).map_or(Target::Unknown(id), |object| Target::Object(Arc::clone(object))))
    }

    /// What a reply means for a call whose arguments are still going out, or that had a reply under way.
    fn note_early_reply(&mut self, id: CallId, now: Instant) -> Result<(), RpcError> {
        if self.calls.is_receiving(id) {
            self.budget.spend(now, "second reply")?;
        }
        // The id is free when the reply is complete: the rest would be taken for the next call's (P-35, P-36).
        let waker = self.calls.arguments(id).and_then(StreamOut::stop);
        self.wakers.extend(waker);
        self.forget(What::ArgumentItem, id);
        if self.forget(What::Arguments, id) == Some(0) {
            return Err(violation("P-22", format_args!("a reply to a call not yet sent ({})", id.0)));
        }
        Ok(())
    }

    pub(super) fn take_step(&mut self, id: CallId, step: Step, now: Instant) -> Result<(), RpcError> {
        match step {
            Step::Wait => {
                self.block_follows = true;
                Ok(())
            }
            Step::Ready(incoming) => {
                self.block_follows = false;
                self.events[incoming.priority.rank()].push_back(incoming);
                Ok(())
            }
            Step::Items(waker) => {
                self.wakers.extend(waker);
                Ok(())
            }
            Step::Refuse(error) => {
                self.budget.spend(now, "refused call")?;
                self.send_reply(id, Outcome::Failure(error));
                Ok(())
            }
        }
    }

    pub(super) fn take_progress(&mut self, progress: Progress) {
        match progress {
            Progress::Partial => self.block_follows = true,
            Progress::Items(waker) => self.wakers.extend(waker),
            Progress::Complete { waker, deadline } => {
                self.block_follows = false;
                self.replied += 1;
                if let Some((key, at)) = deadline {
                    self.timers.remove(Some(at), Timer::Call(key.0 as u32));
                }
                self.answered.extend(waker);
                self.has_room();
            }
            Progress::TooLarge { key, total } => {
                let max = self.options.limits.max_message;
                let message = format!("a result of {total} bytes, above max_message of {max}");
                let error = RpcError::new(Code::TooLarge, message).with_executed(Executed::Yes);
                self.stop_call(key, Outcome::Failure(error));
            }
        }
    }
}
