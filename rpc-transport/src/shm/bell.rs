//! How the sides wake each other and learn of each other's death: the socket that introduced them. One zero byte is one
//! ring; text is why the peer refuses; its end is the peer's end. Never blocks, whatever the peer does to its end.
//!
//! An event counter would be a system call of the same kind and somewhat cheaper, but both processes would share one
//! open file: the peer could make it blocking and fill it, and ringing would hold this process's thread for ever.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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
    end: OnceLock<End>,
}

/// What is heard last. It is heard once, and is for both sleepers.
#[derive(Debug)]
enum End {
    Gone,
    Failed { kind: io::ErrorKind, what: String },
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
        Self { socket, sleepers, both, in_vain: AtomicU32::new(0), end: OnceLock::new() }
    }

    /// Ends the peer's sleep. A socket that is full holds rings that the peer has not heard yet; the end of a peer that
    /// has gone is found by listening.
    pub(crate) fn ring(&self) {
        let _ = send(&self.socket, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }

    /// Whether the peer has gone. Looks at the socket, unless it is known: a reader that has found the end in memory never
    /// listened.
    pub(crate) fn has_gone(&self) -> bool {
        matches!(self.end.get(), Some(End::Gone)) || is_hung_up(&self.socket)
    }

    /// Waits for a ring. `false` when the peer has gone, now and ever after. Both sleepers can wait at once; what one of
    /// them hears, the other is woken for.
    ///
    /// # Errors
    /// `InvalidData` when the peer rings on and on for nothing, `ConnectionRefused` when it says why it refuses. Now and
    /// ever after, to both sleepers.
    pub(crate) fn poll_heard(&self, sleeper: Sleeper, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.sleepers.set(sleeper, cx.waker());
        // Asked once this sleeper can be woken: what the other one hears from here on it is woken for.
        let end = match self.end.get() {
            Some(end) => Some(end),
            None => ready!(self.poll_ring()).map(|end| self.end.get_or_init(|| end)),
        };
        self.sleepers.wake_other(sleeper);
        Poll::Ready(match end {
            None => Ok(true),
            Some(End::Gone) => Ok(false),
            Some(End::Failed { kind, what }) => Err(io::Error::new(*kind, what.clone())),
        })
    }

    /// Waits for a ring, or for what is heard last.
    fn poll_ring(&self) -> Poll<Option<End>> {
        loop {
            if let Err(error) = ready!(self.socket.poll_read_ready(&mut Context::from_waker(&self.both))) {
                return Poll::Ready(Some(End::Failed { kind: error.kind(), what: error.to_string() }));
            }
            let mut heard = [0; REASON];
            return Poll::Ready(match self.socket.try_read(&mut heard) {
                Ok(0) => Some(End::Gone),
                Ok(bytes) if heard[..bytes].iter().any(|byte| *byte != 0) => {
                    let refusal = refused(&heard[..bytes]);
                    Some(End::Failed { kind: refusal.kind(), what: refusal.to_string() })
                }
                Ok(_) if self.in_vain.fetch_add(1, Ordering::Relaxed) >= IN_VAIN => {
                    let what = "the peer rings on and on, and nothing is there".to_owned();
                    Some(End::Failed { kind: io::ErrorKind::InvalidData, what })
                }
                Ok(_) => None,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => Some(End::Gone),
            });
        }
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
    let reason = cause.to_string().replace(char::is_control, " ");
    let reason = &reason[..reason.floor_char_boundary(REASON)];
    let _ = send(socket, reason.as_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

/// What a peer's text means, wherever it is heard.
pub(super) fn refused(heard: &[u8]) -> io::Error {
    let reason: String = String::from_utf8_lossy(heard).chars().filter(|sign| !sign.is_control()).collect();
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("the peer refuses: {reason}"))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_one_sleeper_hears_last_the_other_hears_too() {
        let reason = "the peer refuses: too many of you";
        for (said, expected) in [
            (Some("too many of you"), Err((io::ErrorKind::ConnectionRefused, reason.to_owned()))),
            (None, Ok(false)),
        ] {
            let (socket, mut peer) = UnixStream::pair().expect("a pair");
            let bell = Bell::new(socket);
            let mut stays = None;
            let hear = |sleeper, cx: &mut Context<'_>| {
                let heard = bell.poll_heard(sleeper, cx);
                heard.map(|heard| heard.map_err(|error| (error.kind(), error.to_string())))
            };
            let mut nobody = Context::from_waker(Waker::noop());
            for sleeper in [Sleeper::Producer, Sleeper::Consumer] {
                assert_eq!(hear(sleeper, &mut nobody), Poll::Pending);
            }
            match said {
                // It does not close, as somebody hostile would not.
                Some(said) => {
                    peer.write_all(said.as_bytes()).await.map(|()| stays = Some(peer)).expect("said")
                }
                None => drop(peer),
            }
            assert_eq!(poll_fn(|cx| hear(Sleeper::Producer, cx)).await, expected);
            for sleeper in [Sleeper::Consumer, Sleeper::Producer] {
                assert_eq!(hear(sleeper, &mut nobody), Poll::Ready(expected.clone()), "{sleeper:?}");
            }
            drop(stays);
        }
    }
}
