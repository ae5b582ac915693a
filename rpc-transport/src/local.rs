//! `unix:PATH` and `local:NAME`, local sockets with and without a file. Never talks to a peer whose user the
//! kernel does not name and the policy does not admit, on either side, and never takes an address from a
//! server that lives.
//!
//! The socket file has mode 0600 from birth, whatever the umask: the mode is set on the socket before it is
//! bound, and the file is created with it. A umask around the bind would do the same for one thread only
//! (it belongs to the process); bind, chmod, listen would leave a moment of more.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use interprocess::local_socket::traits::tokio::{Listener as _, Stream as _};
use interprocess::local_socket::{
    ConnectOptions, GenericFilePath, GenericNamespaced, ListenerOptions, Name, ToFsName, ToNsName,
};
use interprocess::os::unix::local_socket::ListenerOptionsExt;
use interprocess::os::unix::uds_local_socket::tokio as sockets;
use rustix::fs::FileType;
use tokio::net::UnixStream;
use traitwire_core::transport::{Connector, Listener, Peer, Wire};
use traitwire_core::{Endpoint, Options, RpcError};

use crate::failure::{failed, invalid};
use crate::parts::{Parts, insecure, path};
use crate::sys::claim::{Claim, file_type, kind, named};
use crate::sys::direct::Direct;
use crate::sys::peer::{Policy, identify};

/// What the kernel has room for, its closing NUL not counted.
const LONGEST: usize = 107;
/// Between two attempts at a server whose queue of connections is full.
const QUEUE_FULL: Duration = Duration::from_millis(5);

pub(crate) fn file_connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    Ok(Box::new(Local::file(parts)?))
}

pub(crate) fn name_connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    let place = Place::Name(name(&parts.endpoint)?);
    let policy = policy(&parts.endpoint)?;
    Ok(Box::new(Local { endpoint: parts.endpoint, options: parts.options, place, policy }))
}

pub(crate) async fn file_listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    Ok(Box::new(LocalServer::file(parts).await?))
}

pub(crate) fn name_listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    let place = Place::Name(name(&parts.endpoint)?);
    let policy = policy(&parts.endpoint)?;
    let listener = place
        .name()
        .and_then(|name| ListenerOptions::new().name(name).create_tokio_as::<sockets::Listener>())
        .map_err(|cause| failed(&parts.endpoint, "cannot listen here", &cause))?;
    let endpoint = parts.endpoint.clone().without_options();
    let options = parts.options.clone();
    Ok(Box::new(LocalServer { endpoint, options, policy, listener, _claim: None }))
}

fn policy(endpoint: &Endpoint) -> Result<Policy, RpcError> {
    let text = endpoint.option("peer").unwrap_or("same");
    Policy::parse(text).ok_or_else(|| {
        invalid(endpoint, format!("option peer={text}: expected `same`, `any` or the number of a user"))
    })
}

fn socket_path(endpoint: &Endpoint) -> Result<PathBuf, RpcError> {
    let path = path(endpoint);
    checked(endpoint, path.as_os_str(), "path")?;
    Ok(path)
}

fn name(endpoint: &Endpoint) -> Result<OsString, RpcError> {
    let name = OsStr::from_bytes(endpoint.target()).to_owned();
    checked(endpoint, &name, "name")?;
    Ok(name)
}

fn checked(endpoint: &Endpoint, text: &OsStr, what: &str) -> Result<(), RpcError> {
    if text.len() > LONGEST {
        let length = text.len();
        return Err(invalid(
            endpoint,
            format!("the {what} is {length} bytes long, and a socket's is at most {LONGEST}"),
        ));
    }
    Ok(())
}

/// Makes way at a claimed path: removes a socket that nobody listens at any more, and nothing else.
async fn clear(claim: &Claim, path: &Path) -> io::Result<()> {
    let Some(found) = claim.look()? else { return Ok(()) };
    if file_type(&found) != FileType::Socket {
        let what = format!("{} is there, which is not touched", kind(&found));
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    let in_use = |what: &str| Err(io::Error::new(io::ErrorKind::AddrInUse, what));
    match UnixStream::connect(path).await {
        Ok(_) => in_use("a server answers there"),
        Err(cause) => match cause.kind() {
            io::ErrorKind::ConnectionRefused => claim.remove(&found),
            io::ErrorKind::NotFound => Ok(()),
            io::ErrorKind::WouldBlock => in_use("a server is there, too busy to answer"),
            _ => Err(named(cause, "a socket is there, and it cannot be told whether it is in use")),
        },
    }
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Name(OsString),
}

impl Place {
    fn name(&self) -> io::Result<Name<'static>> {
        match self {
            Self::File(path) => path.clone().into_os_string().to_fs_name::<GenericFilePath>(),
            Self::Name(name) => name.clone().to_ns_name::<GenericNamespaced>(),
        }
    }
}

