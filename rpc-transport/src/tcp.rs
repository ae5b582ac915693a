//! `tcp://HOST:PORT`. Never encrypts and never knows who is there: for networks one trusts.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use traitwire_core::transport::{Connector, Listener, Peer, Wire};
use traitwire_core::{Endpoint, Options, RpcError};

use crate::failure::{failed, invalid};
use crate::parts::Parts;

/// The kernel's own probing, for the connections whose sessions have theirs switched off.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

pub(crate) fn connector(parts: Parts) -> Result<Box<dyn Connector>, RpcError> {
    let (host, port) = place(&parts.endpoint)?;
    if port == 0 {
        return Err(invalid(&parts.endpoint, "port 0 can be served but not dialled"));
    }
    Ok(Box::new(Tcp { endpoint: parts.endpoint, options: parts.options, host, port }))
}

pub(crate) async fn listener(parts: Parts) -> Result<Box<dyn Listener>, RpcError> {
    let (host, port) = place(&parts.endpoint)?;
    let bound = async {
        let listener = TcpListener::bind((host.as_str(), port)).await?;
        let address = listener.local_addr()?;
        io::Result::Ok((listener, address))
    };
    let (listener, address) =
        bound.await.map_err(|cause| failed(&parts.endpoint, "cannot listen here", &cause))?;
    let endpoint = Endpoint::new("tcp", format!("//{address}"))?;
    Ok(Box::new(TcpServer { endpoint, options: parts.options, listener }))
}

/// Host, without the brackets of an IPv6 address, and port.
fn place(endpoint: &Endpoint) -> Result<(String, u16), RpcError> {
    let wrong = |what: &str| {
        invalid(endpoint, format!("{what}; an address of this scheme reads like `tcp://127.0.0.1:7000`"))
    };
    let target = endpoint.target_str()?;
    let target = target.strip_prefix("//").ok_or_else(|| wrong("no `//` after the scheme"))?;
    let (host, port) = target.rsplit_once(':').ok_or_else(|| wrong("no port"))?;
    let port = port.parse().map_err(|_| wrong("the port is no number from 0 to 65535"))?;
    let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(Some(address)) => address,
        Some(None) => return Err(wrong("a bracket is not closed")),
        None if host.contains(':') => return Err(wrong("an IPv6 address stands in brackets")),
        None => host,
    };
    if host.is_empty() || host.contains('/') {
        return Err(wrong("no host"));
    }
    Ok((host.to_owned(), port))
}

fn wire(stream: TcpStream, endpoint: Endpoint) -> io::Result<Wire> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    let mut peer = Peer::new(endpoint);
    // An IPv4 host that comes over an IPv6 socket is the same host.
    let ip = stream.peer_addr()?.ip().to_canonical();
    peer.ip = Some(ip);
    // Across a network an answer takes longer than waking a sleeper does.
    #[cfg(unix)]
    let is_here = ip.is_loopback() || ip == stream.local_addr()?.ip().to_canonical();
    let (reader, writer) = stream.into_split();
    #[cfg(unix)]
    if is_here {
        let (reader, direct_read) = crate::sys::direct::Direct::new(reader);
        return Ok(Wire::new(reader, writer, peer).with_direct_read(direct_read));
    }
    Ok(Wire::new(reader, writer, peer))
}

struct Tcp {
    endpoint: Endpoint,
    options: Options,
    host: String,
    port: u16,
}

impl Tcp {
    /// Tries each address of the host in turn; the first failure is the one to report if all fail, since
    /// it is that of the address the resolver prefers.
    async fn open(&self) -> io::Result<TcpStream> {
        let mut first = None;
        for address in lookup_host((self.host.as_str(), self.port)).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(cause) => _ = first.get_or_insert(cause),
            }
        }
        Err(first.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address")))
    }
}

#[async_trait]
impl Connector for Tcp {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let opened = async { wire(self.open().await?, self.endpoint.clone().without_options()) };
        opened.await.map_err(|cause| failed(&self.endpoint, "cannot connect", &cause))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

struct TcpServer {
    endpoint: Endpoint,
    options: Options,
    listener: TcpListener,
}

#[async_trait]
impl Listener for TcpServer {
    async fn accept(&mut self) -> io::Result<Option<Wire>> {
        let (stream, from) = self.listener.accept().await?;
        let peer = Endpoint::new("tcp", format!("//{from}")).map_err(io::Error::other)?;
        wire(stream, peer).map(Some)
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_told_apart() {
        for (text, expected) in [
            ("tcp://127.0.0.1:7000", Some(("127.0.0.1", 7000))),
            ("tcp://[::1]:0", Some(("::1", 0))),
            ("tcp://[fe80::1%25eth0]:9", Some(("fe80::1%eth0", 9))),
            ("tcp://host.example:65535", Some(("host.example", 65535))),
            ("tcp:127.0.0.1:7000", None),
            ("tcp://127.0.0.1", None),
            ("tcp://::1:7000", None),
            ("tcp://[::1:7000", None),
            ("tcp://:7000", None),
            ("tcp://h:65536", None),
            ("tcp://h/x:1", None),
        ] {
            let found = place(&text.parse().unwrap());
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port)).ok();
            assert_eq!(found, expected, "{text}");
        }
    }
}
