//! What time does to a session, and how it ends: deadlines, keepalive, go-away, the loss of the connection.

use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::Session;
use crate::error::{Code, Executed, RpcError};
use crate::proto::frame::Kind;
use crate::proto::timer::Timer;
use crate::proto::{CallId, CallKey, Outcome, Ticket};

/// Bytes of a go-away's reason (P-43): what every peer's frames hold.
const MAX_REASON: usize = 1024;

impl Session {
    /// Does what is due at `now`.
    ///
    /// # Errors
    /// The peer's time is up: the connection is to be ended with this error.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), RpcError> {
        self.withdrawals.note(now);
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Handshake => {
                    let waited = humantime::format_duration(self.options.handshake_timeout);
                    return Err(RpcError::new(Code::Protocol, format!("no hello within {waited}")));
                }
                Timer::Keepalive => self.keep_alive(now)?,
                Timer::Call(key) => {
                    let key = CallKey(key as usize);
                    // A frame that waits to be taken goes out all the same; parts that wait do not.
                    let goes_out = self.calls.get_mut(key).is_some_and(|call| call.ends_at.is_some());
                    let executed = if goes_out { Executed::Maybe } else { Executed::No };
                    let error =
                        RpcError::new(Code::DeadlineExceeded, "its time ran out").with_executed(executed);
                    self.stop_call(key, Outcome::Failure(error));
                }
                Timer::Ticket(ticket) => {
                    self.wakers.extend(self.admission.waker(ticket).cloned());
                    // Whoever holds it may never look again; those behind it do not wait for that.
                    self.admission.leave(Ticket(ticket));
                    self.wakers.extend(self.admission.first().into_iter().flatten().cloned());
                }
                Timer::Cancels => self.send_cancels(),
                Timer::Served(id) => {
                    self.stop_served(CallId(id), Code::DeadlineExceeded, "its time ran out");
                }
            }
        }
        Ok(())
    }

    fn keep_alive(&mut self, now: Instant) -> Result<(), RpcError> {
        let Some(keepalive) = self.options.keepalive else { return Ok(()) };
        let pinged = match self.pinged {
            Some(pinged) if now >= pinged + keepalive => {
                let silent = Duration::from_secs(now.saturating_duration_since(self.heard).as_secs());
                let message =
                    format!("no sign of life from the peer for {}", humantime::format_duration(silent));
                return Err(RpcError::new(Code::Unavailable, message));
            }
            None if now >= self.heard + keepalive => {
                self.output.control(Kind::Ping, CallId(0), &[0; 8]);
                self.pinged = Some(now);
                self.pinged
            }
            pinged => pinged,
        };
        self.timers.insert(pinged.unwrap_or(self.heard) + keepalive, Timer::Keepalive);
        Ok(())
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Tells the peer that this side takes no more calls, and why.
    pub fn go_away(&mut self, reason: &str) {
        if self.draining.is_none() {
            self.break_off(reason);
        }
    }

    /// The same, whatever was said before: the peer broke a rule, and learns which.
    pub fn break_off(&mut self, reason: &str) {
        let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
        self.output.control(Kind::GoAway, CallId(0), reason.as_bytes());
        self.draining = Some(reason.to_owned());
    }

    /// Why the peer takes no more calls, if it said so.
    pub fn peer_leaves(&self) -> Option<&str> {
        self.peer_leaves.as_deref()
    }

    /// Ends the connection: every call of this side ends with `cause`, as not executed where its last byte
    /// is among the `unwritten` ones that the transport, or what is behind it, never took.
    pub fn end(&mut self, cause: &RpcError, unwritten: usize) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(cause.clone());
        let written = self.output.taken().saturating_sub(unwritten as u64);
        for (id, arguments) in self.output.take_unsent() {
            self.calls.keep_unsent(id, arguments);
        }
        let ended =
            self.calls.end_all(|call| Outcome::Failure(cause.clone().with_executed(call.executed(written))));
        self.wakers.extend(ended);
        self.wakers.append(&mut self.watchers);
        self.wakers.extend(self.admission.end_all());
        self.wakers.append(&mut self.crowded);
        self.wakers.append(&mut self.overdrawn);
        self.wakers.extend(self.served.end_all());
        self.objects.end();
    }

    /// Waits for the end.
    pub fn poll_ended(&mut self, waker: &Waker) -> Poll<RpcError> {
        match &self.ended {
            Some(ended) => Poll::Ready(ended.clone()),
            None => {
                self.watchers.push(waker.clone());
                Poll::Pending
            }
        }
    }

    /// Waits until the connection takes no more calls of this side: the peer leaves, or it is over.
    pub fn poll_lost(&mut self, waker: &Waker) -> Poll<()> {
        match self.peer_leaves {
            Some(_) => Poll::Ready(()),
            None => self.poll_ended(waker).map(drop),
        }
    }

    /// Why the connection is over, if it is.
    pub fn ended(&self) -> Option<&RpcError> {
        self.ended.as_ref()
    }
}
