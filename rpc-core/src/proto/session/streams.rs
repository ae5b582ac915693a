//! The items of calls' streams: those that came, those that go out, and the credit between. Both ends of a
//! call do the same here; only the frames differ.

use std::task::{Poll, Waker};
use std::time::Instant;

use super::Session;
use crate::body::Body;
use crate::error::{Code, RpcError};
use crate::priority::Priority;
use crate::proto::frame::{Header, Kind, put_varint, take_varint};
use crate::proto::output::{Queued, What};
use crate::proto::served::{Allowance, Step};
use crate::proto::{CallId, CallKey, Outcome, ServedKey, violation};
use crate::reference::References;

/// Bytes of frames that wait to be written, above which streams add none: other calls do not wait behind all
/// that streams have credit for.
const AHEAD: usize = 64 << 10;

/// Credit below this costs the peer's budget (P-40).
pub(super) const SMALL_CREDIT: u32 = 1024;

/// Names a call of this side for as long as anybody asks for it, whatever became of its [`CallKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerKey {
    pub(in crate::proto) key: CallKey,
    pub(in crate::proto) serial: u64,
}

/// One end of a call's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// The caller's: sends the argument stream, reads the result stream.
    Caller(CallerKey),
    /// The callee's: sends the result stream, reads the argument stream.
    Callee(ServedKey),
}

/// Items to be sent together.
#[derive(Debug, Default)]
pub struct Batch {
    /// How many; at least one.
    pub count: u64,
    /// One after another, without their count.
    pub items: Body,
}

/// What a reader of a stream finds.
#[derive(Debug)]
pub enum Arrived {
    /// Batches, each its count (a varint) and then so many items.
    Items(Body),
    /// No more items: the end of the stream, the call's own outcome, or why the rest will never come. With a call's
    /// failure, its arguments, where they are still at hand.
    Ended(Outcome, Option<Body>),
}

impl Session {
    /// The next items of a stream. Those given before count as read.
    pub fn poll_items(&mut self, end: StreamEnd, waker: &Waker) -> Poll<Arrived> {
        match end {
            StreamEnd::Caller(CallerKey { key, .. }) => {
                let polled = self.calls.poll_results(key, waker);
                if let Some((id, credit)) = self.calls.take_credit(key) {
                    self.send_credit(Kind::ReplyCredit, id, credit);
                }
                polled.map(|result| match result {
                    Ok(items) => Arrived::Items(items),
                    Err((outcome, arguments)) => Arrived::Ended(outcome, arguments),
                })
            }
            StreamEnd::Callee(key) => {
                let over = |error: RpcError| Poll::Ready(Arrived::Ended(Outcome::Failure(error), None));
                if let Some(ended) = &self.ended {
                    return over(ended.clone());
                }
                let Some(polled) = self.served.poll_arguments(key, waker) else {
                    return over(RpcError::new(
                        Code::Cancelled,
                        "the call that the stream belongs to is over",
                    ));
                };
                if let Some(credit) = self.served.take_credit(key) {
                    self.send_credit(Kind::CallCredit, key.id, credit);
                }
                polled.map(|items| match items {
                    Some(items) => Arrived::Items(items),
                    None => Arrived::Ended(Outcome::Output(Body::default()), None),
                })
            }
        }
    }

    fn send_credit(&mut self, kind: Kind, id: CallId, credit: u32) {
        self.output.frame(kind, 0, id, |out| put_varint(out, credit.into()), &Body::default());
    }

    /// Nobody reads the stream any more. For a caller that ends the call.
    pub fn stop_reading(&mut self, end: StreamEnd) {
        match end {
            StreamEnd::Caller(CallerKey { key, .. }) => self.cancel_call(key),
            StreamEnd::Callee(key) => {
                if self.served.stop_arguments(key) && self.ended.is_none() {
                    self.output.control(Kind::CallStop, key.id, &[]);
                }
            }
        }
    }

