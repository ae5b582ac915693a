//! `unix:PATH?shm=auto`: what two sides make of one socket, by what each of them can. Never more than bytes over it.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod support;

use std::io;

use support::{bind, connect, directory};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use traitwire_core::proto::MAGIC;
use traitwire_core::transport::{Listener, Wire};
use traitwire_core::{Channel, Code, Endpoint, Executed, Server};
// Makes addresses what can be bound and dialled.
use traitwire_transport as _;

/// What carries a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Socket,
    Memory,
}

impl Carrier {
    fn of(wire: &Wire) -> Self {
        if wire.busy_poll.is_some() { Carrier::Memory } else { Carrier::Socket }
    }
}

/// Accepts until a connection comes that begins with a hello.
async fn greeted(listener: &mut dyn Listener) -> Wire {
    loop {
        let Ok(Some(mut wire)) = listener.accept().await else { continue };
        wire.writer.write_all(&MAGIC).await.expect("written");
        let mut begun = [0; MAGIC.len()];
        if wire.reader.read_exact(&mut begun).await.is_ok() && begun == MAGIC {
            return wire;
        }
    }
}

async fn check(server: &str, client: &str, expected: Carrier) {
    let directory = directory();
    let path = directory.path().join("meet");
    let address = |scheme: &str| match scheme.split_once('?') {
        Some((scheme, options)) => format!("{scheme}:{}?{options}", path.display()),
        None => format!("{scheme}:{}", path.display()),
    };
    let mut listener = bind(&address(server)).await.expect("bound");
    let endpoint: Endpoint = address(client).parse().expect("an address");
    let dialled = async {
        let mut wire = connect(&endpoint).await.expect("connected");
        wire.writer.write_all(&MAGIC).await.expect("written");
        let mut begun = [0; MAGIC.len()];
        wire.reader.read_exact(&mut begun).await.expect("a hello");
        assert_eq!(begun, MAGIC);
        wire
    };
    let (mut ours, mut theirs) = tokio::join!(dialled, greeted(&mut *listener));
    assert_eq!((Carrier::of(&ours), Carrier::of(&theirs)), (expected, expected), "{client} at {server}");
    ours.writer.write_all(b"ping").await.expect("written");
    let mut said = [0; 4];
    theirs.reader.read_exact(&mut said).await.expect("read");
    assert_eq!(&said, b"ping");
}

#[tokio::test]
async fn both_sides_share_memory_where_both_can_and_stay_on_the_socket_where_not() {
    check("unix?shm=auto", "unix?shm=auto", Carrier::Memory).await;
    check("unix?shm=auto", "shm", Carrier::Memory).await;
    check("shm", "unix?shm=auto", Carrier::Memory).await;
    check("unix?shm=auto", "unix", Carrier::Socket).await;
    check("unix?shm=auto", "unix?shm=off", Carrier::Socket).await;
    check("unix", "unix?shm=auto", Carrier::Socket).await;
}

#[tokio::test]
async fn a_side_that_has_no_memory_says_so_and_both_stay_on_the_socket() {
    let directory = directory();
    let path = directory.path().join("meet");
    let mut listener = bind(&format!("unix:{}?shm=auto", path.display())).await.expect("bound");
    let declines = async {
        let mut socket = UnixStream::connect(&path).await.expect("connected");
        socket.write_all(NONE).await.expect("written");
        socket.write_all(&MAGIC).await.expect("written");
        let mut begun = [0; MAGIC.len()];
        socket.read_exact(&mut begun).await.expect("a hello, and nothing before it");
        assert_eq!(begun, MAGIC);
    };
    let ((), wire) = tokio::join!(declines, greeted(&mut *listener));
    assert_eq!(Carrier::of(&wire), Carrier::Socket);
}

/// P-97: from who has no memory to share.
const NONE: &[u8; 16] = b"\xFFTWSHM\x01\n\0\0\0\0\0\0\0\0";

#[tokio::test]
async fn a_server_that_has_no_memory_says_so_and_both_stay_on_the_socket() {
    let directory = directory();
    let path = directory.path().join("meet");
    let listener = UnixListener::bind(&path).expect("a socket");
    let declines = async {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut introduction = [0; NONE.len()];
        socket.read_exact(&mut introduction).await.expect("an introduction");
        assert_eq!(introduction[..8], NONE[..8]);
        socket.write_all(NONE).await.expect("written");
        let mut begun = [0; MAGIC.len()];
        socket.read_exact(&mut begun).await.expect("a hello, over this very socket");
        assert_eq!(begun, MAGIC);
    };
    let endpoint: Endpoint = format!("unix:{}?shm=auto", path.display()).parse().expect("an address");
    let dialled = async {
        let mut wire = connect(&endpoint).await.expect("connected");
        wire.writer.write_all(&MAGIC).await.expect("written");
        wire
    };
    let (wire, ()) = tokio::join!(dialled, declines);
    assert_eq!(Carrier::of(&wire), Carrier::Socket);
}

