//! Calls that wait until the peer may be given another: the most urgent first, and among those first come, first
//! served. Never counts what is in flight; the session says when there is room.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

use crate::priority::Priority;
use crate::proto::turns::{Each, Turns};

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

#[derive(Debug)]
struct Waiting {
    waker: Waker,
    deadline: Option<Instant>,
    /// Room in `max_inflight` that it needs.
    charged: usize,
}

#[derive(Debug, Default)]
pub(super) struct Admission {
    next: u64,
    waiting: Each<BTreeMap<u64, Waiting>>,
    turns: Turns,
}

impl Admission {
    fn has(&self) -> Each<bool> {
        self.waiting.each_ref().map(|queue| !queue.is_empty())
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.iter().all(BTreeMap::is_empty)
    }

    /// Whether the holder of this ticket, or somebody without one, is next. A priority that may not start anything
    /// now holds up no other, and a call for whose arguments there is no room (`fits`) none without such.
    pub(super) fn is_next(
        &self,
        ticket: Option<Ticket>,
        (priority, charged): (Priority, usize),
        may_start: Each<bool>,
        fits: impl Fn(usize) -> bool,
    ) -> bool {
        if self.is_empty() {
            return true;
        }
        let first = match (self.waiting[priority.rank()].first_key_value(), ticket) {
            (None, _) => true,
            (Some((first, _)), Some(ticket)) => *first == ticket.0,
            (Some(_), None) => false,
        };
        let mut has = may_start;
        for (has, queue) in has.iter_mut().zip(&self.waiting) {
            let first = queue.first_key_value();
            *has &= first.is_some_and(|(_, first)| charged > 0 || first.charged == 0 || fits(first.charged));
        }
        has[priority.rank()] = true;
        first && self.turns.next(has) == Some(priority)
    }

    /// A call starts. It has left the queue.
    pub(super) fn started(&mut self, priority: Priority) {
        if !self.is_empty() {
            self.turns.took(priority, self.has());
        }
    }

    /// Joins the queue, or stays in it with a new waker. `true` for a new ticket.
    pub(super) fn wait(
        &mut self,
        ticket: &mut Option<Ticket>,
        (priority, charged): (Priority, usize),
        waker: &Waker,
        deadline: Option<Instant>,
    ) -> bool {
        let new = ticket.is_none();
        let ticket = *ticket.get_or_insert_with(|| {
            self.next += 1;
            Ticket(self.next)
        });
        self.waiting[priority.rank()].insert(ticket.0, Waiting { waker: waker.clone(), deadline, charged });
        new
    }

    /// Leaves the queue; the deadline that was set for the ticket.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Instant> {
        let waiting = self.waiting.iter_mut().find_map(|queue| queue.remove(&ticket.0));
        waiting.and_then(|waiting| waiting.deadline)
    }

    /// Whoever may be next: the first of each priority, most urgent first.
    pub(super) fn first(&self) -> Each<Option<&Waker>> {
        self.waiting.each_ref().map(|queue| Some(&queue.first_key_value()?.1.waker))
    }

    pub(super) fn waker(&self, ticket: u64) -> Option<&Waker> {
        self.waiting.iter().find_map(|queue| queue.get(&ticket)).map(|waiting| &waiting.waker)
    }

    /// Empties the queue.
    pub(super) fn end_all(&mut self) -> impl Iterator<Item = Waker> {
        std::mem::take(&mut self.waiting).into_iter().flatten().map(|(_, waiting)| waiting.waker)
    }
}