    /// Sends a batch as soon as its reader has room. `Ok(false)` where nobody wants it any more.
    ///
    /// # Errors
    /// `TooLarge`, for more than the reader ever takes.
    pub fn poll_send(
        &mut self,
        end: StreamEnd,
        batch: &mut Option<Batch>,
        waker: &Waker,
    ) -> Poll<Result<bool, RpcError>> {
        let Some(size) = batch.as_ref().map(|batch| batch.items.len()) else { return Poll::Ready(Ok(true)) };
        let Some(peer) = self.peer.as_ref().filter(|_| self.ended.is_none()) else {
            return Poll::Ready(Ok(false));
        };
        // The count in front of them takes a few bytes too.
        let (max, most) = (peer.max_message as usize, peer.max_inflight as usize);
        if size + COUNT > max {
            return Poll::Ready(Err(too_large(size, "max_message", max)));
        }
        // A reader that has read everything has given back all but half of its window (P-37).
        if matches!(end, StreamEnd::Caller(_)) && size + COUNT > most + peer.stream_window as usize / 2 {
            return Poll::Ready(Err(too_large(size, "max_inflight", most)));
        }
        let refusal = batch.as_ref().and_then(|batch| self.reference_refusal(&batch.items));
        if let Some(error) = refusal {
            return Poll::Ready(Err(error));
        }
        let is_large = size + COUNT > self.largest_part(0);
        let waiting = self.output.frame_bytes();
        let (stream, priority, starts_late, has_room) = match end {
            StreamEnd::Caller(key) => {
                let charged = self.calls.charged();
                let Some(call) = self.calls.streaming(key) else {
                    return Poll::Ready(Ok(false));
                };
                let (priority, starts_late) = (call.priority, call.ends_at.is_none());
                let Some(stream) = call.arguments() else { return Poll::Ready(Ok(false)) };
                let charged = charged + stream.overdraft_with(size + COUNT) - stream.overdraft();
                (stream, priority, starts_late, charged <= most)
            }
            StreamEnd::Callee(key) => {
                let priority = self.served.priority(key.id);
                match self.served.results(key, peer.stream_window) {
                    Some(stream) => (stream, priority, false, true),
                    None => return Poll::Ready(Ok(false)),
                }
            }
        };
        if stream.is_stopped() {
            return Poll::Ready(Ok(false));
        }
        // Of low priority one batch waits at a time, behind all frames; what is urgent has room where others fill it.
        let ahead = match priority {
            Priority::Low => false,
            Priority::Normal => waiting > AHEAD,
            Priority::High => waiting > 2 * AHEAD,
        };
        if ahead || starts_late {
            self.crowded.push(waker.clone());
            return Poll::Pending;
        }
        if !has_room {
            self.overdrawn.push(waker.clone());
            return Poll::Pending;
        }
        if !stream.has_credit() {
            stream.wait(waker);
            return Poll::Pending;
        }
        if let Some(batch) = batch.take() {
            self.send_batch(end, batch, priority, is_large);
        }
        Poll::Ready(Ok(true))
    }

    fn send_batch(&mut self, end: StreamEnd, batch: Batch, priority: Priority, is_large: bool) {
        let Batch { count, items } = batch;
        let mut counted = Vec::new();
        put_varint(&mut counted, count);
        let size = counted.len() + items.len();
        let is_queued = is_large || priority == Priority::Low;
        let (kind, what, id) = match end {
            StreamEnd::Caller(key) => match self.calls.streaming(key) {
                Some(call) => (Kind::CallItems, What::ArgumentItem, call.id),
                None => return,
            },
            StreamEnd::Callee(key) => (Kind::ReplyItems, What::ResultItem, key.id),
        };
        match end {
            StreamEnd::Caller(_) => self.calls.sent_items(id, size, is_queued),
            StreamEnd::Callee(_) => {
                if let Some(stream) = self.served.begun_results(id) {
                    stream.sent(size, is_queued);
                }
            }
        }
        if is_queued {
            let give = self.give(&items);
            let (head, body) = match is_large {
                true => (Vec::new(), items.prefixed(&counted)),
                false => (counted, items),
            };
            self.output.queue(Queued { what, priority, id, flags: 0, give, head, body, whole: !is_large });
        } else {
            self.send_give(&items);
            self.output.frame(kind, 0, id, |out| out.extend_from_slice(&counted), &items);
        }
    }

