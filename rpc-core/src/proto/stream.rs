//! One stream of items within a call, as each of its ends sees it: what has arrived, and how much more may be
//! sent. Never decodes an item, and never knows which way the stream flows.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::body::Body;
use crate::buffer::Buffer;
use crate::error::RpcError;
use crate::proto::arrival::Arrival;
use crate::proto::frame::{HEADER, Header, flags, take_varint};
use crate::proto::violation;
use crate::reference::References;

/// What a batch of so many bytes takes of the credit (P-37).
fn cost(bytes: usize) -> i64 {
    (bytes + HEADER) as i64
}

/// Most that credit can be (P-37).
const MAX_CREDIT: i64 = u32::MAX as i64;

/// Batches are put together up to this size until they are read: each body of its own costs memory beside its
/// bytes.
const TOGETHER: usize = 64 << 10;

/// Whether a batch that carries these may be put together with one before it: references are named by their place
/// in one batch.
fn can_grow(body: &Body, references: &References) -> bool {
    body.tail_at().is_none() && body.references().is_none() && references.is_none()
}

/// The receiving end.
#[derive(Debug)]
pub(super) struct StreamIn {
    window: i64,
    /// What the sender may still send. One batch may go beyond it.
    credit: i64,
    arrived: VecDeque<(Body, i64)>,
    /// A batch of which more is to come.
    arriving: Option<Arrival>,
    /// What the batch takes that the reader has in its hands.
    lent: i64,
    /// What has been read and was not yet given back to the sender.
    read: i64,
    /// The sender has said that its stream is complete.
    ended: bool,
    has_reader: bool,
    waker: Option<Waker>,
}

impl StreamIn {
    /// A stream whose sender begins with a credit of `window`.
    pub(super) fn new(window: u32) -> Self {
        Self {
            window: window.into(),
            credit: window.into(),
            arrived: VecDeque::new(),
            arriving: None,
            lent: 0,
            read: 0,
            ended: false,
            has_reader: true,
            waker: None,
        }
    }

    /// The same, whose items nobody reads before [`begin`](Self::begin).
    pub(super) fn unread(window: u32) -> Self {
        Self { has_reader: false, ..Self::new(window) }
    }

    /// Somebody reads from now on.
    pub(super) fn begin(&mut self) {
        self.has_reader = true;
    }

    /// Bytes that were sent beyond the credit.
    pub(super) fn overdraft(&self) -> usize {
        (-self.credit).max(0) as usize
    }

    /// Items, or the first part of them (P-36, P-37). Whoever waits for them, if they are complete.
    pub(super) fn handle_items(
        &mut self,
        header: Header,
        mut payload: &[u8],
        max_message: usize,
        references: References,
    ) -> Result<Option<Waker>, RpcError> {
        if self.ended {
            return Err(violation("P-36", "items after the end of their stream"));
        }
        if self.arriving.is_some() {
            return Err(violation("P-36", "items before the ones before them are complete"));
        }
        let in_parts = header.has(flags::PARTIAL);
        let total = match in_parts {
            true => usize::try_from(take_varint(&mut payload)?).unwrap_or(usize::MAX),
            false => payload.len(),
        };
        if payload.is_empty() || (in_parts && payload.len() >= total) {
            return Err(violation("P-31", "a first part that is empty or everything, or no item at all"));
        }
        if total > max_message {
            return Err(violation("P-27", format_args!("an item of {total} bytes, above max_message")));
        }
        if self.credit <= 0 {
            return Err(violation("P-37", "items without credit"));
        }
        self.credit -= cost(total);
        if in_parts {
            let arrival = Arrival::new(Buffer::new(), payload, total, header.has(flags::BLOCK), references);
            let arrival = self.arriving.insert(arrival);
            if !self.has_reader {
                arrival.discard();
            }
            return Ok(None);
        }
        if !self.has_reader {
            return Ok(None);
        }
        match self.arrived.back_mut() {
            Some((body, taken)) if can_grow(body, &references) && body.len() + total <= TOGETHER => {
                body.append(payload);
                *taken += cost(total);
            }
            _ => {
                let mut head = Buffer::new();
                head.extend_from_slice(payload);
                self.arrived.push_back((Body::new(head).with_references(references), cost(total)));
            }
        }
        Ok(self.waker.take())
    }

    /// Whether a batch is arriving in parts.
    pub(super) fn is_arriving(&self) -> bool {
        self.arriving.is_some()
    }

    /// A further part of a batch.
    pub(super) fn handle_data(&mut self, part: &[u8]) -> Result<Option<Waker>, RpcError> {
        match &mut self.arriving {
            Some(arrival) => arrival.append(part)?,
            None => return Err(violation("P-31", "data without a first part")),
        }
        Ok(self.settle())
    }

    /// The block that the batch fills, lent to be read into.
    pub(super) fn lend_block(&mut self) -> Option<Vec<u8>> {
        self.arriving.as_mut()?.lend()
    }

