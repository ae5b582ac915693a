//! One live connection as its users share it: the session under a short lock, and the writing half under
//! another. Never runs user code under either, and never waits: what cannot be done at once is the driver's.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;

use crate::adapted::Answers;
use crate::driver::{LookKind, Reading, ReadingSlot};
use crate::error::{Code, RpcError};
use crate::options::Options;
use crate::proto::hello::Hello;
use crate::proto::{Outgoing, SLICES, Session};
use crate::reference::{Burials, Home};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::transport::{BusyPoll, Peer};

/// The present, by the clock that tests can stop.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// When a connection is to end by this side's own will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Closing {
    /// Not yet.
    No,
    /// When the calls it serves have been answered.
    Drained,
    /// As soon as what is queued has been written.
    Flushed,
}

thread_local! {
    /// Emptied and filled again, so that waking allocates nothing.
    static WOKEN: Cell<Vec<Waker>> = const { Cell::new(Vec::new()) };
}

pub(crate) struct Connection {
    pub(crate) peer: Arc<Peer>,
    hello: OnceLock<Arc<Hello>>,
    shared: Mutex<Shared>,
    writer: Mutex<Writer>,
    pub(crate) reading: ReadingSlot,
    /// Whether it can be looked at, and how.
    pub(crate) looks: LookKind,
    /// Somebody was woken since the driver last asked.
    woke: AtomicBool,
    /// The session has events.
    has_events: AtomicBool,
    /// Whether the writer holds bytes.
    unwritten: AtomicBool,
    /// Whether it may still take calls of this side.
    usable: AtomicBool,
    /// What references to the peer's objects share.
    pub(crate) home: Arc<Home>,
    /// What services of the peer's are that have another version.
    pub(crate) answers: Answers,
}

pub(crate) struct Shared {
    pub(crate) session: Session,
    pub(crate) closing: Closing,
    /// The driver, while it sleeps.
    pub(crate) driver: Option<Waker>,
    /// Until when the driver sleeps at the latest.
    pub(crate) armed: Option<Instant>,
    /// Callers who have a reply and are woken one by the other: whoever takes a reply wakes the next. The driver sees to
    /// it that none is left.
    pub(crate) row: VecDeque<Waker>,
}

impl Shared {
    /// Puts those who have a reply at the end of the row.
    pub(crate) fn line_up(&mut self) {
        self.row.extend(self.session.answered().drain(..));
    }

    /// Whether there is something to do that only the driver does: whoever brings this about wakes it.
    pub(crate) fn is_for_driver(&self) -> bool {
        self.session.has_events() || self.session.peer_leaves().is_some() || self.must_arm()
    }

    /// Whether the driver sleeps for longer than it may.
    pub(crate) fn must_arm(&self) -> bool {
        self.session.poll_timeout().is_some_and(|due| self.armed.is_none_or(|armed| due < armed))
    }
}

struct Writer {
    /// Gone when the connection is over.
    io: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// Tells what the peer has not taken. Gone with the writing half.
    busy_poll: Option<Arc<dyn BusyPoll>>,
    /// What was taken from the session.
    taken: Outgoing,
    /// The driver: whoever writes, it is the driver that hears when writing can go on.
    driver: Waker,
    failed: Option<io::ErrorKind>,
}

impl Connection {
    pub(crate) fn new(
        session: Session,
        peer: Peer,
        reading: Reading,
        io: Box<dyn AsyncWrite + Send + Unpin>,
        busy_poll: Option<Arc<dyn BusyPoll>>,
    ) -> Self {
        let home = Arc::clone(session.home());
        let shared =
            Shared { session, closing: Closing::No, driver: None, armed: None, row: VecDeque::new() };
        let taken = Outgoing::new(io.is_write_vectored());
        let looks = reading.look_kind();
        let writer = Writer { io: Some(io), busy_poll, taken, driver: Waker::noop().clone(), failed: None };
        Self {
            peer: Arc::new(peer),
            hello: OnceLock::new(),
            shared: Mutex::new(shared),
            writer: Mutex::new(writer),
            reading: ReadingSlot::new(reading),
            looks,
            woke: AtomicBool::new(false),
            has_events: AtomicBool::new(false),
            unwritten: AtomicBool::new(false),
            usable: AtomicBool::new(true),
            home,
            answers: Answers::default(),
        }
    }

