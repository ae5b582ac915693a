//! Reading halves of sockets and pipes that can be asked at once, without the runtime's word that there are bytes. Never
//! waits, and never takes a registered waker away.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::io::Errno;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;
use tokio::net::{tcp, unix};
use traitwire_core::transport::DirectRead;

/// A reading half over a descriptor that does not block, and whose open file nobody else has.
pub(crate) trait Descriptor: AsyncRead + Send + Unpin + 'static {
    fn descriptor(&self) -> BorrowedFd<'_>;
}

impl Descriptor for unix::OwnedReadHalf {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_ref().as_fd()
    }
}

impl Descriptor for tcp::OwnedReadHalf {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_ref().as_fd()
    }
}

impl Descriptor for pipe::Receiver {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

/// A reading half, which reads at once when it was asked to.
pub(crate) struct Direct<D> {
    half: D,
    direct_read: DirectRead,
}

impl<D: Descriptor> Direct<D> {
    /// The same half, and what asks it.
    pub(crate) fn new(half: D) -> (Self, DirectRead) {
        let direct_read = DirectRead::new();
        (Self { half, direct_read: direct_read.clone() }, direct_read)
    }
}

impl<D: Descriptor> AsyncRead for Direct<D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.direct_read.take() {
            return Pin::new(&mut self.half).poll_read(cx, buffer);
        }
        // SAFETY: `read` makes nothing uninitialised that was initialised: it writes bytes, from the beginning.
        let room = unsafe { buffer.unfilled_mut() };
        match rustix::io::read(self.half.descriptor(), room) {
            Ok((read, _)) => {
                let bytes = read.len();
                // SAFETY: `read` has written so many bytes from the beginning of what it was given.
                unsafe { buffer.assume_init(bytes) };
                buffer.advance(bytes);
                Poll::Ready(Ok(()))
            }
            // Whose waker is registered stays so: the runtime hears of what comes from now on.
            Err(Errno::AGAIN | Errno::INTR) => Poll::Pending,
            Err(failure) => Poll::Ready(Err(failure.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    type Half = Direct<unix::OwnedReadHalf>;

    fn pair() -> (Half, DirectRead, UnixStream) {
        let (here, there) = UnixStream::pair().expect("two sockets");
        // The other half is kept: dropping it would shut it down, which wakes the reader.
        let (reader, writer) = here.into_split();
        writer.forget();
        let (half, direct_read) = Direct::new(reader);
        (half, direct_read, there)
    }

    fn read(half: &mut Half, waker: &Waker) -> Poll<io::Result<Vec<u8>>> {
        let mut room = [0; 16];
        let mut buffer = ReadBuf::new(&mut room);
        let read = Pin::new(half).poll_read(&mut Context::from_waker(waker), &mut buffer);
        read.map_ok(|()| buffer.filled().to_vec())
    }

    /// On the one thread of the test the runtime hears of nothing before it is given a turn.
    #[tokio::test]
    async fn bytes_are_read_before_the_runtime_hears_of_them() {
        let (mut half, direct_read, there) = pair();
        assert!(read(&mut half, Waker::noop()).is_pending());
        there.try_write(b"hello").expect("room");
        assert!(read(&mut half, Waker::noop()).is_pending(), "unasked it waits for the runtime");
        direct_read.ask();
        assert!(matches!(read(&mut half, Waker::noop()), Poll::Ready(Ok(bytes)) if bytes == b"hello"));
        drop(there);
        direct_read.ask();
        assert!(matches!(read(&mut half, Waker::noop()), Poll::Ready(Ok(end)) if end.is_empty()));
    }

    #[tokio::test]
    async fn who_is_registered_is_woken_although_somebody_asked() {
        let (mut half, direct_read, mut there) = pair();
        let woken = Arc::new(Woken::default());
        let sleeper = Waker::from(Arc::clone(&woken));
        assert!(read(&mut half, &sleeper).is_pending());
        for _ in 0..3 {
            direct_read.ask();
            assert!(read(&mut half, Waker::noop()).is_pending());
        }
        there.write_all(b"hello").await.expect("room");
        while woken.0.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(read(&mut half, &sleeper), Poll::Ready(Ok(bytes)) if bytes == b"hello"));
    }
}
