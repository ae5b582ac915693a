//! Calls that wait until the peer may be given another: first come, first served. Never counts what is in
//! flight; the session says when there is room.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

#[derive(Debug)]
struct Waiting {
    waker: Waker,
    deadline: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Admission {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

impl Admission {
    /// Whether the holder of this ticket, or somebody without one, is next.
    pub(super) fn is_next(&self, ticket: Option<Ticket>) -> bool {
        match (self.waiting.first_key_value(), ticket) {
            (None, _) => true,
            (Some((first, _)), Some(ticket)) => *first == ticket.0,
            (Some(_), None) => false,
        }
    }

    /// Joins the queue, or stays in it with a new waker. `true` for a new ticket.
    pub(super) fn wait(
        &mut self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        deadline: Option<Instant>,
    ) -> bool {
        let new = ticket.is_none();
        let ticket = *ticket.get_or_insert_with(|| {
            self.next += 1;
            Ticket(self.next)
        });
        self.waiting.insert(ticket.0, Waiting { waker: waker.clone(), deadline });
        new
    }

    /// Leaves the queue; the deadline that was set for the ticket.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Instant> {
        self.waiting.remove(&ticket.0).and_then(|waiting| waiting.deadline)
    }

    /// Whoever is next.
    pub(super) fn first(&self) -> Option<&Waker> {
        self.waiting.first_key_value().map(|(_, waiting)| &waiting.waker)
    }

    pub(super) fn waker(&self, ticket: u64) -> Option<&Waker> {
        self.waiting.get(&ticket).map(|waiting| &waiting.waker)
    }

    /// Empties the queue.
    pub(super) fn end_all(&mut self) -> impl Iterator<Item = Waker> {
        std::mem::take(&mut self.waiting).into_values().map(|waiting| waiting.waker)
    }
}
