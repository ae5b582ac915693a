//! Reading from the transport: into a buffer that a thread's connections share, or a large block into its own
//! place. Never interprets what it reads; the session does.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BufMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::End;
use super::looks::{LookKind, Looks};
use crate::connection::{Connection, Shared, left, lost, now};
use crate::error::RpcError;
use crate::patience::Patience;

/// Bytes read at once. A thread's connections share one buffer of this size; a connection owns memory only
/// for a frame that has arrived in part.
const READ: usize = 256 << 10;

/// Bytes read where a header is expected and then a large block.
const READ_HEADER: usize = 1 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// The connection that this thread has read from last, and how often without a break.
    static LAST: Cell<(usize, u32)> = const { Cell::new((0, 0)) };
}

/// Whether this thread has read from no other connection of late: while it looks, it hears of no other.
pub(super) fn is_read_alone(connection: &Connection) -> bool {
    let (last, times) = LAST.get();
    // Loom's threads are one, and what it tries must not depend on what it tried before.
    cfg!(traitwire_loom) || (last == std::ptr::from_ref(connection).addr() && times > 1)
}

fn note_read(connection: &Connection) {
    let this = std::ptr::from_ref(connection).addr();
    let (last, times) = LAST.get();
    LAST.set((this, if last == this { times.saturating_add(1) } else { 0 }));
}

/// The reading half of a connection, and what has been read of a frame.
pub(crate) struct Reading {
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) looks: Looks,
    input: Vec<u8>,
    /// The input may go on with a large block.
    within: bool,
    /// Whom the transport wakes.
    pub(super) driver: Waker,
    /// What a caller found that only the driver can see to.
    pub(super) ended: Option<Ended>,
    /// How long callers look for their replies.
    patience: Patience,
}

/// Why there is nothing more to read, or nothing more that makes sense.
pub(super) type Ended = (RpcError, End);

impl Reading {
    pub(crate) fn new(
        reader: Box<dyn AsyncRead + Send + Unpin>,
        looks: Looks,
        longest_look: Duration,
    ) -> Self {
        Self {
            reader,
            patience: looks.patience(longest_look),
            looks,
            input: Vec::new(),
            within: false,
            driver: Waker::noop().clone(),
            ended: None,
        }
    }

    pub(crate) fn look_kind(&self) -> LookKind {
        self.looks.kind()
    }

    /// Whether a caller may look for its reply now. Asked once before each [`poll_looking`](Self::poll_looking).
    pub(super) fn is_worth_looking(&mut self, connection: &Connection) -> bool {
        match self.looks {
            Looks::Never => false,
            Looks::AtMemory(_) => true,
            Looks::ByReading(_) => is_read_alone(connection) && self.patience.is_worth_while(),
        }
    }

    /// Looks for bytes, for as long as that is likely to pay, and reads once if there are any.
    pub(super) fn poll_looking(
        &mut self,
        connection: &Connection,
        cx: &mut Context<'_>,
        mut then: impl FnMut(&mut Shared),
    ) -> Poll<Result<(), Ended>> {
        // Lent out, since reading needs all of this.
        let looks = std::mem::replace(&mut self.looks, Looks::Never);
        let mut patience = std::mem::replace(&mut self.patience, Patience::of_memory(Duration::ZERO));
        let mut read = Poll::Pending;
        match &looks {
            Looks::Never => {}
            Looks::AtMemory(busy_poll) => {
                if patience.look(|| busy_poll.has_bytes()) {
                    read = self.poll(connection, cx, &mut then);
                }
            }
            Looks::ByReading(direct_read) => {
                let is_on_its_way = self.within;
                let ask = || {
                    direct_read.ask();
                    read = self.poll(connection, cx, &mut then);
                    read.is_ready()
                };
                match is_on_its_way {
                    true => patience.look_soon(ask),
                    false => patience.look(ask),
                };
            }
        }
        (self.looks, self.patience) = (looks, patience);
        read
    }

