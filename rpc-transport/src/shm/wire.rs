//! The halves of a connection over two rings, for tokio. Never sleeps without having said so.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use traitwire_core::transport::{BusyPoll, Peer, Wire};

use super::bell::{Bell, Sleeper};
use super::region::{Own, OwnRing, OwnWords, PeerArea};
use super::ring::{Broken, Consumer, Producer, has_bytes, sleep_for_bytes, untaken, wake_for_bytes};

/// What both halves share.
#[derive(Debug)]
struct Link {
    bell: Bell,
    own: OwnWords,
    other: PeerArea,
}

struct Reader {
    link: Arc<Link>,
    consumer: Consumer,
    /// The peer has gone: what is in its ring is all that there will be.
    is_alone: bool,
}

struct Writer {
    link: Arc<Link>,
    producer: Producer<OwnRing>,
    is_closed: bool,
}

/// A connection over the areas of both sides.
pub(crate) fn wire(bell: Bell, own: Own, other: PeerArea, peer: Peer) -> Wire {
    let Own { words, ring } = own;
    let link = Arc::new(Link { bell, own: words, other });
    let reader = Reader { link: Arc::clone(&link), consumer: Consumer::new(), is_alone: false };
    let writer = Writer { link: Arc::clone(&link), producer: Producer::new(ring), is_closed: false };
    Wire::new(reader, writer, peer).with_busy_poll(link)
}

impl BusyPoll for Link {
    fn has_bytes(&self) -> bool {
        has_bytes(self.own.words(), &self.other)
    }

    fn disarm(&self) {
        wake_for_bytes(self.own.words());
    }

    fn arm(&self) -> bool {
        sleep_for_bytes(self.own.words(), &self.other)
    }

    fn untaken(&self) -> usize {
        match self.bell.has_gone() {
            true => untaken(self.own.words(), self.own.capacity(), &self.other),
            false => 0,
        }
    }
}

fn broken(Broken: Broken) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the peer has written an index that cannot be into its memory")
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { link, consumer, is_alone } = &mut *self;
        let Link { bell, own, other } = &**link;
        let own = own.words();
        wake_for_bytes(own);
        let mut was_promised = false;
        loop {
            // SAFETY: nothing is read from what is not filled, and nothing that is initialised is made uninitialised.
            let room = unsafe { buffer.unfilled_mut() };
            let is_full = room.is_empty();
            let taken = consumer.take(own, other, room).map_err(broken)?;
            if taken > 0 {
                // SAFETY: `take` has written so many bytes from the beginning of what it was given.
                unsafe { buffer.assume_init(taken) };
                buffer.advance(taken);
                bell.was_worth_it();
                if consumer.must_ring(other) {
                    bell.ring();
                }
                return Poll::Ready(Ok(()));
            }
            if is_full || *is_alone || consumer.is_closed(other).map_err(broken)? {
                return Poll::Ready(Ok(()));
            }
            // What an honest producer has sent cannot be gone at the second look.
            if was_promised {
                return Poll::Ready(Err(broken(Broken)));
            }
            was_promised = !sleep_for_bytes(own, other);
            if !was_promised {
                let heard = ready!(bell.poll_heard(Sleeper::Consumer, cx))?;
                wake_for_bytes(own);
                *is_alone = !heard;
            }
        }
    }
}

impl Writer {
    /// Sends what there is room for, of each in turn.
    fn send<'a>(&mut self, all: impl IntoIterator<Item = &'a [u8]>) -> io::Result<usize> {
        let Self { link, producer, .. } = self;
        let Link { bell, own, other } = &**link;
        let mut sent = 0;
        for bytes in all {
            let now = producer.send(own.words(), other, bytes).map_err(broken)?;
            sent += now;
            if now < bytes.len() {
                break;
            }
        }
        if sent > 0 {
            bell.was_worth_it();
            if producer.must_ring(other) {
                bell.ring();
            }
        }
        Ok(sent)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut send: impl FnMut(&mut Self) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if self.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.producer.wake(self.link.own.words());
        loop {
            let sent = send(self)?;
            if sent > 0 {
                return Poll::Ready(Ok(sent));
            }
            let Self { link, producer, .. } = self;
            let Link { bell, own, other } = &**link;
            if producer.sleep(own.words(), other).map_err(broken)? {
                let heard = ready!(bell.poll_heard(Sleeper::Producer, cx))?;
                producer.wake(own.words());
                if !heard {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
            }
        }
    }

    fn close(&mut self) {
        let Self { link, producer, is_closed } = self;
        *is_closed = true;
        producer.close(link.own.words());
        if producer.must_ring(&link.other) {
            link.bell.ring();
        }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match bytes.is_empty() {
            true => Poll::Ready(Ok(0)),
            false => self.poll_send(cx, |writer| writer.send([bytes])),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices.iter().all(|slice| slice.is_empty()) {
            true => Poll::Ready(Ok(0)),
            false => self.poll_send(cx, |writer| writer.send(slices.iter().map(|slice| &**slice))),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}
