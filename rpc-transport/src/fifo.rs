//! `fifo:PATH`, named pipes: a door at PATH at which clients introduce themselves, and a pair of pipes for
//! each. Never lets two writers share a pipe, and never blocks in an `open`.
//!
//! 1. The client makes `PATH.<pid>.<n>.in` and `.out` (named as the server sees them) and opens both for
//!    reading: its own end of `.out`, and a stand-in for the server at `.in`, which lets it open `.in` for
//!    writing at once.
//! 2. It writes `<pid>.<n>` and a newline to PATH: one write below `PIPE_BUF`, hence whole.
//! 3. The server opens both and writes one byte, [`WELCOME`], to `.out`.
//! 4. The client takes the byte, closes its stand-in and unlinks both names.
//!
//! So each pipe has both its ends open at every moment from the introduction on, and whichever side dies, the
//! other sees the end. Until the welcome the client also watches its end of PATH, which tells of the death
//! of a server that has not answered yet.
//!
//! All files are 0600 and have to belong to this user; whoever can write to them is this user, or root.

mod introduction;
mod pair;

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use async_trait::async_trait;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::net::unix::pipe;
use traitwire_core::transport::{Connector, Listener, Peer, Wire};
use traitwire_core::{Endpoint, Options, RpcError};

use self::introduction::{Caller, Introductions};
use self::pair::Pair;
use crate::failure::failed;
use crate::parts::{Parts, insecure, path};
use crate::sys::claim::{Claim, file_type, kind, look, mode, named, open_parent};
use crate::sys::descriptor::Closing;
use crate::sys::direct::Direct;
use crate::sys::peer::own_uid;

/// The server's first byte on a pair.
const WELCOME: u8 = b'+';
/// Whoever owns the file may read and write, nobody else anything.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);

fn wire(incoming: pipe::Receiver, outgoing: pipe::Sender, peer: Peer) -> Wire {
    let (incoming, direct_read) = Direct::new(incoming);
    Wire::new(incoming, Closing::new(outgoing), peer).with_direct_read(direct_read)
}

pub(crate) fn connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    let path = path(&parts.endpoint);
    Ok(Box::new(Fifo { endpoint: parts.endpoint, options: parts.options, path }))
}

pub(crate) fn listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    let insecure = insecure(&parts.endpoint)?;
    let opened = || {
        let mut claim = Claim::take(&path(&parts.endpoint), insecure)?;
        clear(&claim)?;
        rustix::fs::mkfifoat(claim.dir(), claim.name(), OWN).map_err(io::Error::from)?;
        claim.note_made()?;
        pair::sweep(&claim);
        let door = open(claim.dir(), claim.name(), OFlags::RDONLY)?;
        // Without a writer of our own, the last client to leave would end the door for all later ones.
        let door_held = open(claim.dir(), claim.name(), OFlags::WRONLY)?;
        let door = pipe::Receiver::from_owned_fd(door)?;
        io::Result::Ok((door, door_held, claim))
    };
    let (door, door_held, claim) =
        opened().map_err(|cause| failed(&parts.endpoint, "cannot listen here", &cause))?;
    Ok(Box::new(FifoServer {
        endpoint: parts.endpoint.clone().without_options(),
        options: parts.options.clone(),
        introductions: Introductions::default(),
        callers: VecDeque::new(),
        door,
        _door_held: door_held,
        claim,
    }))
}

/// Makes way at a claimed path: removes a pipe that nobody reads any more, and nothing else.
fn clear(claim: &Claim) -> io::Result<()> {
    let Some(found) = claim.look()? else { return Ok(()) };
    if file_type(&found) != FileType::Fifo {
        let what = format!("{} is there, which is not touched", kind(&found));
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    match open(claim.dir(), claim.name(), OFlags::WRONLY) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody reads the pipe there")),
        Err(cause) if cause.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => claim.remove(&found),
        Err(cause) => Err(named(cause, "a pipe is there that cannot be tried")),
    }
}