impl Place {
    /// What is there instead of a socket, where a connection is refused for that. What a symbolic link leads to
    /// counts.
    fn other_than_socket(&self) -> Option<&'static str> {
        let Self::File(path) = self else { return None };
        let found = rustix::fs::stat(path).ok()?;
        (file_type(&found) != FileType::Socket).then(|| kind(&found))
    }
}

/// Dials local sockets.
pub(crate) struct Local {
    endpoint: Endpoint,
    options: Options,
    place: Place,
    policy: Policy,
}

impl Local {
    /// Dials the socket at a path.
    pub(crate) fn file(parts: Parts) -> Result<Self, RpcError> {
        let place = Place::File(socket_path(&parts.endpoint)?);
        let policy = policy(&parts.endpoint)?;
        Ok(Self { endpoint: parts.endpoint, options: parts.options, place, policy })
    }

    /// A socket whose peer is admitted.
    pub(crate) async fn open(&self) -> io::Result<(UnixStream, Peer)> {
        let stream = loop {
            let name = ConnectOptions::new().name(self.place.name()?);
            let stream = UnixStream::from(sockets::Stream::from_options(&name).await?);
            // A full queue passes for an attempt under way, which local sockets do not know: what comes
            // back is connected, or never will be.
            match stream.peer_addr() {
                Err(cause) if cause.kind() == io::ErrorKind::NotConnected => {}
                _ => break stream,
            }
            tokio::time::sleep(QUEUE_FULL).await;
        };
        admit(stream, &self.endpoint, self.policy)
    }

    /// Why there is no connection.
    pub(crate) fn failed(&self, cause: &io::Error) -> RpcError {
        if let Some(found) = self.place.other_than_socket() {
            return invalid(&self.endpoint, format!("{found} is there, not a socket"));
        }
        let what = match cause.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "no server listens here",
            _ => "cannot connect",
        };
        failed(&self.endpoint, what, cause)
    }
}

#[async_trait]
impl Connector for Local {
    async fn connect(&self) -> Result<Wire, RpcError> {
        self.open().await.map(wire).map_err(|cause| self.failed(&cause))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

/// Accepts connections at a local socket.
pub(crate) struct LocalServer {
    endpoint: Endpoint,
    options: Options,
    policy: Policy,
    /// Closed before the claim is given up: until then a connect probe must be answered.
    listener: sockets::Listener,
    _claim: Option<Claim>,
}

impl LocalServer {
    /// Listens at a path that it claims.
    pub(crate) async fn file(parts: Parts) -> Result<Self, RpcError> {
        let path = socket_path(&parts.endpoint)?;
        let policy = policy(&parts.endpoint)?;
        let insecure = insecure(&parts.endpoint)?;
        let claimed = async {
            let mut claim = Claim::take(&path, insecure)?;
            clear(&claim, &path).await?;
            let options = ListenerOptions::new().name(Place::File(path).name()?).mode(0o600);
            let listener = options.reclaim_name(false).create_tokio_as::<sockets::Listener>()?;
            claim.note_made()?;
            io::Result::Ok((listener, claim))
        };
        let (listener, claim) =
            claimed.await.map_err(|cause| failed(&parts.endpoint, "cannot listen here", &cause))?;
        let endpoint = parts.endpoint.without_options();
        Ok(Self { endpoint, options: parts.options, policy, listener, _claim: Some(claim) })
    }

    /// The socket of a peer that is admitted. Cancel safe.
    pub(crate) async fn open(&mut self) -> io::Result<(UnixStream, Peer)> {
        let stream = self.listener.accept().await?;
        admit(stream.into(), &self.endpoint, self.policy)
    }
}

#[async_trait]
impl Listener for LocalServer {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        self.open().await.map(wire).map(Some)
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

/// The peer at the other end of a socket, if it is admitted.
fn admit(stream: UnixStream, endpoint: &Endpoint, policy: Policy) -> io::Result<(UnixStream, Peer)> {
    let mut peer = Peer::new(endpoint.clone().without_options());
    peer.credentials = Some(identify(&stream, policy)?);
    Ok((stream, peer))
}

fn wire((stream, peer): (UnixStream, Peer)) -> Wire {
    let (reader, writer) = stream.into_split();
    let (reader, direct_read) = Direct::new(reader);
    Wire::new(reader, writer, peer).with_direct_read(direct_read)
}
