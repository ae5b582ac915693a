//! Reading from the transport: into a buffer that a thread's connections share, or a large block into its own
//! place. Never interprets what it reads; the session does.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio_util::io::poll_read_buf;

use super::{Driver, End, Turn};
use crate::connection::{left, lost, now};

/// Bytes read at once. A thread's connections share one buffer of this size; a connection owns memory only
/// for a frame that has arrived in part.
const READ: usize = 256 << 10;

/// Bytes read where a header is expected and then a large block.
const READ_HEADER: usize = 1 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Driver {
    /// Reads once and takes what came to the session.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Turn>> {
        let (block, follows) = match self.within {
            true => self
                .connection
                .with_session(|shared| (shared.session.lend_block(), shared.session.expects_block())),
            false => (None, false),
        };
        if let Some((block, most)) = block {
            return self.poll_read_block(cx, block, most);
        }
        // Where a large block follows, only its header is wanted here: the block is read into its own place.
        let most = if follows && self.input.is_empty() { READ_HEADER } else { READ };
        let mut scratch = SCRATCH.take();
        scratch.extend_from_slice(&self.input);
        scratch.reserve(READ);
        let mut limited = (&mut scratch).limit(most);
        let result = match poll_read_buf(Pin::new(&mut self.reader), cx, &mut limited) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Err(self.end_of_input())),
            Poll::Ready(Ok(_)) => Poll::Ready(self.take_input(&scratch).map(|used| {
                self.input.clear();
                if used < scratch.len() {
                    self.input.extend_from_slice(&scratch[used..]);
                } else if self.input.capacity() > 0 {
                    self.input = Vec::new();
                }
            })),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.read_failed(&error))),
        };
        scratch.clear();
        SCRATCH.set(scratch);
        result
    }

    fn take_input(&mut self, input: &[u8]) -> Result<usize, Turn> {
        let Self { connection, within, has_events, .. } = self;
        let now = now();
        let taken = connection.with_session(|shared| {
            let taken = shared.session.handle_input(input, now);
            if shared.session.peer_leaves().is_some() {
                connection.set_unusable();
            }
            *within = shared.session.may_continue();
            *has_events = shared.session.has_events();
            taken
        });
        taken.map_err(|cause| Turn::End(cause, End::Broken))
    }

    /// Reads the content of a large block into its own place.
    fn poll_read_block(
        &mut self,
        cx: &mut Context<'_>,
        mut block: Vec<u8>,
        most: usize,
    ) -> Poll<Result<(), Turn>> {
        block.reserve(most.min(READ));
        let mut limited = (&mut block).limit(most.min(READ));
        let read = poll_read_buf(Pin::new(&mut self.reader), cx, &mut limited);
        let bytes = if let Poll::Ready(Ok(bytes)) = read { bytes } else { 0 };
        let Self { connection, within, has_events, .. } = self;
        let returned = connection.with_session(|shared| {
            let returned = shared.session.return_block(block, bytes, now());
            *within = shared.session.may_continue();
            *has_events = shared.session.has_events();
            returned
        });
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Err(self.end_of_input())),
            Poll::Ready(Ok(_)) => Poll::Ready(returned.map_err(|cause| Turn::End(cause, End::Broken))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.read_failed(&error))),
        }
    }

    fn end_of_input(&self) -> Turn {
        let (greeted, left_because, within) = self.connection.with_session(|shared| {
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
        Turn::End(cause, End::Lost)
    }

    fn read_failed(&self, error: &io::Error) -> Turn {
        match self.connection.leaving() {
            // It has gone, as it said it would; what it had not read yet turns that into an error.
            Some(left) => Turn::End(left, End::Lost),
            None => Turn::End(lost(format!("reading failed: {error}")).with_source(error), End::Lost),
        }
    }
}