    /// Does something with the session, then wakes whoever it woke.
    pub(crate) fn with_session<R>(&self, act: impl FnOnce(&mut Shared) -> R) -> R {
        let mut shared = self.lock();
        let burials = shared.session.has_given().then(Burials::delay);
        let result = act(&mut shared);
        if shared.session.has_woken() {
            let mut woken = WOKEN.take();
            shared.session.take_wakers(&mut woken);
            drop(shared);
            self.woke.store(true, Ordering::Relaxed);
            woken.drain(..).for_each(Waker::wake);
            WOKEN.set(woken);
        } else {
            drop(shared);
        }
        drop(burials);
        result
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock()
    }

    /// What the peer said of itself.
    pub(crate) fn hello(&self) -> Option<&Arc<Hello>> {
        self.hello.get().or_else(|| {
            let hello = self.lock().session.peer().cloned()?;
            Some(self.hello.get_or_init(|| Arc::new(hello)))
        })
    }

    /// What the peer said when it announced that it leaves, as the error of who finds it gone.
    pub(crate) fn leaving(&self) -> Option<RpcError> {
        self.lock().session.peer_leaves().map(left)
    }

    /// Waits until it takes no more calls of this side.
    pub(crate) async fn lost(&self) {
        std::future::poll_fn(|cx| self.lock().session.poll_lost(cx.waker())).await;
    }

