//! The session's calls from the peer: what is to be run, and the replies.

use super::{Event, Session};
use crate::codec::Encoder;
use crate::error::{Code, Executed, RpcError};
use crate::proto::frame::{Kind, flags};
use crate::proto::output::What;
use crate::proto::portion;
use crate::proto::timer::Timer;
use crate::proto::{CallId, Outcome};

impl Session {
    /// What the peer asks next. Holds calls back while the peer does not read what is queued for it.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.output.len() <= self.options.limits.max_queued as usize {
            return self.events.pop_front();
        }
        let cancel = self.events.iter().position(|event| matches!(event, Event::Cancel(..)))?;
        self.events.remove(cancel)
    }

    /// Appends what is to be run before the replies are handed over.
    pub fn poll_portion(&mut self, events: &mut Vec<Event>) {
        let (first, mut bytes) = (events.len(), 0);
        while !portion::is_full(events.len() - first, bytes) {
            let Some(event) = self.poll_event() else { return };
            if let Event::Call(incoming) = &event {
                bytes += incoming.body.len();
            }
            events.push(event);
        }
    }

    /// Whether [`poll_event`](Self::poll_event) has something to give, now or later.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether [`poll_event`](Self::poll_event) has something to give now.
    pub fn has_ready_event(&self) -> bool {
        !self.events.is_empty() && self.output.len() <= self.options.limits.max_queued as usize
    }

    /// A handler has ended: answers its call and frees its id.
    pub fn reply(&mut self, id: CallId, outcome: Outcome) {
        self.timers.remove(self.served.deadline(id), Timer::Served(id.0));
        let (Outcome::Output(body) | Outcome::Error(body)) = &outcome else {
            if self.served.ended(id, false) {
                self.send_reply(id, outcome);
            }
            return;
        };
        let (size, max) = (body.len(), self.peer.as_ref().map_or(0, |peer| peer.max_message));
        let outcome = if size > max as usize {
            let message = format!("a result of {size} bytes, above the caller's max_message of {max}");
            Outcome::Failure(RpcError::new(Code::TooLarge, message).with_executed(Executed::Yes))
        } else if let Some(error) = self.reference_refusal(body) {
            Outcome::Failure(error.with_executed(Executed::Yes))
        } else {
            outcome
        };
        let large = size > self.largest_part(0) && !matches!(outcome, Outcome::Failure(_));
        if self.served.ended(id, large) {
            self.send_reply(id, outcome);
        }
    }

    pub(super) fn send_reply(&mut self, id: CallId, outcome: Outcome) {
        // Of a handler that was stopped: the reply is the last that is heard of the call.
        self.forget(What::ResultItem, id);
        let (set, body) = match outcome {
            Outcome::Output(body) => (0, body),
            Outcome::Error(body) => (flags::ERROR, body),
            Outcome::Failure(error) => {
                let mut encoder = Encoder::new();
                encoder.value(&error.abridged());
                // Text and numbers: that can always be encoded.
                (flags::FAILURE, encoder.finish().unwrap_or_default())
            }
        };
        if body.len() > self.largest_part(0) {
            let give = self.give(&body);
            self.output.large(What::Result, set, id, give, Vec::new(), body);
        } else {
            self.send_give(&body);
            self.output.frame(Kind::Reply, set, id, |_| (), &body);
        }
    }

    pub(super) fn stop_served(&mut self, id: CallId, code: Code, why: &str) {
        let deadline = self.served.deadline(id);
        if self.served.stop_receiving(id) {
            self.timers.remove(deadline, Timer::Served(id.0));
            self.send_reply(id, Outcome::Failure(RpcError::new(code, why)));
        } else if let Some(held) = self.events.iter().position(|event| is_call(event, id)) {
            self.events.remove(held);
            self.reply(id, Outcome::Failure(RpcError::new(code, why)));
        } else if self.served.cancel(id) {
            self.events.push_back(Event::Cancel(id, code));
        } else if code == Code::Cancelled && self.forget(What::Result, id).is_some() {
            self.served.replied(id);
            let error = RpcError::new(code, why).with_executed(Executed::Yes);
            self.send_reply(id, Outcome::Failure(error));
        }
    }

    /// Calls of the peer that have not been answered in full.
    pub fn serving(&self) -> usize {
        self.served.busy()
    }
}

fn is_call(event: &Event, id: CallId) -> bool {
    matches!(event, Event::Call(incoming) if incoming.id == id)
}
