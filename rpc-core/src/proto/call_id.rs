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
    /// It stands in the line of those that the peer is to be told of, perhaps for a call that it stood for before.
    pub(super) in_line: bool,
    /// What of a result stream the peer owes to a call that was given up.
    pub(super) owed: Option<Box<StreamIn>>,
}

impl Id {
    pub(super) const FREE: Self =
        Self { holder: Holder::Nobody, charged: 0, is_low: false, in_line: false, owed: None };

    /// The call has no use for its id any more; the peer still owes so much of a reply, and items.
    pub(super) fn abandon(&mut self, call: &mut Call, owed: usize) {
        self.holder = Holder::Abandoned { owed, is_withdrawn: false };
        if let Some(streams) = &mut call.streams {
            streams.arguments = None;
            self.owed = streams.results.as_mut().map(|results| Box::new(results.split_owed()));
        }
    }

    /// The peer is to be told that nobody wants what it owes.
    pub(super) fn withdraw(&mut self) {
        self.set_withdrawn(true);
    }

    /// Whether the peer is to be told so, and was not yet.
    pub(super) fn is_withdrawn(&self) -> bool {
        matches!(self.holder, Holder::Abandoned { is_withdrawn: true, .. })
    }

    /// It is told so now.
    pub(super) fn tell(&mut self) {
        self.set_withdrawn(false);
    }

    fn set_withdrawn(&mut self, withdrawn: bool) {
        if let Holder::Abandoned { is_withdrawn, .. } = &mut self.holder {
            *is_withdrawn = withdrawn;
        }
    }
}

/// What an id stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    Nobody,
    Call(CallKey),
    /// Nobody here waits for it any more; the peer still owes the reply, and so much of its body. Where the call was
    /// withdrawn the peer is to be told, and was not yet.
    Abandoned {
        owed: usize,
        is_withdrawn: bool,
    },
}
