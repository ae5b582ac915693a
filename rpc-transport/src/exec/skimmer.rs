//! A reader that begins at the protocol's magic. Never reads on for it without bound, and never touches a
//! byte once it has been found.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The first bytes of a hello. No UTF-8 text holds them.
const MAGIC: [u8; 8] = *b"\xFFTWIRE\xFE\n";
/// What a child may print ahead of it.
const MOST: usize = 64 << 10;

/// Passes on what `R` gives from the magic on; all before it goes elsewhere.
#[derive(Debug)]
pub(super) struct Skimmer<R> {
    inner: R,
    /// Where the skipped bytes go.
    echo: fn(&[u8]),
    state: State,
}

#[derive(Debug)]
enum State {
    /// `held` may be the beginning of the magic; `skipped` bytes have been passed on before it.
    Skimming {
        held: Vec<u8>,
        skipped: usize,
        first: Vec<u8>,
    },
    /// Read together with the magic; not yet given to the reader from `at` on.
    Found {
        held: Vec<u8>,
        at: usize,
    },
    Passing,
}

impl<R> Skimmer<R> {
    pub(super) fn new(inner: R, echo: fn(&[u8])) -> Self {
        Self { inner, echo, state: State::Skimming { held: Vec::new(), skipped: 0, first: Vec::new() } }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Skimmer<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Passing => return Pin::new(&mut this.inner).poll_read(cx, buffer),
                State::Found { held, at } => {
                    let rest = &held[*at..];
                    let count = rest.len().min(buffer.remaining());
                    buffer.put_slice(&rest[..count]);
                    *at += count;
                    if *at == held.len() {
                        this.state = State::Passing;
                    }
                    return Poll::Ready(Ok(()));
                }
                State::Skimming { held, skipped, first } => {
                    let mut space = [0; 4 << 10];
                    let mut piece = ReadBuf::new(&mut space);
                    ready!(Pin::new(&mut this.inner).poll_read(cx, &mut piece))?;
                    let piece = piece.filled();
                    if piece.is_empty() {
                        (this.echo)(held);
                        this.state = State::Passing;
                        return Poll::Ready(Ok(()));
                    }
                    first.extend(piece.iter().take(64_usize.saturating_sub(first.len())));
                    held.extend_from_slice(piece);
                    let found = held.windows(MAGIC.len()).position(|window| window == MAGIC);
                    // Without it, only the last bytes can still become its beginning.
                    let chatter = found.unwrap_or(held.len().saturating_sub(MAGIC.len() - 1));
                    *skipped += chatter;
                    if *skipped > MOST {
                        return Poll::Ready(Err(no_hello(first)));
                    }
                    (this.echo)(&held[..chatter]);
                    held.drain(..chatter);
                    if found.is_some() {
                        this.state = State::Found { held: std::mem::take(held), at: 0 };
                    }
                }
            }
        }
    }
}

fn no_hello(first: &[u8]) -> io::Error {
    let what = format!(
        "the program printed more than {MOST} bytes and no hello; is it a traitwire server at stdio:? It \
         begins with {:?}",
        String::from_utf8_lossy(first)
    );
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn skim(input: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut input = tokio_chunks(input, step);
        let mut out = Vec::new();
        Skimmer::new(&mut input, |_| {}).read_to_end(&mut out).await?;
        Ok(out)
    }

    /// A reader that gives `step` bytes at a time.
    fn tokio_chunks(input: &[u8], step: usize) -> impl AsyncRead + Unpin {
        struct Chunks(Vec<u8>, usize);
        impl AsyncRead for Chunks {
            fn poll_read(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let count = self.1.min(self.0.len()).min(buffer.remaining());
                buffer.put_slice(&self.0.drain(..count).collect::<Vec<_>>());
                Poll::Ready(Ok(()))
            }
        }
        Chunks(input.to_vec(), step)
    }

    #[tokio::test]
    async fn all_before_the_magic_is_skipped_however_it_is_split() {
        let hello = [&MAGIC[..], b"rest", &MAGIC[..], b"more"].concat();
        for banner in [&b""[..], b"hi\n", b"\xFF", b"\xFFTWIR", b"\xFF\xFFTWIRE\xFE"] {
            for step in 1..20 {
                let input = [banner, &hello].concat();
                assert_eq!(skim(&input, step).await.unwrap(), hello, "{banner:?} {step}");
            }
        }
    }

    #[tokio::test]
    async fn an_end_without_the_magic_is_an_end() {
        assert_eq!(skim(b"usage: cat [FILE]\n", 7).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn the_skipping_is_bounded() {
        let most = [vec![b'x'; MOST], MAGIC.to_vec()].concat();
        assert_eq!(skim(&most, 4096).await.unwrap(), MAGIC);
        let error = skim(&[vec![b'x'; MOST + 1], MAGIC.to_vec()].concat(), 4096).await.unwrap_err();
        assert!(error.to_string().contains("xxx"), "{error}");
    }
}
