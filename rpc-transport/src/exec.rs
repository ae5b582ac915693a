//! `exec:PROGRAM ARGS…`, a child process spoken to over its standard streams. Never starts a shell, never
//! leaves a zombie or an unread standard error behind, and never hands what the child prints to the protocol.
//!
//! The child's life hangs on its standard input: when that is closed (the writer is shut down or dropped)
//! the child sees the end of its input and is expected to leave; one that does not is killed after a grace.

mod chatter;
mod skimmer;

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWrite;
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::time::timeout;
use traitwire_core::transport::{Connector, Peer, Wire};
use traitwire_core::{Endpoint, Options, RpcError};

use self::chatter::Chatter;
use self::skimmer::Skimmer;
use crate::failure::failed;
use crate::parts::Parts;
use crate::sys::child::{Exit, Process};
use crate::sys::descriptor::Closing;
use crate::sys::direct::Direct;
use crate::sys::peer;

/// Time a child has to leave once its standard input is closed.
const GRACE: Duration = Duration::from_secs(2);
/// Time the account of a lost connection waits for the child's exit, and again for its last words.
const LAST_WORDS: Duration = Duration::from_millis(200);

pub(crate) fn connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    let words = parts.endpoint.words().into_iter().map(OsString::from_vec).collect();
    let mut options = parts.options;
    // A program that was started once is not started again unless that is asked for.
    options.reconnect.get_or_insert(false);
    Ok(Box::new(Exec { endpoint: parts.endpoint, options, words }))
}

struct Exec {
    endpoint: Endpoint,
    options: Options,
    /// The program, then its arguments.
    words: Vec<OsString>,
}

#[async_trait]
impl Connector for Exec {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let (program, arguments) =
            self.words.split_first().unwrap_or_else(|| unreachable!("checked by the parser"));
        let mut command = Command::new(program);
        // A group of its own: an interrupt at the terminal is this process's to act on, and the child ends with it.
        command.process_group(0);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (process, streams) = Process::start(command, Streams::take).map_err(|cause| {
            let what = format!("cannot start the program {}", program.to_string_lossy());
            let cause = io::Error::new(kind_of_spawn_failure(cause.kind()), cause);
            failed(&self.endpoint, &what, &cause)
        })?;
        let mut peer = Peer::new(self.endpoint.clone().without_options());
        peer.credentials = Some(peer::own(process.id()));
        let chatter = Chatter::listen(streams.stderr);
        let epitaph = epitaph(Arc::clone(&process), chatter);
        let stdin = Stdin { pipe: streams.stdin, _tether: Tether { process, runtime: Handle::current() } };
        let (stdout, direct_read) = Direct::new(streams.stdout);
        Ok(Wire::new(Skimmer::new(stdout, chatter::echo), Closing::new(stdin), peer)
            .with_direct_read(direct_read)
            .with_epitaph(epitaph))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

/// A program that is not there or cannot be executed is a wrong address, which trying again does not mend.
fn kind_of_spawn_failure(kind: io::ErrorKind) -> io::ErrorKind {
    match kind {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => io::ErrorKind::InvalidInput,
        kind => kind,
    }
}

/// Our ends of the child's streams. The child's ends stay blocking: they are other open files.
struct Streams {
    stdin: pipe::Sender,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
}

impl Streams {
    fn take(child: &mut Child) -> io::Result<Self> {
        let missing = || io::Error::other("a stream of the child is missing");
        let stdin = OwnedFd::from(child.stdin.take().ok_or_else(missing)?);
        let stdout = OwnedFd::from(child.stdout.take().ok_or_else(missing)?);
        let stderr = OwnedFd::from(child.stderr.take().ok_or_else(missing)?);
        Ok(Self {
            stdin: pipe::Sender::from_owned_fd(stdin)?,
            stdout: pipe::Receiver::from_owned_fd(stdout)?,
            stderr: pipe::Receiver::from_owned_fd(stderr)?,
        })
    }
}

/// The child's standard input. Fields drop in this order: first the pipe is closed, then the grace begins.
struct Stdin {
    pipe: pipe::Sender,
    _tether: Tether,
}

impl AsyncWrite for Stdin {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.pipe.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Dropped when the child should leave by itself: sees to it that it does.
struct Tether {
    process: Arc<Process>,
    runtime: Handle,
}

impl Drop for Tether {
    fn drop(&mut self) {
        let leash = Leash(Arc::clone(&self.process));
        self.runtime.spawn(async move {
            let _ = timeout(GRACE, leash.0.ended()).await;
            drop(leash);
        });
    }
}

/// Kills the child when dropped: after the grace, or with the runtime.
struct Leash(Arc<Process>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.kill();
    }
}

async fn epitaph(process: Arc<Process>, mut chatter: Chatter) -> Option<String> {
    let exit = timeout(LAST_WORDS, process.ended()).await.ok();
    // A grandchild may hold standard error open for ever.
    let _ = timeout(LAST_WORDS, chatter.ended()).await;
    let words = chatter.last_words();
    let fate = match exit {
        Some(exit) => describe(exit),
        None if words.is_empty() => return None,
        None => "still runs".to_owned(),
    };
    Some(match words.as_str() {
        "" => format!("the program {fate}; it said nothing on stderr"),
        words => format!("the program {fate}; its last words on stderr: {words}"),
    })
}

fn describe(exit: Exit) -> String {
    match exit {
        None => "has ended".to_owned(),
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with status {code}"),
            (None, Some(_)) => format!("was ended by {status}"),
            (None, None) => format!("ended: {status}"),
        },
    }
}
