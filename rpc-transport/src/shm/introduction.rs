//! How two sides show each other their areas: each sends one message over the socket, with the file of its area, and
//! waits for the other's. Never trusts a message: it says how large the ring is, and the file has to prove it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::region::Region;

/// The first bytes of the message. No text begins like this, nor a hello.
const MAGIC: [u8; 8] = *b"\xFFTWSHM\x01\n";

/// Bytes of the message: the magic, and the capacity of the ring, little-endian.
const MESSAGE: usize = 16;

/// The areas of this side and the other.
///
/// # Errors
/// `InvalidData` where the peer says something else, or shows memory that cannot be trusted.
pub(crate) async fn introduce(socket: &UnixStream, capacity: usize) -> io::Result<(Region, Region)> {
    let (own, file) = Region::create(capacity)?;
    let mut message = [0; MESSAGE];
    message[..8].copy_from_slice(&MAGIC);
    message[8..].copy_from_slice(&(capacity as u64).to_le_bytes());
    socket.async_io(Interest::WRITABLE, || show(socket.as_fd(), &message, file.as_fd())).await?;
    drop(file);

    let mut heard = [0; MESSAGE];
    let mut file = None;
    let mut filled = 0;
    while filled < MESSAGE {
        let hear = || see(socket.as_fd(), &mut heard[filled..], &mut file);
        filled += match socket.async_io(Interest::READABLE, hear).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => bytes,
        };
    }
    let (magic, theirs) = heard.split_at(8);
    if magic != MAGIC {
        let what = match magic == traitwire_core::proto::MAGIC {
            true => "the peer takes this for a `unix:` address",
            false => "the peer does not speak of shared memory",
        };
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let theirs = theirs.iter().rev().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    let theirs = usize::try_from(theirs).unwrap_or(usize::MAX);
    let file = file.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no memory was offered"))?;
    Ok((own, Region::open(file, theirs)?))
}

/// Sends the message with the file. It is smaller than any socket's buffer, and the first thing in it.
fn show(socket: BorrowedFd<'_>, message: &[u8], file: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = [file];
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
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
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "more than one file was offered")),
        false => Ok(received.bytes),
    }
}
