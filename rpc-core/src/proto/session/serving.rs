//! The session's calls from the peer: what is to be run, and the replies.

use super::{Event, Session};
use crate::codec::Encoder;
use crate::error::{Code, Executed, RpcError};
use crate::priority::Priority;
use crate::proto::frame::{Kind, flags};
use crate::proto::output::{Queued, What};
use crate::proto::portion;
use crate::proto::timer::Timer;
use crate::proto::turns::{Each, ONLY_NORMAL};
use crate::proto::{CallId, Outcome};

impl Session {
    /// What the peer asks next: the most urgent first. Holds calls back while the peer does not read what is queued
    /// for it.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some((id, code)) = self.stopped.pop_front() {
            return Some(Event::Cancel(id, code));
        }
        if !self.has_events() {
            return None;
        }
        let has = self.ready();
        let priority = self.turns.next(has)?;
        self.turns.took(priority, has);
        self.events[priority.rank()].pop_front().map(Event::Call)
    }

    /// Of which priorities there are calls that may run now.
    fn ready(&self) -> Each<bool> {
        let mut has = self.events.each_ref().map(|calls| !calls.is_empty());
        let reads = self.reads();
        for rank in 0..Priority::COUNT {
            has[rank] &= reads[rank];
        }
        has
    }

    /// Appends what is to be run before the replies are handed over.
    pub fn poll_portion(&mut self, events: &mut Vec<Event>) {
        let (first, mut bytes) = (events.len(), 0);
        // Nearly always there is nothing but calls of normal priority: they need no turns.
        if self.stopped.is_empty() && self.ready() == ONLY_NORMAL {
            self.turns.took(Priority::Normal, ONLY_NORMAL);
            while !portion::is_full(events.len() - first, bytes) {
                let Some(incoming) = self.events[Priority::Normal.rank()].pop_front() else { return };
                bytes += incoming.body.len();
                events.push(Event::Call(incoming));
            }
            return;
        }
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
        !self.stopped.is_empty() || self.events.iter().any(|calls| !calls.is_empty())
    }

    /// Whether [`poll_event`](Self::poll_event) has something to give now.
    pub fn has_ready_event(&self) -> bool {
        !self.stopped.is_empty() || self.ready() != [false; Priority::COUNT]
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
        let is_low = self.served.priority(id) == Priority::Low;
        let queued = (is_low || size > self.whole) && !matches!(outcome, Outcome::Failure(_));
        if self.served.ended(id, queued) {
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
        let priority = self.served.priority(id);
        let whole = body.len() <= self.whole;
        // A failure is soon said, and may be of a call that has no place here.
        if !whole || (priority == Priority::Low && set & flags::FAILURE == 0) {
            let (what, head, give) = (What::Result, Vec::new(), self.give(&body));
            self.output.queue(Queued { what, priority, id, flags: set, give, head, body, whole });
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
        } else if self.take_held(id) {
            self.reply(id, Outcome::Failure(RpcError::new(code, why)));
        } else if self.served.cancel(id) {
            self.stopped.push_back((id, code));
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

    /// Takes out a call that was not run yet.
    fn take_held(&mut self, id: CallId) -> bool {
        let calls = &mut self.events[self.served.priority(id).rank()];
        let held = calls.iter().position(|incoming| incoming.id == id);
        held.is_some_and(|held| calls.remove(held).is_some())
    }
}