    /// Whether it may take calls of this side. Asked before a call, without the lock; the session is asked again.
    pub(crate) fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Acquire)
    }

    /// It takes no more calls of this side: it is over or ending, or the peer leaves.
    pub(crate) fn set_unusable(&self) {
        self.usable.store(false, Ordering::Release);
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) -> RpcError {
        std::future::poll_fn(|cx| self.lock().session.poll_ended(cx.waker())).await
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.lock().session.ended().is_some()
    }

    /// The limits and times of this end.
    pub(crate) fn options(&self) -> Options {
        self.lock().session.options().clone()
    }

    /// Keeps for the driver whether there is something for it to do. Whoever is not the driver wakes it then.
    pub(crate) fn note_events(&self, shared: &Shared) {
        self.has_events.store(shared.session.has_events(), Ordering::Relaxed);
    }

    pub(crate) fn has_events(&self) -> bool {
        self.has_events.load(Ordering::Relaxed)
    }

    /// Whether somebody was woken since the last time.
    pub(crate) fn took_wakers(&self) -> bool {
        self.woke.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn wake_driver(&self) {
        let driver = self.lock().driver.take();
        driver.into_iter().for_each(Waker::wake);
    }

    /// Asks the driver to end the connection. The strongest wish counts.
    pub(crate) fn close(&self, closing: Closing, reason: &str) {
        self.set_unusable();
        let driver = self.with_session(|shared| {
            shared.session.go_away(reason);
            shared.closing = shared.closing.max(closing);
            shared.driver.take()
        });
        driver.into_iter().for_each(Waker::wake);
    }

    /// Does something with the session; what it queues is the driver's to write, and what it puts off the driver's to do.
    pub(crate) fn act<R>(&self, act: impl FnOnce(&mut Session) -> R) -> R {
        let (result, driver) = self.with_session(|shared| {
            let before = shared.session.position();
            let result = act(&mut shared.session);
            let for_driver = shared.session.position() != before || shared.must_arm();
            (result, if for_driver { shared.driver.take() } else { None })
        });
        driver.into_iter().for_each(Waker::wake);
        result
    }

    /// Writes once what is queued. Frames that others queue meanwhile are left to the driver, which gathers
    /// them: following them one by one would cost a system call each. Does nothing while somebody else is
    /// writing: they look at the queue when they have done.
    ///
    /// `true` if the transport did not take everything.
    pub(crate) fn flush(&self) -> bool {
        let Some(mut writer) = self.writer.try_lock() else { return false };
        let mut woken = WOKEN.take();
        let blocked = self.write(&mut writer, &mut woken);
        drop(writer);
        woken.drain(..).for_each(Waker::wake);
        WOKEN.set(woken);
        if !blocked {
            let mut shared = self.lock();
            let driver = if shared.session.has_output() { shared.driver.take() } else { None };
            drop(shared);
            driver.into_iter().for_each(Waker::wake);
        }
        blocked
    }

    /// Writes what it can; whom that wakes is added to `woken`.
    fn write(&self, writer: &mut Writer, woken: &mut Vec<Waker>) -> bool {
        let Writer { io: Some(io), taken, driver, failed: failed @ None, .. } = writer else { return true };
        // While much is left over, what is queued stays in the session, where it counts against its limits.
        if taken.remaining() < TOP_UP {
            let mut shared = self.lock();
            shared.session.take_output(taken);
            shared.session.take_wakers(woken);
            // Calls were held back while too much was queued.
            if shared.session.has_ready_event() {
                woken.extend(shared.driver.take());
            }
        }
        // Before the transport hears of the waker: the driver it wakes has to see it.
        self.unwritten.store(taken.remaining() > 0, Ordering::Release);
        let mut cx = Context::from_waker(driver);
        while taken.remaining() > 0 {
            let io = Pin::new(&mut *io);
            let polled = match taken.only_slice() {
                Some(slice) => io.poll_write(&mut cx, slice),
                None => {
                    let mut slices = [IoSlice::new(&[]); SLICES];
                    let count = taken.slices(&mut slices);
                    io.poll_write_vectored(&mut cx, &slices[..count])
                }
            };
            match polled {
                Poll::Ready(Ok(0)) => *failed = Some(io::ErrorKind::WriteZero),
                Poll::Ready(Ok(bytes)) => taken.advance(bytes),
                Poll::Ready(Err(error)) => *failed = Some(error.kind()),
                Poll::Pending => return true,
            }
            if failed.is_some() {
                driver.wake_by_ref();
                return true;
            }
        }
        self.unwritten.store(false, Ordering::Release);
        false
    }

    /// Whether something is being written, was left over by the last write, or never will be written. While
    /// there is nothing, the driver has no business with the writing half.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.unwritten.load(Ordering::Acquire)
    }

    fn lock_writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock()
    }

    /// Makes `waker` the one that hears when writing can go on.
    pub(crate) fn set_driver(&self, waker: &Waker) {
        self.lock_writer().driver.clone_from(waker);
    }

    /// Why writing failed, if it did.
    pub(crate) fn write_failure(&self) -> Option<io::ErrorKind> {
        self.lock_writer().failed
    }

    /// Bytes the transport has taken so far.
    pub(crate) fn written(&self) -> u64 {
        let writer = self.lock_writer();
        let taken = self.lock().session.taken();
        taken - writer.taken.remaining() as u64
    }

    /// Whether nothing is left to write that may be written now.
    pub(crate) fn is_written(&self) -> bool {
        let writer = self.lock_writer();
        writer.taken.remaining() == 0 && !self.lock().session.has_output()
    }

    /// Whether nothing is left to write, here or in the session.
    pub(crate) fn is_flushed(&self) -> bool {
        let writer = self.lock_writer();
        writer.taken.remaining() == 0 && self.lock().session.queued() == 0
    }

    /// Ends the session with `cause`. Calls whose last byte was never written, or never taken, count as not executed.
    pub(crate) fn end(&self, cause: &RpcError) {
        self.set_unusable();
        let mut woken = Vec::new();
        let _burials = Burials::delay();
        {
            let writer = self.lock_writer();
            let untaken = writer.busy_poll.as_ref().map_or(0, |busy_poll| busy_poll.untaken());
            let mut shared = self.lock();
            shared.session.end(cause, writer.taken.remaining() + untaken);
            shared.session.take_wakers(&mut woken);
            woken.extend(shared.row.drain(..));
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// Shuts the writing half down: the peer sees the end of the stream.
    pub(crate) async fn shutdown(&self) {
        let shutdown = std::future::poll_fn(|cx| match &mut self.lock_writer().io {
            Some(io) => Pin::new(io).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        });
        let _ = tokio::time::timeout(LINGER, shutdown).await;
    }

    /// Drops all that is the transport's: whoever still holds the connection holds no descriptor and no memory.
    pub(crate) fn hang_up(&self) {
        let mut writer = self.lock_writer();
        let gone = (writer.io.take(), writer.busy_poll.take());
        drop(writer);
        self.reading.close();
        // Outside the lock: a transport of somebody's own may do anything when it is dropped.
        drop(gone);
    }
}

/// Left-over bytes below which more is taken, so that each write can fill the transport's buffer.
const TOP_UP: usize = 128 << 10;

/// How long an ending connection may take to hand over its last bytes.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// The cause of calls failing after the peer has gone as it said it would.
pub(crate) fn left(reason: &str) -> RpcError {
    lost(format!("the peer closed the connection: {reason}"))
}

/// The cause of calls failing after the peer has gone.
pub(crate) fn lost(message: impl Into<String>) -> RpcError {
    RpcError::new(Code::Unavailable, message)
}
