//! A caller that reads its own reply, over a transport that can be looked at before anybody sleeps: no task is woken
//! and none put to sleep. Never runs handlers and never ends a connection: what is the driver's is left to it.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::looks::{LookKind, Looks};
use super::reading::Reading;
use crate::connection::Connection;
use crate::proto::Session;

/// How long a caller reads what is not for it: about what a megabyte takes to come.
const LONGEST: Duration = Duration::from_millis(1);

/// The reading half in the hands of a caller.
pub(crate) struct Looking<'a> {
    connection: &'a Connection,
    /// Until it is put back.
    taken: Option<Box<Reading>>,
    /// What was read has brought something for the driver.
    is_for_driver: bool,
}

impl<'a> Looking<'a> {
    /// Takes the reading half, if the transport is of that kind and nobody reads.
    pub(crate) fn take(connection: &'a Connection) -> Option<Self> {
        if connection.looks == LookKind::Never {
            return None;
        }
        let taken = Some(connection.reading.take_if(|reading| reading.is_worth_looking(connection))?);
        Some(Self { connection, taken, is_for_driver: false })
    }

    /// To be done before the call is written: the peer then need not wake anybody for the reply.
    pub(crate) fn begin(&self) {
        if let Some(Looks::AtMemory(busy_poll)) = self.taken.as_ref().map(|reading| &reading.looks) {
            busy_poll.disarm();
        }
    }

    pub(crate) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Reads until something is found in the session, for as long as that is likely to pay. A peer that sends on and on
    /// does not hold the caller's thread.
    pub(crate) fn until<R>(&mut self, mut find: impl FnMut(&mut Session) -> Option<R>) -> Option<R> {
        let Self { connection, taken: Some(reading), is_for_driver } = self else { return None };
        let mut until = None;
        loop {
            let driver = std::mem::replace(&mut reading.driver, Waker::noop().clone());
            let (mut found, mut writes) = (None, false);
            let read = reading.poll_looking(connection, &mut Context::from_waker(&driver), |shared| {
                found = find(&mut shared.session);
                writes = shared.session.has_output();
                *is_for_driver = shared.is_for_driver();
            });
            reading.driver = driver;
            match read {
                Poll::Pending => return found,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(ended)) => {
                    reading.ended = Some(ended);
                    return found;
                }
            }
            // What the peer waits for before it goes on; what is left over is the driver's in any case.
            if writes && !connection.has_unwritten() && connection.flush() {
                *is_for_driver = true;
            }
            if found.is_some() || *is_for_driver {
                return found;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + LONGEST);
            // To loom it does not matter how long something takes.
            if !cfg!(traitwire_loom) && Instant::now() >= until {
                return None;
            }
        }
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let Self { connection, taken, is_for_driver } = self;
        let Some(reading) = taken.take() else { return };
        let is_quiet = reading.ended.is_none()
            && match &reading.looks {
                Looks::AtMemory(busy_poll) => busy_poll.arm(),
                // The driver's waker has stayed with the runtime.
                Looks::ByReading(_) | Looks::Never => true,
            };
        connection.reading.put_back(reading);
        if !is_quiet || *is_for_driver {
            connection.wake_driver();
        }
    }
}
