//! `shm:PATH`, two byte rings in shared memory. The socket at PATH, a local one with all that is said of those, brings
//! the two sides together, wakes them, and tells each of the other's end. Never shares memory with a peer that the
//! socket does not admit.

mod bell;
mod introduction;
#[cfg(all(test, traitwire_loom))]
#[allow(unsafe_code, reason = "loom watches each access")]
mod races;
#[allow(unsafe_code, reason = "memory that another process writes to: each block says why it is sound")]
mod region;
mod ring;
#[allow(
    unsafe_code,
    reason = "a buffer need not be cleared to be read into: each block says why it is sound"
)]
mod wire;

use std::collections::VecDeque;
use std::io;

use async_trait::async_trait;
use tokio::net::UnixStream;
use tokio::task::{AbortHandle, JoinSet};
use traitwire_core::transport::{Connector, Listener, Peer, Wire};
use traitwire_core::{Endpoint, Options, RpcError};

use crate::failure::invalid;
use crate::local::{Local, LocalServer};
use crate::parts::Parts;

/// Bytes of this side's ring, unless the option `ring` says otherwise.
const RING: usize = 1 << 20;

/// Peers that may be on their way to introduce themselves. The oldest gives way: it has had the most time.
const INTRODUCTIONS: usize = 128;

pub(crate) fn connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    let ring = ring_size(&parts.endpoint)?;
    Ok(Box::new(Shm { local: Local::file(parts)?, ring }))
}

pub(crate) async fn listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    let ring = ring_size(&parts.endpoint)?;
    let local = LocalServer::file(parts).await?;
    Ok(Box::new(ShmServer { local, ring, introductions: JoinSet::new(), waiting: VecDeque::new() }))
}

fn ring_size(endpoint: &Endpoint) -> Result<usize, RpcError> {
    let Some(text) = endpoint.option("ring") else { return Ok(RING) };
    let bytes = text.parse::<bytesize::ByteSize>().ok().and_then(|size| usize::try_from(size.as_u64()).ok());
    let fits =
        |bytes: &usize| bytes.is_power_of_two() && (region::SMALLEST..=region::LARGEST).contains(bytes);
    bytes.filter(fits).ok_or_else(|| {
        invalid(endpoint, format!("option ring={text}: expected a power of two from 4KiB to 64MiB"))
    })
}

struct Shm {
    local: Local,
    ring: usize,
}

#[async_trait]
impl Connector for Shm {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let opened = async {
            let (socket, peer) = self.local.open().await?;
            share(socket, peer, self.ring).await
        };
        opened.await.map_err(|cause| self.local.failed(&cause))
    }

    fn endpoint(&self) -> &Endpoint {
        self.local.endpoint()
    }

    fn options(&self) -> Options {
        self.local.options()
    }
}

struct ShmServer {
    local: LocalServer,
    ring: usize,
    introductions: JoinSet<io::Result<Wire>>,
    /// The same, oldest first.
    waiting: VecDeque<AbortHandle>,
}

#[async_trait]
impl Listener for ShmServer {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        let Self { local, ring, introductions, waiting } = self;
        let (ring, patience) = (*ring, local.options().handshake_timeout);
        loop {
            tokio::select! {
                Some(introduced) = introductions.join_next() => {
                    waiting.retain(|introduction| !introduction.is_finished());
                    let error = match introduced {
                        Ok(Ok(wire)) => return Ok(Some(wire)),
                        Ok(Err(error)) => error,
                        Err(gave_way) => io::Error::other(gave_way),
                    };
                    // Not the caller's: it would pause, and many peers may fail at once.
                    tracing::warn!(endpoint = %local.endpoint(), %error, "a peer is refused");
                }
                accepted = local.open() => {
                    let (socket, peer) = accepted?;
                    if waiting.len() >= INTRODUCTIONS {
                        waiting.pop_front().inspect(AbortHandle::abort);
                    }
                    waiting.push_back(introductions.spawn(async move {
                        let timely = tokio::time::timeout(patience, share(socket, peer, ring));
                        timely.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                    }));
                }
            }
        }
    }

    fn endpoint(&self) -> &Endpoint {
        self.local.endpoint()
    }

    fn options(&self) -> Options {
        self.local.options()
    }
}

/// A connection over memory that both sides of a socket share.
async fn share(socket: UnixStream, peer: Peer, ring: usize) -> io::Result<Wire> {
    let introduced = introduction::introduce(&socket, ring).await.inspect_err(|cause| {
        if cause.kind() == io::ErrorKind::InvalidData {
            bell::refuse(&socket, cause);
        }
    });
    let (own, other) = introduced?;
    Ok(wire::wire(bell::Bell::new(socket), own, other, peer))
}