/// Opens one end of a pipe of ours, at once.
///
/// # Errors
/// `ENXIO` for a writing end without a reader. A file that is no pipe, or not this user's alone, is refused
/// after it has been opened, so that it cannot be exchanged in between.
fn open(dir: impl AsFd, name: &OsStr, end: OFlags) -> io::Result<OwnedFd> {
    let flags = end | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = match rustix::fs::openat(dir, name, flags, Mode::empty()) {
        Err(Errno::LOOP) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is a symbolic link, not a named pipe",
            ));
        }
        opened => opened?,
    };
    let stat = rustix::fs::fstat(&fd)?;
    if file_type(&stat) != FileType::Fifo {
        let what = format!("it is {}, not a named pipe", kind(&stat));
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let (owner, mode) = (stat.st_uid, mode(&stat));
    if owner != own_uid() || mode & 0o077 != 0 {
        let what = format!("the pipe belongs to user {owner} with mode {mode:03o}, not to this user alone");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    Ok(fd)
}

struct Fifo {
    endpoint: Endpoint,
    options: Options,
    path: PathBuf,
}

impl Fifo {
    async fn open(&self) -> io::Result<Wire> {
        let (dir, base) = open_parent(&self.path)?;
        let door = pipe::Sender::from_owned_fd(open(&dir, &base, OFlags::WRONLY)?)?;
        let pair = Pair::make(dir, &base)?;
        let mut incoming = pipe::Receiver::from_owned_fd(open(pair.dir(), pair.outward(), OFlags::RDONLY)?)?;
        let stand_in = open(pair.dir(), pair.inward(), OFlags::RDONLY)?;
        let outgoing = pipe::Sender::from_owned_fd(open(pair.dir(), pair.inward(), OFlags::WRONLY)?)?;
        introduce(&door, pair.caller()).await?;
        tokio::select! {
            biased;
            welcome = welcomed(&mut incoming) => welcome?,
            _ = door.ready(Interest::ERROR) => return Err(gone()),
        }
        drop((stand_in, pair));
        let peer = Peer::new(self.endpoint.clone().without_options());
        Ok(wire(incoming, outgoing, peer))
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, "the server has left")
}

async fn introduce(door: &pipe::Sender, caller: Caller) -> io::Result<()> {
    let line = caller.to_string() + "\n";
    loop {
        door.writable().await?;
        match door.try_write(line.as_bytes()) {
            Ok(_) => return Ok(()),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => return Err(gone()),
            Err(cause) => return Err(cause),
        }
    }
}

async fn welcomed(incoming: &mut pipe::Receiver) -> io::Result<()> {
    let mut byte = [0];
    loop {
        incoming.readable().await?;
        match incoming.try_read(&mut byte) {
            Ok(1) if byte == [WELCOME] => return Ok(()),
            Ok(0) => return Err(gone()),
            Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "what answers is no server")),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
            Err(cause) => return Err(cause),
        }
    }
}

#[async_trait]
impl Connector for Fifo {
    async fn connect(&self) -> Result<Wire, RpcError> {
        self.open().await.map_err(|cause| {
            let nobody = cause.raw_os_error() == Some(Errno::NXIO.raw_os_error())
                || matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
            let what = if nobody { "no server listens here" } else { "cannot connect" };
            failed(&self.endpoint, what, &cause)
        })
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

struct FifoServer {
    endpoint: Endpoint,
    options: Options,
    introductions: Introductions,
    /// Introduced and not let in yet.
    callers: VecDeque<Caller>,
    /// Closed before the claim is given up, so that waiting clients learn of it.
    door: pipe::Receiver,
    _door_held: OwnedFd,
    claim: Claim,
}

impl FifoServer {
    fn admit(&self, caller: Caller) -> io::Result<Wire> {
        let (inward, outward) = caller.names(self.claim.name());
        let outgoing = open(self.claim.dir(), &outward, OFlags::WRONLY)?;
        let incoming = open(self.claim.dir(), &inward, OFlags::RDONLY)?;
        let incoming = pipe::Receiver::from_owned_fd(incoming)?;
        // Last, since from now on the client counts on us.
        rustix::io::write(&outgoing, &[WELCOME])?;
        let outgoing = pipe::Sender::from_owned_fd(outgoing)?;
        Ok(wire(incoming, outgoing, Peer::new(self.endpoint.clone())))
    }
}

#[async_trait]
impl Listener for FifoServer {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        loop {
            while let Some(caller) = self.callers.pop_front() {
                match self.admit(caller) {
                    Ok(wire) => return Ok(Some(wire)),
                    Err(cause) if is_shortage(&cause) => {
                        self.callers.push_front(caller);
                        return Err(cause);
                    }
                    // It has given up by now, or was no client of ours: nobody waits for an answer.
                    Err(cause) => tracing::debug!(%caller, %cause, "an introduction led nowhere"),
                }
            }
            self.door.readable().await?;
            let mut lines = [0; 4 << 10];
            match self.door.try_read(&mut lines) {
                Ok(count) => self.callers.extend(self.introductions.handle(&lines[..count])),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

impl Drop for FifoServer {
    fn drop(&mut self) {
        pair::sweep(&self.claim);
    }
}

/// A failure of this machine rather than of the client, which may be let in later.
fn is_shortage(cause: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM]
        .iter()
        .any(|errno| cause.raw_os_error() == Some(errno.raw_os_error()))
}
