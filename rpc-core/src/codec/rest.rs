//! The bytes of a body that were not read yet: its head, then a large block or, in a body of another version, what
//! follows each gap. Never interprets them.

use postcard::{Error, Result};
use traitwire_idl::GapCursor;

use crate::evolved::{Evolved, Missing};
use crate::reference::References;

/// What is left of a body. Unlike postcard's own slice reader it is `Send`, so handlers may hold a decoder
/// while they wait.
pub(super) struct Rest<'de> {
    now: &'de [u8],
    then: Then<'de>,
    /// What the body carries, which may be gaps.
    pub(super) carried: &'de References,
}

/// What comes after the bytes at hand. No value but one block begins in a tail, and none crosses into it (P-33).
pub(super) enum Then<'de> {
    Lent(&'de [u8]),
    Taken(&'de mut Vec<u8>),
    /// Gaps, of which some were met.
    Gaps {
        evolved: &'de Evolved,
        next: GapCursor,
        skipped: u32,
    },
}

impl<'de> Rest<'de> {
    pub(super) fn new(now: &'de [u8], then: Then<'de>, carried: &'de References) -> Self {
        Self { now, then, carried }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        let then = match &self.then {
            Then::Lent(tail) => tail.len(),
            Then::Taken(tail) => tail.len(),
            Then::Gaps { evolved, next, .. } => evolved.after(*next),
        };
        self.now.len() + then
    }

    /// Whether all gaps were met: with nothing left that is the end.
    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.carried.is_none() || self.has_met_all()
    }

    #[cold]
    fn has_met_all(&self) -> bool {
        match &self.then {
            Then::Gaps { evolved, next, .. } => evolved.gap(*next).is_none(),
            Then::Lent(_) | Then::Taken(_) => self.evolved().is_none(),
        }
    }

    #[inline]
    pub(super) fn is_at_end(&self) -> bool {
        self.now.is_empty()
    }

    /// The whole tail, if it is what comes next and this long.
    pub(super) fn take_all(&mut self, length: u64) -> Option<Vec<u8>> {
        match &mut self.then {
            Then::Taken(tail) if self.now.is_empty() && length > 0 && tail.len() as u64 == length => {
                Some(std::mem::take(*tail))
            }
            _ => None,
        }
    }

    /// What is left, now and then.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.now).to_vec();
        self.advance();
        all.extend_from_slice(std::mem::take(&mut self.now));
        all
    }

    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Result<&'de [u8]> {
        if self.now.is_empty() {
            self.advance();
        }
        let (taken, rest) = self.now.split_at_checked(count).ok_or(Error::DeserializeUnexpectedEnd)?;
        self.now = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8> {
        if self.now.is_empty() {
            self.advance();
        }
        let (first, rest) = self.now.split_first().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.now = rest;
        Ok(*first)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        if self.now.is_empty() {
            self.advance();
        }
        let (taken, rest) = self.now.split_first_chunk().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.now = rest;
        Ok(*taken)
    }

    /// Goes on to the tail. What comes after a gap is read once the gap was met.
    #[cold]
    fn advance(&mut self) {
        self.now = match std::mem::replace(&mut self.then, Then::Lent(&[])) {
            Then::Lent(tail) => tail,
            Then::Taken(tail) => tail,
            gaps @ Then::Gaps { .. } => {
                self.then = gaps;
                return;
            }
        };
    }

    fn evolved(&self) -> Option<&'de Evolved> {
        self.carried.as_ref()?.evolved.as_deref()
    }

    /// The gap is here, if a field of a structure with these names, which is about to be read, is missing.
    #[cold]
    pub(super) fn lacks_field(&mut self, names: &[&str]) -> bool {
        self.meet(|missing, skipped, skip| match missing {
            Missing::Field(name) if names.contains(&name) => {
                let is_it = *skipped == skip;
                *skipped = if is_it { 0 } else { *skipped + 1 };
                is_it
            }
            _ => false,
        })
    }

    /// The same for an argument, by its place among those that are sent.
    #[cold]
    pub(super) fn lacks_argument(&mut self, place: u32) -> bool {
        self.meet(|missing, _, _| missing == Missing::Argument(place))
    }

    /// Asks about the gap that is here, and goes on behind it if it is the one.
    fn meet(&mut self, is_it: impl FnOnce(Missing<'de>, &mut u32, u32) -> bool) -> bool {
        if !self.now.is_empty() {
            return false;
        }
        // Such a body has no tail.
        if let (Then::Lent(_) | Then::Taken(_), Some(evolved)) = (&self.then, self.evolved()) {
            self.then = Then::Gaps { evolved, next: GapCursor::default(), skipped: 0 };
        }
        let Then::Gaps { evolved, next, skipped } = &mut self.then else { return false };
        let Some((missing, skip, behind)) = evolved.gap(*next) else { return false };
        if !is_it(missing, skipped, skip) {
            return false;
        }
        *next = behind;
        self.now = evolved.before(behind);
        true
    }
}
