//! How urgent a call is. Never says how urgency is served: the session and its queues do.

use crate::error::RpcError;
use crate::proto::violation;

/// How urgent a call is, beside the other calls of its connection. Its arguments, its place in every queue, its
/// reply and its streams all have the priority of the call.
///
/// What is urgent goes first, but never alone: each lower priority keeps a share of about one in sixteen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Bulk: it gives way to all else, in small pieces, of which few are on their way at once (`low_window`).
    Low,
    /// What a call has of which nothing is said.
    #[default]
    Normal,
    /// What others wait for.
    High,
}

impl Priority {
    /// How many there are.
    pub(crate) const COUNT: usize = 3;

    /// Most urgent first.
    pub(crate) const ALL: [Self; Self::COUNT] = [Priority::High, Priority::Normal, Priority::Low];

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) const fn rank(self) -> usize {
        match self {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        }
    }

    /// Its byte on the wire (P-20).
    pub(crate) const fn number(self) -> u8 {
        match self {
            Priority::Low => 0,
            Priority::Normal => 1,
            Priority::High => 2,
        }
    }

    /// Takes it off the front of a call's head.
    pub(crate) fn take(payload: &mut &[u8]) -> Result<Self, RpcError> {
        let Some((&byte, rest)) = payload.split_first() else {
            return Err(violation("P-20", "a call that ends before its priority"));
        };
        *payload = rest;
        match byte {
            0 => Ok(Priority::Low),
            1 => Ok(Priority::Normal),
            2 => Ok(Priority::High),
            _ => Err(violation("P-20", format_args!("no priority has the number {byte}"))),
        }
    }
}
