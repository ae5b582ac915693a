//! Bytes taken from one version and put down for another: numbers, parts in another order, and what has no bytes.
//! Never decides what comes next.

use super::walk::{Frame, Mark, Part, Scatter, Walk};
use super::{Absent, Gap, TranscodeError};
use crate::guard::{GuardError, GuardErrorKind};
use crate::resolve::plan::{NO_STRUCTURE, Op, Table, Widened};
use crate::varint::{self, NoNumber};

/// Gaps and absent values that any message may have, and for each of its bytes.
const FREE_ADDITIONS: u64 = 1 << 20;
const ADDITIONS_A_BYTE: u64 = 4;

impl<'a> Walk<'a> {
    /// One more step of a record whose parts are put in another order when they are all there.
    pub(super) fn scatter(&mut self, mut frame: Scatter) -> Result<(), TranscodeError> {
        if let Some(start) = frame.open.take() {
            let begun = std::mem::take(self.begun_here());
            frame.parts.push(Part { start, end: self.mark(), begun });
        }
        if frame.next == frame.end {
            return self.arrange(frame);
        }
        frame.next += 1;
        let op = self.table.ops[frame.next as usize - 1];
        if let Op::Field(node, _) = op {
            frame.open = Some(self.mark());
            self.stack.push(Frame::Scatter(frame));
            self.once(node);
            return Ok(());
        }
        self.stack.push(Frame::Scatter(frame));
        self.op(op)
    }

    fn arrange(&mut self, frame: Scatter) -> Result<(), TranscodeError> {
        let Scatter { layout, from, begun, parts, .. } = frame;
        let (written, gaps) = (self.out.split_off(from.bytes), self.gaps.split_off(from.gaps));
        (self.begun, self.begun_at) = (begun, from.bytes);
        for op in &self.table.ops[layout.0 as usize..layout.1 as usize] {
            let Op::Place(part, structure) = *op else {
                self.op(*op)?;
                continue;
            };
            // A part that is not there was refused when the plan was made.
            let Some(Part { start, end, begun }) = parts.get(part as usize) else { continue };
            self.begin(structure);
            self.begun_here();
            let moved = (self.position(start.bytes)?, self.position(self.out.len())?);
            let (table, before) = (self.table, &self.begun);
            // Structures that begin a field before the part do so where its first gap is, if that is its beginning.
            let raised = |first: Gap| if first.at == moved.0 { with(table, before, first.absent) } else { 0 };
            let has_gaps = self.gaps.put_back((&gaps, from.gaps), (start.gaps, end.gaps), moved, raised);
            if has_gaps || end.bytes > start.bytes {
                self.begun.clear();
            }
            self.begun.extend_from_slice(begun);
            self.out.extend_from_slice(&written[start.bytes - from.bytes..end.bytes - from.bytes]);
            self.begun_at = self.out.len();
        }
        Ok(())
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), gaps: self.gaps.mark() }
    }

    /// A field of a structure begins.
    pub(super) fn begin(&mut self, structure: u32) {
        if structure != NO_STRUCTURE {
            self.begun_here().push(structure);
        }
    }

    /// The structures that begin a field here, since the last gap.
    pub(super) fn begun_here(&mut self) -> &mut Vec<u32> {
        if self.begun_at != self.out.len() {
            self.begun.clear();
            self.begun_at = self.out.len();
        }
        &mut self.begun
    }

    /// Something is missing here.
    pub(super) fn gap(&mut self, absent: Absent) -> Result<(), TranscodeError> {
        self.add()?;
        let at = self.position(self.out.len())?;
        let table = self.table;
        let begun = self.begun_here();
        let skip = with(table, begun, absent);
        begun.clear();
        self.gaps.push(Gap { at, skip, absent });
        Ok(())
    }

    /// One more that nobody wrote.
    pub(super) fn add(&mut self) -> Result<(), TranscodeError> {
        self.added += 1;
        let limit = FREE_ADDITIONS + ADDITIONS_A_BYTE * self.at as u64;
        if self.added > limit {
            return Err(self.error(GuardErrorKind::TooManyAdditions { limit }));
        }
        Ok(())
    }

    pub(super) fn widen(&mut self, widened: Widened) -> Result<(), TranscodeError> {
        match widened {
            Widened::Byte => {
                let byte = self.byte()?;
                self.put_varint(byte.into())
            }
            Widened::ByteToSigned => {
                let byte = self.byte()?;
                self.put_varint(u128::from(byte) << 1)
            }
            Widened::SignedByte => {
                let value = i16::from(self.byte()?.cast_signed());
                self.put_varint(((value << 1) ^ (value >> 15)).cast_unsigned().into())
            }
            Widened::ToSigned(bits) => {
                let value = self.varint(bits)?;
                self.put_varint(value << 1)
            }
        }
    }

    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], TranscodeError> {
        let left = &self.bytes[self.at..];
        let taken = usize::try_from(count).ok().and_then(|count| left.get(..count));
        let taken = taken.ok_or(self.error(GuardErrorKind::Truncated))?;
        self.at += taken.len();
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, TranscodeError> {
        let byte = *self.bytes.get(self.at).ok_or(self.error(GuardErrorKind::Truncated))?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn length(&mut self) -> Result<u64, TranscodeError> {
        let length = self.varint(64)?;
        Ok(u64::try_from(length).unwrap_or(u64::MAX))
    }

    /// A number of so many bits.
    pub(super) fn varint(&mut self, bits: u8) -> Result<u128, TranscodeError> {
        let (value, taken) = varint::read(&self.bytes[self.at..], bits.into()).map_err(|why| match why {
            NoNumber::Truncated => self.error_at(self.bytes.len(), GuardErrorKind::Truncated),
            NoNumber::TooLarge => self.error(GuardErrorKind::BadVarint),
        })?;
        self.at += taken;
        Ok(value)
    }

    pub(super) fn copy(&mut self, count: u64) -> Result<(), TranscodeError> {
        let taken = self.take(count)?;
        self.put(taken)
    }

    /// What was read since `start`, as it is.
    pub(super) fn put_read(&mut self, start: usize) -> Result<(), TranscodeError> {
        let read = &self.bytes[start..self.at];
        self.put(read)
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), TranscodeError> {
        if self.silent == 0 {
            self.out.extend_from_slice(bytes);
            self.position(self.out.len())?;
        }
        Ok(())
    }

    pub(super) fn put_varint(&mut self, mut value: u128) -> Result<(), TranscodeError> {
        while value >= 0x80 {
            self.put(&[value as u8 | 0x80])?;
            value >>= 7;
        }
        self.put(&[value as u8])
    }

    pub(super) fn position(&self, at: usize) -> Result<u32, TranscodeError> {
        u32::try_from(at).map_err(|_| self.error(GuardErrorKind::TooLong))
    }

    pub(super) fn error(&self, kind: GuardErrorKind) -> TranscodeError {
        self.error_at(self.at, kind)
    }

    pub(super) fn error_at(&self, offset: usize, kind: GuardErrorKind) -> TranscodeError {
        TranscodeError::Bytes(GuardError { offset, kind })
    }
}

/// How many of these structures have what is absent.
fn with(table: &Table, structures: &[u32], absent: Absent) -> u32 {
    let Absent::Field(name) = absent else { return 0 };
    let has = |structure: &&u32| table.structures[**structure as usize].contains(&name);
    structures.iter().filter(has).count() as u32
}