    /// Takes a lent block back, with `bytes` more at its end.
    pub(super) fn return_block(&mut self, block: Vec<u8>, bytes: usize) -> Result<Option<Waker>, RpcError> {
        if let Some(arrival) = &mut self.arriving {
            arrival.give_back(block, bytes)?;
        }
        Ok(self.settle())
    }

    fn settle(&mut self) -> Option<Waker> {
        let body = self.arriving.as_mut()?.take()?;
        self.arriving = None;
        if !self.has_reader {
            return None;
        }
        let taken = cost(body.len());
        self.arrived.push_back((body, taken));
        self.waker.take()
    }

    /// The sender says that its stream is complete.
    pub(super) fn handle_end(&mut self) -> Result<Option<Waker>, RpcError> {
        if self.ended || self.arriving.is_some() {
            return Err(violation("P-36", "an end that is not where a stream can end"));
        }
        self.ended = true;
        Ok(self.waker.take())
    }

    /// The next batch, or several put together; `None` at the end. The ones before have been read.
    pub(super) fn poll_read(&mut self, waker: &Waker) -> Poll<Option<Body>> {
        self.read += std::mem::take(&mut self.lent);
        if let Some((body, taken)) = self.arrived.pop_front() {
            self.lent = taken;
            return Poll::Ready(Some(body));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// Credit to be given to the sender, once it is worth a frame.
    pub(super) fn take_credit(&mut self) -> Option<u32> {
        if self.ended || !self.has_reader || self.read * 2 < self.window {
            return None;
        }
        let credit = u32::try_from(std::mem::take(&mut self.read)).unwrap_or(u32::MAX);
        self.credit += i64::from(credit);
        Some(credit)
    }

    /// Nobody will read any more: what is here and what still comes is dropped. `true` if the sender is to be
    /// told.
    pub(super) fn stop(&mut self) -> bool {
        self.arrived.clear();
        if let Some(arrival) = &mut self.arriving {
            arrival.discard();
        }
        std::mem::replace(&mut self.has_reader, false) && !self.ended
    }

    /// No item is to come any more but those that are here: the reply has.
    pub(super) fn finish(&mut self) {
        self.arriving = None;
        self.ended = true;
    }

    /// Whoever waits for items: there is something else to be heard.
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Splits off what the sender still owes, which nobody wants. What is here can still be read.
    pub(super) fn split_owed(&mut self) -> Self {
        let mut owed = Self::new(0);
        (owed.credit, owed.arriving, owed.ended) = (self.credit, self.arriving.take(), self.ended);
        owed.stop();
        self.ended = true;
        owed
    }
}

/// The sending end.
#[derive(Debug)]
pub(super) struct StreamOut {
    credit: i64,
    /// A batch goes out in parts, or waits to.
    in_parts: bool,
    /// The receiver wants no more.
    stopped: bool,
    waker: Option<Waker>,
}

impl StreamOut {
    /// A stream that begins with the credit its receiver announced.
    pub(super) fn new(window: u32) -> Self {
        Self { credit: window.into(), in_parts: false, stopped: false, waker: None }
    }

    /// Bytes that were sent beyond the credit.
    pub(super) fn overdraft(&self) -> usize {
        (-self.credit).max(0) as usize
    }

    /// Bytes that would be sent beyond it with a batch of so many more.
    pub(super) fn overdraft_with(&self, bytes: usize) -> usize {
        (cost(bytes) - self.credit).max(0) as usize
    }

    /// Whether the receiver wants no more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether a batch goes out in parts.
    pub(super) fn is_in_parts(&self) -> bool {
        self.in_parts
    }

    /// Whether a batch may be sent now.
    pub(super) fn has_credit(&self) -> bool {
        self.credit > 0 && !self.in_parts
    }

    /// Waits for the receiver, or for the last batch to be on its way.
    pub(super) fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// A batch of so many bytes goes out.
    pub(super) fn sent(&mut self, bytes: usize, in_parts: bool) {
        self.credit -= cost(bytes);
        self.in_parts = in_parts;
    }

    /// The last part of a batch is on its way.
    pub(super) fn parts_taken(&mut self) -> Option<Waker> {
        self.in_parts = false;
        self.waker.take()
    }

    /// The receiver gives credit (P-37).
    pub(super) fn handle_credit(&mut self, credit: u32) -> Result<Option<Waker>, RpcError> {
        let more = self.credit + i64::from(credit);
        if credit == 0 || more > MAX_CREDIT {
            return Err(violation(
                "P-37",
                format_args!("{credit} bytes of credit, on top of {}", self.credit),
            ));
        }
        self.credit = more;
        Ok(self.waker.take())
    }

    /// The receiver wants no more.
    pub(super) fn stop(&mut self) -> Option<Waker> {
        self.stopped = true;
        self.waker.take()
    }
}
