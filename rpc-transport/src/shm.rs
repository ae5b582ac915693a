//! `shm:PATH`, two byte rings in shared memory. The socket at PATH, a local one with all that is said of those, brings
//! the two sides together, wakes them, and tells each of the other's end. `unix:PATH?shm=auto` is the same where both
//! sides can, and the socket alone where not (P-97). Never shares memory with a peer that the socket does not admit.
//!
//! For 64-bit Linux alone: an index is a number of 64 bits, read and written as one, which never comes round.

mod arrivals;
mod bell;
mod introduction;
mod mapping;
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
mod words;

use std::io::{self, Cursor};

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use traitwire_core::transport::{Connector, Listener, Peer, Wire};
use traitwire_core::{Code, Endpoint, Options, RpcError};

use self::arrivals::Arrivals;
use self::introduction::{Declines, Met};
use self::mapping::{Mapping, Mappings};
use crate::failure::{failed, invalid};
use crate::local::{self, Local, LocalServer};
use crate::parts::Parts;

/// Bytes of this side's ring, unless the option `ring` says otherwise. A megabyte goes over in one piece: its sender
/// need not wait for room, which is two to three times the rate of a ring of 256 KiB. All of that memory is taken when the
/// connection is made.
const RING: usize = 1 << 20;

/// Whether both sides must share memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Demanded,
    /// Where the other side does not, or there is no memory to be had, the socket carries the connection.
    IfBoth,
}

impl Sharing {
    fn declines(self) -> Declines {
        match self {
            Self::Demanded => Declines::Never,
            Self::IfBoth => Declines::WithoutMemory,
        }
    }
}

pub(crate) fn connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    Ok(Box::new(Shm::new(parts, Sharing::Demanded)?))
}

pub(crate) async fn listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    Ok(Box::new(ShmServer::new(parts, Sharing::Demanded).await?))
}

/// `unix:`, with the option `shm`.
pub(crate) fn unix_connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    match upgrades(&parts.endpoint)? {
        true => Ok(Box::new(Shm::new(parts, Sharing::IfBoth)?)),
        false => local::file_connector(parts),
    }
}

/// `unix:`, with the option `shm`.
pub(crate) async fn unix_listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    match upgrades(&parts.endpoint)? {
        true => Ok(Box::new(ShmServer::new(parts, Sharing::IfBoth).await?)),
        false => local::file_listener(parts).await,
    }
}

fn upgrades(endpoint: &Endpoint) -> Result<bool, RpcError> {
    match endpoint.option("shm") {
        None | Some("off") => Ok(false),
        Some("auto") => Ok(true),
        Some(other) => Err(invalid(endpoint, format!("option shm={other}: expected `auto` or `off`"))),
    }
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
    mapping: Mapping,
    sharing: Sharing,
}

impl Shm {
    fn new(parts: Parts, sharing: Sharing) -> Result<Self, RpcError> {
        let mapping = Mapping::new(ring_size(&parts.endpoint)?);
        Ok(Self { local: Local::file(parts)?, mapping, sharing })
    }

    async fn dial(&self) -> Result<(UnixStream, Peer), RpcError> {
        self.local.open().await.map_err(|cause| self.local.failed(&cause))
    }

    /// Why a server that is there is not connected to.
    fn refused(&self, socket: &UnixStream, cause: io::Error) -> RpcError {
        failed(self.local.endpoint(), "cannot connect", &told(socket, cause))
    }
}