    /// Reads once, gives what came to the session, and does `then` with it at once.
    pub(super) fn poll(
        &mut self,
        connection: &Connection,
        cx: &mut Context<'_>,
        then: impl FnOnce(&mut Shared),
    ) -> Poll<Result<(), Ended>> {
        let (block, follows) = match self.within {
            true => connection
                .with_session(|shared| (shared.session.lend_block(), shared.session.expects_block())),
            false => (None, false),
        };
        if let Some((block, most)) = block {
            return self.poll_block(connection, cx, block, most, then);
        }
        // Where a large block follows, only its header is wanted here: the block is read into its own place.
        let most = if follows && self.input.is_empty() { READ_HEADER } else { READ };
        let mut scratch = SCRATCH.take();
        scratch.extend_from_slice(&self.input);
        scratch.reserve(READ);
        let mut limited = (&mut scratch).limit(most);
        let result = match poll_read_buf(Pin::new(&mut self.reader), cx, &mut limited) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Err(self.end_of_input(connection))),
            Poll::Ready(Ok(_)) => Poll::Ready(self.take_input(connection, &scratch, then).map(|used| {
                self.input.clear();
                if used < scratch.len() {
                    self.input.extend_from_slice(&scratch[used..]);
                } else if self.input.capacity() > 0 {
                    self.input = Vec::new();
                }
            })),
            Poll::Ready(Err(error)) => Poll::Ready(Err(read_failed(connection, &error))),
        };
        scratch.clear();
        SCRATCH.set(scratch);
        result
    }

    fn take_input(
        &mut self,
        connection: &Connection,
        input: &[u8],
        then: impl FnOnce(&mut Shared),
    ) -> Result<usize, Ended> {
        note_read(connection);
        let now = now();
        let taken = connection.with_session(|shared| {
            let taken = shared.session.handle_input(input, now);
            if shared.session.peer_leaves().is_some() {
                connection.set_unusable();
            }
            self.note(connection, shared);
            then(shared);
            taken
        });
        taken.map_err(|cause| (cause, End::Broken))
    }

    /// Reads the content of a large block into its own place.
    fn poll_block(
        &mut self,
        connection: &Connection,
        cx: &mut Context<'_>,
        mut block: Vec<u8>,
        most: usize,
        then: impl FnOnce(&mut Shared),
    ) -> Poll<Result<(), Ended>> {
        block.reserve(most.min(READ));
        let mut limited = (&mut block).limit(most.min(READ));
        let read = poll_read_buf(Pin::new(&mut self.reader), cx, &mut limited);
        let bytes = if let Poll::Ready(Ok(bytes)) = read { bytes } else { 0 };
        let returned = connection.with_session(|shared| {
            let returned = shared.session.return_block(block, bytes, now());
            self.note(connection, shared);
            then(shared);
            returned
        });
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Err(self.end_of_input(connection))),
            Poll::Ready(Ok(_)) => Poll::Ready(returned.map_err(|cause| (cause, End::Broken))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(read_failed(connection, &error))),
        }
    }

    fn note(&mut self, connection: &Connection, shared: &Shared) {
        self.within = shared.session.may_continue();
        connection.note_events(shared);
    }

    fn end_of_input(&self, connection: &Connection) -> Ended {
        let (greeted, left_because, within) = connection.with_session(|shared| {
            let session = &shared.session;
            let within = session.is_within_frame() || !self.input.is_empty();
            (session.peer().is_some(), session.peer_leaves().map(str::to_owned), within)
        });
        let cause = match left_because {
            _ if !greeted => lost("the peer closed the connection before it had said hello"),
            _ if within => lost("the connection broke in the middle of a frame"),
            Some(reason) => left(&reason),
            None => lost("the peer closed the connection"),
        };
        (cause, End::Lost)
    }
}

fn read_failed(connection: &Connection, error: &io::Error) -> Ended {
    match connection.leaving() {
        // It has gone, as it said it would; what it had not read yet turns that into an error.
        Some(left) => (left, End::Lost),
        None => (lost(format!("reading failed: {error}")).with_source(error), End::Lost),
    }
}
