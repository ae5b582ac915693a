//! What an id on the wire stands for on the side that gave it out. Never free while the peer owes something under it.

use crate::proto::call::Call;
use crate::proto::calls::CallKey;
use crate::proto::stream::StreamIn;

/// An id on the wire.
#[derive(Debug)]
pub(super) struct Id {
    pub(super) holder: Holder,
    /// Bytes of arguments in parts, and of items beyond their credit, for which the peer's `max_inflight` is
    /// charged until it has replied.
    pub(super) charged: usize,
    pub(super) is_low: bool,
    /// What of a result stream the peer owes to a call that was given up.
    pub(super) owed: Option<Box<StreamIn>>,
}

impl Id {
    pub(super) const FREE: Self = Self { holder: Holder::Nobody, charged: 0, is_low: false, owed: None };

    /// The call has no use for its id any more; the peer still owes so much of a reply, and items.
    pub(super) fn abandon(&mut self, call: &mut Call, owed: usize) {
        self.holder = Holder::Abandoned { owed, told: false };
        if let Some(streams) = &mut call.streams {
            streams.arguments = None;
            self.owed = streams.results.as_mut().map(|results| Box::new(results.split_owed()));
        }
    }
}

/// What an id stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    Nobody,
    Call(CallKey),
    /// Cancelled or timed out here; the peer still owes the reply, and so much of its body. It may have been told that
    /// nobody wants it.
    Abandoned {
        owed: usize,
        told: bool,
    },
}
