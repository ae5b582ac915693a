//! What a child says beside the protocol: passed on to this process's standard error, the end of it kept.
//! Never makes the child wait, and never makes the runtime wait for whoever reads our standard error.

use std::io::Write;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

/// How much of the end is kept.
const KEPT_BYTES: usize = 2 << 10;
const KEPT_LINES: usize = 8;
/// Pieces on their way to a standard error that nobody reads, before further ones are thrown away.
const BACKLOG: usize = 256;

/// One process-wide thread that writes to standard error, and may block there.
static ECHO: LazyLock<Option<SyncSender<Vec<u8>>>> = LazyLock::new(|| {
    let (sender, pieces) = sync_channel::<Vec<u8>>(BACKLOG);
    let echo = move || pieces.into_iter().for_each(|piece| _ = std::io::stderr().write_all(&piece));
    thread::Builder::new().name("traitwire-stderr".to_owned()).spawn(echo).ok().map(|_| sender)
});

/// Passes bytes on to our standard error.
pub(super) fn echo(piece: &[u8]) {
    if let Some(echo) = &*ECHO
        && !piece.is_empty()
    {
        let _ = echo.try_send(piece.to_vec());
    }
}

/// The standard error of one child.
#[derive(Debug)]
pub(super) struct Chatter {
    tail: Arc<Mutex<Vec<u8>>>,
    /// Answers when the stream has ended.
    ended: oneshot::Receiver<()>,
}

impl Chatter {
    /// Reads the stream until its end, in a task of its own.
    pub(super) fn listen(mut stderr: pipe::Receiver) -> Self {
        let tail = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = oneshot::channel();
        let chatter = Self { tail: Arc::clone(&tail), ended };
        tokio::spawn(async move {
            let mut line = Vec::new();
            let mut piece = [0; KEPT_BYTES];
            while let Ok(count @ 1..) = stderr.read(&mut piece).await {
                let piece = &piece[..count];
                keep(&mut tail.lock().unwrap_or_else(PoisonError::into_inner), piece);
                line.extend_from_slice(piece);
                let whole = line.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let whole = if line.len() >= KEPT_BYTES { line.len() } else { whole };
                echo(&line[..whole]);
                line.drain(..whole);
            }
            echo(&line);
            drop(end);
        });
        chatter
    }

    /// Waits until the child, and all to whom it has passed its standard error on, have closed it.
    pub(super) async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }

    /// The last lines so far.
    pub(super) fn last_words(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&tail);
        let lines: Vec<&str> = text.trim().lines().collect();
        lines[lines.len().saturating_sub(KEPT_LINES)..].join("\n")
    }
}

fn keep(tail: &mut Vec<u8>, piece: &[u8]) {
    tail.extend_from_slice(piece);
    tail.drain(..tail.len().saturating_sub(KEPT_BYTES));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let mut tail = Vec::new();
        for number in 0..10_000 {
            keep(&mut tail, format!("line {number}\n").as_bytes());
        }
        assert_eq!(tail.len(), KEPT_BYTES);
        let chatter = Chatter { tail: Arc::new(Mutex::new(tail)), ended: oneshot::channel().1 };
        let words = chatter.last_words();
        assert_eq!(words.lines().count(), KEPT_LINES);
        assert!(words.starts_with("line 9992\n") && words.ends_with("line 9999"), "{words}");
    }
}