#[tokio::test]
async fn where_memory_is_demanded_who_has_none_is_refused() {
    let directory = directory();
    let path = directory.path().join("meet");
    let mut listener = bind(&format!("shm:{}", path.display())).await.expect("bound");
    let declines = async {
        let mut socket = UnixStream::connect(&path).await.expect("connected");
        socket.write_all(NONE).await.expect("written");
        let mut told = String::new();
        socket.read_to_string(&mut told).await.expect("a reason");
        told
    };
    let told = tokio::select! {
        told = declines => told,
        accepted = listener.accept() => panic!("{accepted:?}"),
    };
    assert_eq!(told, "the peer has no memory to share");
}

#[tokio::test]
async fn a_hello_that_comes_byte_by_byte_is_carried_on_whole() {
    let directory = directory();
    let path = directory.path().join("meet");
    let mut listener = bind(&format!("unix:{}?shm=auto", path.display())).await.expect("bound");
    let slowly = async {
        let mut socket = UnixStream::connect(&path).await.expect("connected");
        for byte in MAGIC {
            socket.write_all(&[byte]).await.expect("written");
            tokio::task::yield_now().await;
        }
        socket
    };
    let (_socket, wire) = tokio::join!(slowly, greeted(&mut *listener));
    assert_eq!(Carrier::of(&wire), Carrier::Socket);
}

#[tokio::test]
async fn those_who_say_nothing_hold_up_nobody() {
    let directory = directory();
    let path = directory.path().join("meet");
    let mut listener = bind(&format!("unix:{}?shm=auto", path.display())).await.expect("bound");
    let dialled = async {
        let mut silent = Vec::new();
        for _ in 0..300 {
            silent.push(UnixStream::connect(&path).await.expect("connected"));
        }
        let endpoint: Endpoint = format!("unix:{}?shm=auto", path.display()).parse().expect("an address");
        let mut wire = connect(&endpoint).await.expect("connected");
        wire.writer.write_all(&MAGIC).await.expect("written");
        // The oldest of those who say nothing had to go.
        let ended = silent[0].read(&mut [0]).await;
        assert!(
            matches!(ended, Ok(0))
                || ended.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
        );
        wire
    };
    let (wire, _) = tokio::join!(dialled, greeted(&mut *listener));
    assert_eq!(Carrier::of(&wire), Carrier::Memory);
}

#[tokio::test]
async fn an_option_that_means_nothing_says_what_there_is() {
    let error = bind("unix:/tmp/x?shm=always").await.err().expect("refused");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("expected `auto` or `off`"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sides_that_cannot_meet_are_told_what_is_there_and_what_to_dial() {
    for (server, client, words) in [
        ("shm", "unix", "a `shm:` server is here: dial shm:PATH, or unix:PATH?shm=auto"),
        (
            "unix",
            "shm",
            "a `unix:` server is here, which shares no memory: dial unix:PATH, or unix:PATH?shm=auto",
        ),
    ] {
        let directory = directory();
        let at = |scheme: &str| format!("{scheme}:{}", directory.path().join("meet").display());
        let _server = Server::builder().bind(at(server)).await.expect("bound").spawn();
        for _ in 0..50 {
            let error = Channel::connect(at(client)).await.expect_err("refused");
            assert_eq!((error.code(), error.executed()), (Code::Protocol, Executed::No), "{error}");
            assert!(error.message().contains(words), "{error}");
            assert_eq!(error.address(), Some(at(client).as_str()));
        }
    }
}

#[tokio::test]
async fn what_a_server_says_of_where_it_is_leads_to_what_it_offers() {
    for (given, said) in [
        ("unix?shm=auto", "unix?shm=auto"),
        ("unix?ring=64KiB&keepalive=off&shm=auto", "unix?shm=auto"),
        ("unix?shm=off", "unix"),
        ("shm?ring=64KiB", "shm"),
    ] {
        let directory = directory();
        let at = |address: &str| {
            let (scheme, options) = address.split_once('?').unwrap_or((address, ""));
            let mark = if options.is_empty() { "" } else { "?" };
            format!("{scheme}:{}{mark}{options}", directory.path().join("meet").display())
        };
        let listener = bind(&at(given)).await.expect("bound");
        assert_eq!(listener.endpoint().to_string(), at(said), "{given}");
    }
}
