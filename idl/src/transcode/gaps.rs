//! The gaps of a value, small: a peer can leave out a field for each byte it sends. Never knows a field's name.

use std::collections::HashMap;

use super::{Absent, Gap};

/// Gaps in the order of their positions. Each takes two or three bytes, if not many are of different kinds.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    /// For each how far it is from the one before, and the number of its kind, as varints.
    encoded: Vec<u8>,
    /// What is absent, and the `skip` that goes with it.
    kinds: Vec<(Absent, u32)>,
    numbers: HashMap<(Absent, u32), u32>,
    /// The position of the last one.
    last: u32,
}

/// A place among gaps: behind some of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct GapCursor {
    /// The position of the gap before, or the beginning.
    pub at: u32,
    next: usize,
}

/// Where a stretch of gaps begins or ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct GapMark {
    length: usize,
    last: u32,
}

impl Gaps {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Bytes they take in memory, beside their kinds.
    pub fn size(&self) -> usize {
        self.encoded.len()
    }

    /// The gap that follows a place, and the place behind it.
    pub fn after(&self, cursor: GapCursor) -> Option<(Gap, GapCursor)> {
        read(&self.encoded, &self.kinds, cursor)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Gap> {
        let mut cursor = GapCursor::default();
        std::iter::from_fn(move || {
            let (gap, behind) = self.after(cursor)?;
            cursor = behind;
            Some(gap)
        })
    }

    pub(super) fn clear(&mut self) {
        self.encoded.clear();
        self.kinds.clear();
        self.numbers.clear();
        self.last = 0;
    }

    /// Adds one behind all others, or at the same position as the last.
    pub(super) fn push(&mut self, gap: Gap) {
        let kind = (gap.absent, gap.skip);
        let next = self.kinds.len() as u32;
        let number = *self.numbers.entry(kind).or_insert(next);
        if number == next {
            self.kinds.push(kind);
        }
        put(&mut self.encoded, gap.at.saturating_sub(self.last));
        put(&mut self.encoded, number);
        self.last = gap.at;
    }

    pub(super) fn mark(&self) -> GapMark {
        GapMark { length: self.encoded.len(), last: self.last }
    }

    /// Takes away what was added since.
    pub(super) fn split_off(&mut self, mark: GapMark) -> Vec<u8> {
        self.last = mark.last;
        self.encoded.split_off(mark.length)
    }

    /// Adds a stretch that was taken away, whose marks are `start` and `end`, so that what was at the position `from` is
    /// at `to`. `raised` is what the first one has to skip beyond what it does. Whether there was one.
    pub(super) fn put_back(
        &mut self,
        taken: (&[u8], GapMark),
        (start, end): (GapMark, GapMark),
        (from, to): (u32, u32),
        raised: impl FnOnce(Gap) -> u32,
    ) -> bool {
        let (bytes, since) = taken;
        let stretch = &bytes[start.length - since.length..end.length - since.length];
        let before = GapCursor { at: start.last, next: 0 };
        let Some((first, behind)) = read(stretch, &self.kinds, before) else { return false };
        let skip = first.skip.saturating_add(raised(first));
        self.push(Gap { at: (first.at - from).saturating_add(to), skip, ..first });
        // How far they are from one another stays the same.
        self.encoded.extend_from_slice(&stretch[behind.next..]);
        self.last = (end.last - from).saturating_add(to);
        true
    }
}

fn read(encoded: &[u8], kinds: &[(Absent, u32)], cursor: GapCursor) -> Option<(Gap, GapCursor)> {
    let mut next = cursor.next;
    let at = cursor.at + take(encoded, &mut next)?;
    let (absent, skip) = *kinds.get(take(encoded, &mut next)? as usize)?;
    Some((Gap { at, skip, absent }, GapCursor { at, next }))
}

fn put(encoded: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        encoded.push(number as u8 | 0x80);
        number >>= 7;
    }
    encoded.push(number as u8);
}

fn take(encoded: &[u8], next: &mut usize) -> Option<u32> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = *encoded.get(*next)?;
        *next += 1;
        number |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}
