//! How the sides wake each other and learn of each other's death: the socket that introduced them. One zero byte is one
//! ring; text is why the peer refuses; its end is the peer's end. Never blocks, whatever the peer does to its end.
//!
//! An event counter would be a system call of the same kind and somewhat cheaper, but both processes would share one
//! open file: the peer could make it blocking and fill it, and ringing would hold this process's thread for ever.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::net::{SendFlags, send};
use tokio::net::UnixStream;

/// Rings in a row, without a byte or any room, after which the peer is taken to mean harm. An honest one rings in vain
/// when this side has found by itself what it is rung for, and then once for each sleep.
const IN_VAIN: u32 = 1_000;

/// Who sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sleeper {
    Consumer,
    Producer,
}

/// Bytes of a reason at most.
pub(super) const REASON: usize = 256;

#[derive(Debug)]
pub(crate) struct Bell {
    socket: UnixStream,
    sleepers: Arc<Sleepers>,
    /// Wakes both sleepers: the socket knows one waker only.
    both: Waker,
    in_vain: AtomicU32,
    has_gone: AtomicBool,
}

#[derive(Debug, Default)]
struct Sleepers(Mutex<[Option<Waker>; 2]>);

impl Sleepers {
    fn set(&self, sleeper: Sleeper, waker: &Waker) {
        let mut sleepers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut sleepers[sleeper as usize] {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    fn wake_other(&self, than: Sleeper) {
        let other = {
            let mut sleepers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sleepers[1 - than as usize].take()
        };
        other.into_iter().for_each(Waker::wake);
    }

    fn wake_both(&self) {
        let sleepers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        sleepers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Wake for Sleepers {
    fn wake(self: Arc<Self>) {
        self.wake_both();
    }
}

impl Bell {
    pub(crate) fn new(socket: UnixStream) -> Self {
        let sleepers = Arc::<Sleepers>::default();
        let both = Waker::from(Arc::clone(&sleepers));
        Self { socket, sleepers, both, in_vain: AtomicU32::new(0), has_gone: AtomicBool::new(false) }
    }

    /// Ends the peer's sleep. A socket that is full holds rings that the peer has not heard yet; the end of a peer that
    /// has gone is found by listening.
    pub(crate) fn ring(&self) {
        let _ = send(&self.socket, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }

    /// Whether the peer has gone. Looks at the socket, unless it is known: a reader that has found the end in memory never
    /// listened.
    pub(crate) fn has_gone(&self) -> bool {
        self.has_gone.load(Ordering::Relaxed) || is_hung_up(&self.socket)
    }

    /// Waits for a ring. `false` when the peer has gone, now and ever after. Both sleepers can wait at once; what one of
    /// them hears, the other is woken for.
    ///
    /// # Errors
    /// `InvalidData` when the peer rings on and on for nothing, `ConnectionRefused` when it says why it refuses.
    pub(crate) fn poll_heard(&self, sleeper: Sleeper, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.sleepers.set(sleeper, cx.waker());
        loop {
            ready!(self.socket.poll_read_ready(&mut Context::from_waker(&self.both)))?;
            let mut heard = [0; REASON];
            match self.socket.try_read(&mut heard) {
                Ok(0) => return Poll::Ready(Ok(self.note_gone())),
                Ok(bytes) if heard[..bytes].iter().all(|byte| *byte == 0) => {}
                Ok(bytes) => return Poll::Ready(Err(refused(&heard[..bytes]))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return Poll::Ready(Ok(self.note_gone())),
            }
            self.sleepers.wake_other(sleeper);
            if self.in_vain.fetch_add(1, Ordering::Relaxed) >= IN_VAIN {
                let what = "the peer rings on and on, and nothing is there";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
            }
            return Poll::Ready(Ok(true));
        }
    }

    fn note_gone(&self) -> bool {
        self.has_gone.store(true, Ordering::Relaxed);
        false
    }

    /// Something came of it.
    pub(crate) fn was_worth_it(&self) {
        // Looked at first: it is written to for each read and each write otherwise.
        if self.in_vain.load(Ordering::Relaxed) > 0 {
            self.in_vain.store(0, Ordering::Relaxed);
        }
    }
}

/// Whether the other end of a socket is no more. Takes nothing out of it, and does not ask the runtime, which may not
/// have heard yet.
fn is_hung_up(socket: &UnixStream) -> bool {
    let end = PollFlags::HUP | PollFlags::RDHUP;
    let mut looked = [PollFd::new(socket, end)];
    let found = retry_on_intr(|| poll(&mut looked, Some(&Timespec::default())));
    found.is_ok() && looked[0].revents().intersects(end)
}

/// Tells a peer that waits for rings why there will be none.
pub(crate) fn refuse(socket: &UnixStream, cause: &io::Error) {
    let reason = cause.to_string();
    let reason = &reason[..reason.floor_char_boundary(REASON)];
    let _ = send(socket, reason.as_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

fn refused(heard: &[u8]) -> io::Error {
    let reason: String = String::from_utf8_lossy(heard).chars().filter(|sign| !sign.is_control()).collect();
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("the peer refuses: {reason}"))
}
