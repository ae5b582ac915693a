//! In which way a connection can be looked at before anybody sleeps. Never reads and never waits.

use std::sync::Arc;
use std::time::Duration;

use crate::patience::Patience;
use crate::transport::{BusyPoll, DirectRead};

/// What the transport gives for that.
pub(crate) enum Looks {
    /// Nothing: the runtime says when there are bytes.
    Never,
    /// A look at memory.
    AtMemory(Arc<dyn BusyPoll>),
    /// A read at once, which costs a system call.
    ByReading(DirectRead),
}

/// The same without what belongs to the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookKind {
    Never,
    AtMemory,
    ByReading,
}

impl Looks {
    pub(crate) fn new(busy_poll: Option<&Arc<dyn BusyPoll>>, direct_read: Option<&DirectRead>) -> Self {
        match (busy_poll, direct_read) {
            (Some(busy_poll), _) => Self::AtMemory(Arc::clone(busy_poll)),
            (None, Some(direct_read)) => Self::ByReading(direct_read.clone()),
            (None, None) => Self::Never,
        }
    }

    pub(crate) fn kind(&self) -> LookKind {
        match self {
            Self::Never => LookKind::Never,
            Self::AtMemory(_) => LookKind::AtMemory,
            Self::ByReading(_) => LookKind::ByReading,
        }
    }

    /// For as long as looking pays, and so long at most.
    pub(super) fn patience(&self, longest: Duration) -> Patience {
        match self {
            Self::Never | Self::AtMemory(_) => Patience::of_memory(longest),
            Self::ByReading(_) => Patience::of_kernel(longest),
        }
    }
}
