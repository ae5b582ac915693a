//! Large blocks of bytes, lent to whoever reads so that they are read into their own place.

use std::time::Instant;

use super::Session;
use crate::error::RpcError;
use crate::proto::CallId;
use crate::proto::frame::{Kind, flags};

/// Bytes from which on reading into a block directly is worth a read of its own.
const WORTH_LENDING: u32 = 16 << 10;

impl Session {
    /// Whether much of what comes next is to be read with [`lend_block`](Self::lend_block).
    pub fn expects_block(&self) -> bool {
        self.block_follows
    }

    /// Whether the input may go on with a large block: only then is there something to lend or to expect.
    pub fn may_continue(&self) -> bool {
        self.block_follows || self.arriving.is_some()
    }

    /// A block whose content comes next, and how much of it does: what is read may be appended to it directly.
    /// [`return_block`](Self::return_block) must follow before any other input.
    pub fn lend_block(&mut self) -> Option<(Vec<u8>, usize)> {
        let (header, left) =
            self.arriving.filter(|(header, left)| *left >= WORTH_LENDING && !header.has(flags::LOW))?;
        let block = match header.kind {
            Kind::ReplyData => self.calls.lend_block(header.id),
            _ => self.served.lend_block(header.id),
        };
        block.map(|block| (block, left as usize))
    }

    /// Takes a lent block back, with `bytes` more at its end.
    ///
    /// # Errors
    /// As [`handle_input`](Self::handle_input).
    pub fn return_block(&mut self, block: Vec<u8>, bytes: usize, now: Instant) -> Result<(), RpcError> {
        let Some((header, left)) = self.arriving else { return Ok(()) };
        if bytes > 0 {
            self.heard = now;
            self.withdrawals.note(now);
            self.pinged = None;
        }
        let left = left - bytes as u32;
        self.arriving = (left > 0).then_some((header, left));
        if header.kind == Kind::ReplyData {
            let progress = self.calls.return_block(header, block, bytes)?;
            self.take_progress(progress);
            return Ok(());
        }
        let step = self.served.return_block(header.id, block, bytes)?;
        self.take_step(CallId(header.id), step, now)
    }
}