#[async_trait]
impl Connector for Shm {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let (socket, peer) = self.dial().await?;
        let met = introduction::begin(&socket, &self.mapping, self.sharing.declines()).await;
        match (met.map_err(|cause| self.refused(&socket, cause))?, self.sharing) {
            (Met::Shared { own, other }, _) => Ok(shared(socket, own, other, peer)),
            (Met::Declined, Sharing::IfBoth) => Ok(plain(socket, peer, Vec::new())),
            // It has taken the introduction for a broken hello. The next time it gets a hello.
            (Met::Plain { .. }, Sharing::IfBoth) => {
                drop(socket);
                let (socket, peer) = self.dial().await?;
                Ok(plain(socket, peer, Vec::new()))
            }
            (Met::Plain { .. }, Sharing::Demanded) => {
                let what =
                    "a `unix:` server is here, which shares no memory: dial unix:PATH, or unix:PATH?shm=auto";
                Err(RpcError::new(Code::Protocol, what).with_address(self.local.endpoint()))
            }
            (unmet @ Met::Declined, Sharing::Demanded) => Err(self.refused(&socket, unmet.refusal())),
        }
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
    /// What a client dials.
    endpoint: Endpoint,
    mappings: Mappings,
    sharing: Sharing,
    arrivals: Arrivals<io::Result<Wire>>,
}

impl ShmServer {
    async fn new(parts: Parts, sharing: Sharing) -> Result<Self, RpcError> {
        let mappings = Mappings::new(ring_size(&parts.endpoint)?);
        let local = LocalServer::file(parts).await?;
        let plain = local.endpoint().clone();
        let endpoint = match sharing {
            Sharing::Demanded => plain,
            // Without it a client would stay on the socket.
            Sharing::IfBoth => plain.with_option("shm", "auto")?,
        };
        let arrivals = Arrivals::new(&local.options().limits);
        Ok(Self { local, endpoint, mappings, sharing, arrivals })
    }

    /// Lets a peer introduce itself.
    fn introduce(&mut self, socket: UnixStream, peer: Peer) {
        let user = peer.credentials.map(|of| of.uid);
        let (mapping, sharing) = (self.mappings.of(user), self.sharing);
        let patience = self.local.options().handshake_timeout;
        self.arrivals.admit(user, async move {
            let timely = tokio::time::timeout(patience, answer(socket, peer, &mapping, sharing));
            timely.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        });
    }
}

#[async_trait]
impl Listener for ShmServer {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        loop {
            tokio::select! {
                Some(introduced) = self.arrivals.next() => {
                    let error = match introduced {
                        Ok(Ok(wire)) => return Ok(Some(wire)),
                        Ok(Err(error)) => error,
                        Err(gave_way) => io::Error::other(gave_way),
                    };
                    // Not the caller's: it would pause, and many peers may fail at once.
                    tracing::warn!(endpoint = %self.endpoint, %error, "a peer is refused");
                }
                accepted = self.local.open() => {
                    let (socket, peer) = accepted?;
                    self.introduce(socket, peer);
                }
            }
        }
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.local.options()
    }
}

/// Hears how a peer begins.
async fn answer(socket: UnixStream, peer: Peer, mapping: &Mapping, sharing: Sharing) -> io::Result<Wire> {
    let met = introduction::answer(&socket, mapping, sharing.declines()).await;
    match (met.map_err(|cause| told(&socket, cause))?, sharing) {
        (Met::Shared { own, other }, _) => Ok(shared(socket, own, other, peer)),
        (Met::Declined, Sharing::IfBoth) => Ok(plain(socket, peer, Vec::new())),
        (Met::Plain { begun }, Sharing::IfBoth) => Ok(plain(socket, peer, begun)),
        (unmet, Sharing::Demanded) => Err(told(&socket, unmet.refusal())),
    }
}

/// Why a peer is refused; it is told, where that is its own fault.
fn told(socket: &UnixStream, cause: io::Error) -> io::Error {
    if cause.kind() == io::ErrorKind::InvalidData {
        bell::refuse(socket, &cause);
    }
    cause
}

/// A connection over the areas of both sides.
fn shared(socket: UnixStream, own: region::Own, other: region::PeerArea, peer: Peer) -> Wire {
    wire::wire(bell::Bell::new(socket), own, other, peer)
}

/// A connection over the socket alone, of which so much has been read.
fn plain(socket: UnixStream, peer: Peer, begun: Vec<u8>) -> Wire {
    let (reader, writer) = socket.into_split();
    match begun.is_empty() {
        true => Wire::new(reader, writer, peer),
        false => Wire::new(Cursor::new(begun).chain(reader), writer, peer),
    }
}
