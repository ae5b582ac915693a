//! Bytes taken from one version and put down for another: numbers, parts in another order, and what has no bytes.
//! Never decides what comes next.

use super::walk::{Frame, Mark, Scatter, Walk};
use super::{Event, TranscodeError, What};
use crate::guard::{GuardError, GuardErrorKind};
use crate::resolve::plan::{NO_STRUCTURE, Op, Widened};

impl<'a> Walk<'a> {
    /// One more step of a record whose parts are put in another order when they are all there.
    pub(super) fn scatter(&mut self, mut frame: Scatter) -> Result<(), TranscodeError> {
        let here = self.mark();
        frame.parts.extend(frame.open.take().map(|open| (open, here)));
        if frame.next == frame.end {
            return self.arrange(frame.layout, frame.from, &frame.parts);
        }
        frame.next += 1;
        let op = self.table.ops[frame.next as usize - 1];
        if let Op::Field(node, _) = op {
            frame.open = Some(here);
            self.stack.push(Frame::Scatter(frame));
            self.once(node);
            return Ok(());
        }
        self.stack.push(Frame::Scatter(frame));
        self.op(op)
    }

    pub(super) fn arrange(
        &mut self,
        layout: (u32, u32),
        from: Mark,
        parts: &[(Mark, Mark)],
    ) -> Result<(), TranscodeError> {
        let (written, seen) = (self.out.split_off(from.bytes), self.events.split_off(from.events));
        for op in &self.table.ops[layout.0 as usize..layout.1 as usize] {
            let Op::Place(part, structure) = *op else {
                self.op(*op)?;
                continue;
            };
            // A part that is not there was refused when the plan was made.
            let Some((start, end)) = parts.get(part as usize) else { continue };
            self.event(What::Start(structure))?;
            let moved = self.out.len();
            for event in &seen[start.events - from.events..end.events - from.events] {
                let at = event.at as usize - start.bytes + moved;
                self.events.push(Event { at: self.position(at)?, what: event.what });
            }
            self.out.extend_from_slice(&written[start.bytes - from.bytes..end.bytes - from.bytes]);
        }
        Ok(())
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), events: self.events.len() }
    }

    pub(super) fn event(&mut self, what: What) -> Result<(), TranscodeError> {
        if !matches!(what, What::Start(NO_STRUCTURE)) {
            let at = self.position(self.out.len())?;
            self.events.push(Event { at, what });
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
        let start = self.at;
        let (bits, mut value) = (u32::from(bits), 0);
        let last = bits.div_ceil(7) - 1;
        for index in 0..=last {
            let byte = self.byte()?;
            if index == last && byte >= 1 << (bits % 7) {
                break;
            }
            value |= u128::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.error_at(start, GuardErrorKind::BadVarint))
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