    /// Waits until all of a stream is on its way, then ends it: for a callee its reply does that.
    pub fn poll_finish(&mut self, end: StreamEnd, waker: &Waker) -> Poll<()> {
        if self.ended.is_some() {
            return Poll::Ready(());
        }
        match end {
            StreamEnd::Caller(key) => {
                let Some(call) = self.calls.streaming(key) else { return Poll::Ready(()) };
                let (id, starts_late) = (call.id, call.ends_at.is_none());
                let Some(stream) = call.arguments().filter(|stream| !stream.is_stopped()) else {
                    return Poll::Ready(());
                };
                if starts_late || stream.is_in_parts() {
                    self.crowded.push(waker.clone());
                    return Poll::Pending;
                }
                self.output.control(Kind::CallEnd, id, &[]);
            }
            StreamEnd::Callee(key) => {
                let window = self.peer.as_ref().map_or(0, |peer| peer.stream_window);
                if self.served.results(key, window).is_some_and(|stream| stream.is_in_parts()) {
                    self.crowded.push(waker.clone());
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    /// The end of a call that this side made, for as long as it may be asked for.
    pub fn caller_end(&mut self, key: CallKey) -> StreamEnd {
        let serial = self.calls.serial(key);
        StreamEnd::Caller(CallerKey { key, serial })
    }

    /// This side cannot go on with a call that it made.
    pub fn fail(&mut self, end: StreamEnd, error: RpcError) {
        if let StreamEnd::Caller(key) = end
            && self.calls.streaming(key).is_some()
        {
            self.stop_call(key.key, Outcome::Failure(error));
        }
    }

    pub(super) fn handle_call_items(
        &mut self,
        header: Header,
        payload: &[u8],
        references: References,
        now: Instant,
    ) -> Result<(), RpcError> {
        let step = self.served.handle_items(header, payload, references, &self.allowance())?;
        self.take_items(CallId(header.id), step, now)
    }

    pub(super) fn handle_call_end(&mut self, id: CallId, now: Instant) -> Result<(), RpcError> {
        let step = self.served.handle_end(id.0, self.options.limits.max_calls)?;
        self.take_items(id, step, now)
    }

    fn take_items(&mut self, id: CallId, step: Option<Step>, now: Instant) -> Result<(), RpcError> {
        match step {
            Some(step) => self.take_step(id, step, now),
            None => self.budget.spend(now, "skipped items"),
        }
    }

    pub(super) fn handle_reply_items(
        &mut self,
        header: Header,
        payload: &[u8],
        references: References,
    ) -> Result<(), RpcError> {
        let max = self.options.limits.max_message as usize;
        let progress = self.calls.handle_items(header, payload, max, references)?;
        self.take_progress(progress);
        Ok(())
    }

    pub(super) fn handle_call_stop(&mut self, id: CallId, now: Instant) -> Result<(), RpcError> {
        let Some(stream) = self.calls.arguments(id).filter(|stream| !stream.is_stopped()) else {
            return self.budget.spend(now, "stop");
        };
        let waker = stream.stop();
        self.wakers.extend(waker);
        self.forget(What::ArgumentItem, id);
        Ok(())
    }

    pub(super) fn handle_credit(
        &mut self,
        header: Header,
        mut payload: &[u8],
        now: Instant,
    ) -> Result<(), RpcError> {
        let credit = take_varint(&mut payload)?;
        let credit = u32::try_from(credit).map_err(|_| violation("P-37", "credit above 32 bits"))?;
        let id = CallId(header.id);
        let window = self.peer.as_ref().map_or(0, |peer| peer.stream_window);
        let waker = match header.kind {
            Kind::CallCredit if self.calls.arguments(id).is_some() => {
                self.wakers.append(&mut self.overdrawn);
                self.calls.handle_credit(id, credit)?
            }
            Kind::ReplyCredit
                if let Some(key) = self.served.key(id)
                    && let Some(stream) = self.served.results(key, window) =>
            {
                stream.handle_credit(credit)?
            }
            // It crossed the end of its call.
            _ => return self.budget.spend(now, "credit"),
        };
        self.wakers.extend(waker);
        if credit < SMALL_CREDIT { self.budget.spend(now, "small credit") } else { Ok(()) }
    }

    pub(super) fn allowance(&self) -> Allowance {
        let limits = &self.options.limits;
        Allowance {
            max_calls: limits.max_calls,
            max_message: limits.max_message as usize,
            max_inflight: limits.max_inflight as usize,
            stream_window: limits.stream_window,
        }
    }
}

/// Most that the count of a batch takes.
const COUNT: usize = 10;

fn too_large(size: usize, limit: &str, max: usize) -> RpcError {
    let message = format!("an item of {size} bytes, above the peer's {limit} of {max}");
    RpcError::new(Code::TooLarge, message)
}
