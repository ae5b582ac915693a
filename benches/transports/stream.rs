//! Bare streams for the limits: Unix sockets and TCP, by the addresses that Traitwire uses.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

enum Place<'a> {
    Unix(&'a str),
    Tcp(&'a str),
}

fn place(address: &str) -> Place<'_> {
    match (address.strip_prefix("unix:"), address.strip_prefix("tcp://")) {
        (Some(path), _) => Place::Unix(path),
        (_, Some(target)) => Place::Tcp(target),
        _ => panic!("{address} is neither unix: nor tcp:"),
    }
}

pub(crate) async fn connect(address: &str) -> io::Result<(Reader, Writer)> {
    match place(address) {
        Place::Unix(path) => Ok(unix_halves(UnixStream::connect(path).await?)),
        Place::Tcp(target) => tcp_halves(TcpStream::connect(target).await?),
    }
}

fn unix_halves(stream: UnixStream) -> (Reader, Writer) {
    let (reader, writer) = stream.into_split();
    (Box::new(reader), Box::new(writer))
}

fn tcp_halves(stream: TcpStream) -> io::Result<(Reader, Writer)> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    Ok((Box::new(reader), Box::new(writer)))
}

pub(crate) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    pub(crate) async fn bind(address: &str) -> io::Result<Self> {
        match place(address) {
            Place::Unix(path) => UnixListener::bind(path).map(Listener::Unix),
            Place::Tcp(target) => TcpListener::bind(target).await.map(Listener::Tcp),
        }
    }

    /// The address to connect to, with the port the kernel chose.
    pub(crate) fn address(&self, bound: &str) -> io::Result<String> {
        match self {
            Listener::Unix(_) => Ok(bound.to_owned()),
            Listener::Tcp(listener) => Ok(format!("tcp://{}", listener.local_addr()?)),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<(Reader, Writer)> {
        match self {
            Listener::Unix(listener) => Ok(unix_halves(listener.accept().await?.0)),
            Listener::Tcp(listener) => tcp_halves(listener.accept().await?.0),
        }
    }
}
