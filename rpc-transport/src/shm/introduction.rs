//! How two sides show each other their areas: each sends one message over the socket, with the file of its area, and
//! hears the other's. Whoever connects begins. Never trusts a message: it says how large the ring is, and the file has to
//! prove it. Never takes memory for a peer that has connected and says nothing.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::bell::{REASON, refused};
use super::mapping::Mapping;
use super::region::{Own, PeerArea};

/// The first bytes of the message. No text begins like this, nor a hello.
const MAGIC: [u8; 8] = *b"\xFFTWSHM\x01\n";

/// How a hello begins, where the peer knows of no shared memory.
const HELLO: [u8; 8] = traitwire_core::proto::MAGIC;

/// Bytes of the message: the magic, and the capacity of the ring, little-endian; 0, without a file, from who has none.
const MESSAGE: usize = 16;

/// What came of it.
pub(super) enum Met {
    /// Both sides share memory.
    Shared { own: Own, other: PeerArea },
    /// One of them has none to share.
    Declined,
    /// The other side has begun with a hello, of which this much was read.
    Plain { begun: Vec<u8> },
}

/// Whether a side that has no memory to share goes on without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declines {
    Never,
    WithoutMemory,
}

impl Met {
    /// Why a side that demands shared memory refuses the other: a server a client that begins with a hello, or either
    /// one that has none to share.
    pub(super) fn refusal(&self) -> io::Error {
        invalid(match self {
            Met::Plain { .. } => "a `shm:` server is here: dial shm:PATH, or unix:PATH?shm=auto",
            Met::Declined | Met::Shared { .. } => "the peer has no memory to share",
        })
    }
}

/// Introduces this side, which has connected, and hears the other. Says nothing where this side declines.
///
/// # Errors
/// `InvalidData` where the peer says something else, or shows memory that cannot be trusted. `ConnectionRefused` where it
/// says why it refuses. Where this side has no memory and does not decline.
pub(super) async fn begin(socket: &UnixStream, mapping: &Mapping, declines: Declines) -> io::Result<Met> {
    let (own, file) = match mapping.create().await {
        Ok(created) => created,
        Err(error) if declines == Declines::WithoutMemory => {
            trace(&error);
            return Ok(Met::Declined);
        }
        Err(error) => return Err(error),
    };
    show(socket, mapping.ring(), Some(file)).await?;
    Ok(match hear(socket, mapping).await? {
        Heard::Area(other) => Met::Shared { own, other },
        Heard::Declined => Met::Declined,
        Heard::Plain { begun } => Met::Plain { begun },
    })
}

/// Hears the other side, which has connected, and answers it: that there is no memory here, where this side declines.
///
/// # Errors
/// As [`begin`].
pub(super) async fn answer(socket: &UnixStream, mapping: &Mapping, declines: Declines) -> io::Result<Met> {
    let other = match hear(socket, mapping).await? {
        Heard::Area(other) => other,
        Heard::Declined => return Ok(Met::Declined),
        Heard::Plain { begun } => return Ok(Met::Plain { begun }),
    };
    match mapping.create().await {
        Ok((own, file)) => {
            show(socket, mapping.ring(), Some(file)).await?;
            Ok(Met::Shared { own, other })
        }
        Err(error) if declines == Declines::WithoutMemory => {
            trace(&error);
            show(socket, 0, None).await?;
            Ok(Met::Declined)
        }
        Err(error) => Err(error),
    }
}

/// Nobody hears of it otherwise: the connection is made all the same.
fn trace(error: &io::Error) {
    tracing::debug!(%error, "no memory to share: the socket alone carries the connection");
}

/// What the other side has said.
enum Heard {
    Area(PeerArea),
    Declined,
    Plain { begun: Vec<u8> },
}

async fn hear(socket: &UnixStream, mapping: &Mapping) -> io::Result<Heard> {
    let mut heard = [0; MESSAGE];
    let mut file = None;
    let mut filled = 0;
    while filled < MESSAGE {
        // Beyond the magic only if it is that: what follows a hello is not for here.
        let most = if filled < MAGIC.len() { MAGIC.len() } else { MESSAGE };
        let see = || see(socket.as_fd(), &mut heard[filled..most], &mut file);
        filled += match socket.async_io(Interest::READABLE, see).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => bytes,
        };
        let begun = &heard[..filled.min(MAGIC.len())];
        if !MAGIC.starts_with(begun) {
            return match HELLO.starts_with(begun) {
                true => Ok(Heard::Plain { begun: begun.to_vec() }),
                false => Err(refusal(socket, begun)),
            };
        }
    }
    let theirs =
        heard[MAGIC.len()..].iter().rev().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    match file {
        None if theirs == 0 => Ok(Heard::Declined),
        None => Err(invalid("no memory was offered")),
        Some(file) => {
            let capacity = usize::try_from(theirs).unwrap_or(usize::MAX);
            Ok(Heard::Area(mapping.open(file, capacity).await?))
        }
    }
}

/// What a peer means that begins with neither: why it refuses this side, if that is text.
fn refusal(socket: &UnixStream, begun: &[u8]) -> io::Error {
    let mut rest = [0; REASON];
    let more = socket.try_read(&mut rest).unwrap_or(0);
    let said = [begun, &rest[..more]].concat();
    match traitwire_core::proto::hello::reason(&said) {
        Some(reason) => refused(reason.as_bytes()),
        None => invalid("the peer does not speak of shared memory"),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Sends the message, with the file of an area if there is one.
async fn show(socket: &UnixStream, capacity: usize, file: Option<OwnedFd>) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    message[..MAGIC.len()].copy_from_slice(&MAGIC);
    message[MAGIC.len()..].copy_from_slice(&(capacity as u64).to_le_bytes());
    let file = file.as_ref().map(OwnedFd::as_fd);
    socket.async_io(Interest::WRITABLE, || send(socket.as_fd(), &message, file)).await
}

/// The message is smaller than any socket's buffer, and the first thing in it.
fn send(socket: BorrowedFd<'_>, message: &[u8], file: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = file.as_slice();
    if !files.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(files));
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    match sendmsg(socket, &[IoSlice::new(message)], &mut ancillary, flags)? {
        sent if sent == message.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Receives bytes of the message, and the file that comes with them.
fn see(socket: BorrowedFd<'_>, into: &mut [u8], file: &mut Option<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(into)], &mut ancillary, flags)?;
    // What there was no room for the kernel has closed.
    let mut more = received.flags.contains(ReturnFlags::CTRUNC);
    for message in ancillary.drain() {
        let RecvAncillaryMessage::ScmRights(files) = message else { continue };
        for found in files {
            more |= file.replace(found).is_some();
        }
    }
    match more {
        // There was no descriptor for it here.
        true if file.is_none() => Err(rustix::io::Errno::MFILE.into()),
        true => Err(invalid("more than one file was offered")),
        false => Ok(received.bytes),
    }
}
