//! A caller that reads its own reply, over a transport that can be looked at without a system call: no task is woken
//! and none put to sleep. Never runs handlers and never ends a connection: what is the driver's is left to it.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::reading::Reading;
use crate::connection::Connection;
use crate::proto::Session;
use crate::transport::BusyPoll;

/// How long a caller reads what is not for it: about what a megabyte takes to come.
const LONGEST: Duration = Duration::from_millis(1);

/// The reading half in the hands of a caller.
pub(crate) struct Looking<'a> {
    connection: &'a Connection,
    busy_poll: &'a dyn BusyPoll,
    /// Until it is put back.
    reading: Option<Box<Reading>>,
}

impl<'a> Looking<'a> {
    /// Takes the reading half, if the transport is of that kind and nobody reads. To be done before the call is written:
    /// the peer then need not wake anybody for the reply.
    pub(crate) fn begin(connection: &'a Connection) -> Option<Self> {
        let busy_poll = connection.busy_poll.as_deref()?;
        let reading = connection.reading.take()?;
        busy_poll.disarm();
        Some(Self { connection, busy_poll, reading: Some(reading) })
    }

    pub(crate) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Reads until something is found in the session, for as long as that is likely to pay. A peer that sends on and on
    /// does not hold the caller's thread.
    pub(crate) fn until<R>(&mut self, mut find: impl FnMut(&mut Session) -> Option<R>) -> Option<R> {
        let Self { connection, busy_poll, reading: Some(reading) } = self else { return None };
        let mut until = None;
        while reading.patience.look(|| busy_poll.has_bytes()) {
            let driver = std::mem::replace(&mut reading.driver, Waker::noop().clone());
            let mut found = None;
            let read = reading.poll(connection, &mut Context::from_waker(&driver), |session| {
                found = find(session);
            });
            reading.driver = driver;
            if let Poll::Ready(Err(ended)) = read {
                reading.ended = Some(ended);
                return found;
            }
            if found.is_some() || connection.has_events() {
                return found;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + LONGEST);
            if Instant::now() >= until {
                break;
            }
        }
        None
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let Self { connection, busy_poll, reading } = self;
        let Some(reading) = reading.take() else { return };
        let is_quiet = reading.ended.is_none() && busy_poll.arm();
        connection.reading.put_back(reading);
        if !is_quiet || connection.has_events() {
            connection.wake_driver();
        }
    }
}
