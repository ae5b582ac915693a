//! `stdio:`, the standard streams of this process: the other end of `exec:`. Never lets anything but the
//! protocol reach the peer: the protocol moves to private descriptors, standard output points at standard
//! error from then on, and standard input at `/dev/null`.
//!
//! That is for good: a process serves its standard streams once.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use rustix::fs::FileType;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use traitwire_core::transport::{Listener, Peer, Wire};
use traitwire_core::{Code, Endpoint, Options, RpcError};

use crate::failure::{failed, invalid};
use crate::parts::Parts;
use crate::sys::claim::file_type;
use crate::sys::descriptor::{Closing, Lent};

static TAKEN: AtomicBool = AtomicBool::new(false);

pub(crate) fn listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    let endpoint = parts.endpoint.without_options();
    if !endpoint.target().is_empty() {
        return Err(invalid(&endpoint, "nothing follows the scheme `stdio:`"));
    }
    if io::stdin().is_terminal() || io::stdout().is_terminal() {
        let message = "a standard stream is a terminal; this address is for a program started by exec:";
        return Err(RpcError::new(Code::Unavailable, message).with_address(endpoint));
    }
    if TAKEN.swap(true, Ordering::SeqCst) {
        let message = "this process serves its standard streams already";
        return Err(RpcError::new(Code::AddressInUse, message).with_address(endpoint));
    }
    let wire = take_streams().and_then(|(input, output)| wire(&endpoint, input, output));
    let wire = wire.map_err(|cause| failed(&endpoint, "the standard streams cannot be used", &cause))?;
    Ok(Box::new(Stdio { endpoint, options: parts.options, wire: Some(wire) }))
}

struct Stdio {
    endpoint: Endpoint,
    options: Options,
    wire: Option<Wire>,
}

#[async_trait]
impl Listener for Stdio {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        Ok(self.wire.take())
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

/// Moves the standard streams to descriptors of our own that children do not inherit.
fn take_streams() -> io::Result<(OwnedFd, OwnedFd)> {
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    if rustix::stdio::dup2_stdout(rustix::stdio::stderr()).is_err() {
        rustix::stdio::dup2_stdout(&null)?;
    }
    Ok((input, output))
}

fn wire(endpoint: &Endpoint, input: OwnedFd, output: OwnedFd) -> io::Result<Wire> {
    let reader: Box<dyn AsyncRead + Send + Unpin> = match file_type(&rustix::fs::fstat(&input)?) {
        FileType::Fifo => Box::new(Lent::new(input, pipe::Receiver::from_owned_fd)?),
        FileType::Socket => Box::new(Lent::new(input, socket)?),
        _ => Box::new(tokio::fs::File::from_std(input.into())),
    };
    let writer: Box<dyn AsyncWrite + Send + Unpin> = match file_type(&rustix::fs::fstat(&output)?) {
        FileType::Fifo => Box::new(Closing::new(Lent::new(output, pipe::Sender::from_owned_fd)?)),
        FileType::Socket => Box::new(Closing::new(Lent::new(output, socket)?)),
        _ => Box::new(Closing::new(tokio::fs::File::from_std(output.into()))),
    };
    let peer = Peer::new(endpoint.clone());
    // Not to be read out of turn: whoever else has the same open file can make it block.
    Ok(Wire { reader, writer, peer, epitaph: None, busy_poll: None, direct_read: None })
}

/// A stream socket of any family: what is called upon is the same for all.
fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(fd);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}
