//! Byte halves over descriptors: pipes that close when they are shut down, descriptors lent by somebody
//! else. Never leaves a descriptor that others share in another mode than it was found in.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::OFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A writer for which shutting down is closing: the only way in which a pipe's reader sees the end.
#[derive(Debug)]
pub(crate) struct Closing<W>(Option<W>);

impl<W> Closing<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self(Some(writer))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Closing<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Some(writer) => Pin::new(writer).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Some(writer) => Pin::new(writer).poll_write_vectored(cx, slices),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.0.as_ref().is_some_and(W::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(writer) => Pin::new(writer).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writer) = &mut self.0 else { return Poll::Ready(Ok(())) };
        let result = ready!(Pin::new(writer).poll_shutdown(cx));
        self.0 = None;
        Poll::Ready(result)
    }
}

/// A descriptor whose open file others may share: a standard stream. Its flags are put back in the end,
/// since `O_NONBLOCK` belongs to the open file and would surprise whoever else reads or writes it.
#[derive(Debug)]
pub(crate) struct Lent<T: AsFd> {
    io: T,
    flags: OFlags,
}

impl<T: AsFd> Lent<T> {
    /// `make` turns the descriptor into something asynchronous, changing its flags if it must.
    pub(crate) fn new<F: AsFd>(fd: F, make: impl FnOnce(F) -> io::Result<T>) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        Ok(Self { io: make(fd)?, flags })
    }
}

impl<T: AsFd> Drop for Lent<T> {
    fn drop(&mut self) {
        let _ = rustix::fs::fcntl_setfl(&self.io, self.flags);
    }
}

impl<T: AsFd + AsyncRead + Unpin> AsyncRead for Lent<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<T: AsFd + AsyncWrite + Unpin> AsyncWrite for Lent<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
