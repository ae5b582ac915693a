//! `mem:NAME`, connections inside this process. Never crosses a process boundary, and never keeps a name
//! longer than its listener lives.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::sync::mpsc;
use traitwire_core::transport::{Connector, Listener, Peer, Wire};
use traitwire_core::{Code, Endpoint, Options, RpcError};

use crate::parts::Parts;

/// Bytes under way in one direction before the writer waits.
const BUFFER: usize = 256 << 10;
/// Connections made and not yet accepted before the next dial waits.
const BACKLOG: usize = 128;

static NAMES: LazyLock<Mutex<HashMap<Vec<u8>, mpsc::Sender<Wire>>>> = LazyLock::new(Mutex::default);

fn names() -> MutexGuard<'static, HashMap<Vec<u8>, mpsc::Sender<Wire>>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    Ok(Box::new(MemoryConnector { endpoint: parts.endpoint, options: parts.options }))
}

pub(crate) fn listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    let endpoint = parts.endpoint.clone().without_options();
    let (sender, arrivals) = mpsc::channel(BACKLOG);
    match names().entry(endpoint.target().to_vec()) {
        Entry::Occupied(_) => {
            let message = "another listener of this process has the name";
            return Err(RpcError::new(Code::AddressInUse, message).with_address(endpoint));
        }
        Entry::Vacant(vacant) => vacant.insert(sender),
    };
    Ok(Box::new(MemoryListener { endpoint, options: parts.options.clone(), arrivals }))
}

struct MemoryConnector {
    endpoint: Endpoint,
    options: Options,
}

#[async_trait]
impl Connector for MemoryConnector {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let nobody = || {
            let message = "nobody in this process listens under this name";
            RpcError::new(Code::Unavailable, message).with_address(&self.endpoint)
        };
        let listener = names().get(self.endpoint.target()).cloned().ok_or_else(nobody)?;
        let place = listener.reserve().await.map_err(|_| nobody())?;
        let (here, there) = pair(&self.endpoint);
        place.send(there);
        Ok(here)
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

struct MemoryListener {
    endpoint: Endpoint,
    options: Options,
    arrivals: mpsc::Receiver<Wire>,
}

#[async_trait]
impl Listener for MemoryListener {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        Ok(self.arrivals.recv().await)
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        names().remove(self.endpoint.target());
    }
}

/// Two ends of one connection. Each direction is a pipe of its own, so that halves need no shared lock.
fn pair(endpoint: &Endpoint) -> (Wire, Wire) {
    let (here_out, there_in) = duplex(BUFFER);
    let (there_out, here_in) = duplex(BUFFER);
    (wire(endpoint, here_in, here_out), wire(endpoint, there_in, there_out))
}

fn wire(
    endpoint: &Endpoint,
    reader: impl AsyncRead + Send + Unpin + 'static,
    writer: impl AsyncWrite + Send + Unpin + 'static,
) -> Wire {
    let mut peer = Peer::new(endpoint.clone().without_options());
    #[cfg(unix)]
    {
        peer.credentials = Some(crate::sys::peer::own(Some(std::process::id())));
    }
    Wire::new(reader, writer, peer)
}
