//! Local sockets where they can go wrong: files left behind or in the way, foreign users, full tables. Never
//! changes this process's umask or limits: children do that.
#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, geteuid};
use support::{bind, block_on, command, connect, directory, eventually, role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use traitwire_core::transport::Wire;
use traitwire_core::{Code, Endpoint};
use traitwire_transport::conformance::{GREETING, serve_echo};

fn unix(path: &Path) -> Endpoint {
    Endpoint::new("unix", path.as_os_str().as_encoded_bytes()).unwrap()
}

async fn echoes(wire: &mut Wire) {
    let mut greeting = [0; GREETING.len()];
    wire.reader.read_exact(&mut greeting).await.unwrap();
    wire.writer.write_all(b"x").await.unwrap();
    wire.reader.read_exact(&mut greeting[..1]).await.unwrap();
    assert_eq!(greeting[0], b'x');
}

/// A server in another process, once it answers.
struct Server(Child);

impl Server {
    fn start(role: &str, address: &Endpoint) -> Self {
        let child = command(&format!("{role} {address}")).spawn().unwrap();
        eventually("the server answers", || block_on(connect(address)).is_ok());
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn child() {
    let Some(role) = role() else { return };
    match role.split_once(' ').unwrap() {
        ("serve", address) => block_on(async { serve_echo(bind(address).await.unwrap()).await }),
        ("starve", address) => {
            let limit = Rlimit { current: Some(64), maximum: Some(64) };
            rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
            block_on(async { serve_echo(bind(address).await.unwrap()).await });
        }
        ("dial", address) => {
            let _wire = block_on(connect(&address.parse().unwrap())).unwrap();
        }
        ("watch", path) => watch_the_mode(Path::new(path)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn l_01_a_stale_socket_after_kill_9_is_reclaimed() {
    let directory = directory();
    let path = directory.path().join("calc");
    Server::start("serve", &unix(&path)).kill();
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket(), "it is left behind");
    block_on(async {
        let error = connect(&unix(&path)).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        let server = tokio::spawn(serve_echo(bind(&unix(&path).to_string()).await.unwrap()));
        echoes(&mut connect(&unix(&path)).await.unwrap()).await;
        server.abort();
        let _ = server.await;
    });
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn l_02_a_live_server_is_neither_replaced_nor_touched() {
    let directory = directory();
    let ours = directory.path().join("ours");
    let foreign = directory.path().join("foreign");
    let server = Server::start("serve", &unix(&ours));
    // One that knows nothing of lock files.
    let _listener = UnixListener::bind(&foreign).unwrap();
    for path in [&ours, &foreign] {
        let before = fs::symlink_metadata(path).unwrap();
        let error = block_on(bind(&unix(path).to_string())).err().unwrap();
        assert_eq!(error.code(), Code::AddressInUse);
        assert_eq!(error.code(), Code::AddressInUse, "{error}");
        assert_eq!(fs::symlink_metadata(path).unwrap().ino(), before.ino());
    }
    block_on(async { echoes(&mut connect(&unix(&ours)).await.unwrap()).await });
    server.kill();
}

#[test]
fn l_03_what_is_no_socket_is_refused_and_not_touched() {
    let directory = directory();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("file"), "precious").unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink(at("file"), at("link")).unwrap();
    symlink(at("nothing"), at("dangling")).unwrap();
    for (name, kind) in [
        ("file", "a regular file"),
        ("directory", "a directory"),
        ("link", "a symbolic link"),
        ("dangling", "a symbolic link"),
    ] {
        let before = fs::symlink_metadata(at(name)).unwrap();
        let error = block_on(bind(&unix(&at(name)).to_string())).err().unwrap();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains(kind), "{error}");
        assert_eq!(fs::symlink_metadata(at(name)).unwrap().ino(), before.ino());
    }
    assert_eq!(fs::read_to_string(at("file")).unwrap(), "precious");
    assert!(!at("nothing").exists());
    // Nor is a lock file anything but a regular file.
    symlink(at("file"), at("calc.lock")).unwrap();
    let error = block_on(bind(&unix(&at("calc")).to_string())).err().unwrap();
    assert!(error.message().contains("lock file"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 5);
}

#[test]
fn l_03_a_client_says_what_is_there_instead_of_a_socket() {
    let directory = directory();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    fs::write(&file, "text").unwrap();
    symlink(&file, &link).unwrap();
    for (path, found) in
        [(&*file, "a regular file"), (directory.path(), "a directory"), (&*link, "a regular file")]
    {
        let error = block_on(connect(&unix(path))).expect_err("there is no server");
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().contains(&format!("{found} is there, not a socket")), "{error}");
    }
    let error = block_on(connect(&unix(&directory.path().join("nothing")))).expect_err("there is no server");
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

#[test]
fn l_04_the_mode_is_0600_at_every_instant_whatever_the_umask() {
    let directory = directory();
    let role = format!("watch {}", directory.path().join("calc").display());
    let output = command(&role).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Binds again and again under no umask, while another thread looks at the file.
fn watch_the_mode(path: &Path) {
    rustix::process::umask(rustix::fs::Mode::empty());
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                if let Ok(found) = fs::symlink_metadata(path) {
                    assert_eq!(found.permissions().mode() & 0o777, 0o600);
                    seen += 1;
                }
            }
            seen
        });
        block_on(async {
            for _ in 0..300 {
                drop(bind(&unix(path).to_string()).await.unwrap());
                tokio::task::yield_now().await;
            }
        });
        let listener = block_on(bind(&unix(path).to_string())).unwrap();
        let lock = format!("{}.lock", path.display());
        assert_eq!(fs::metadata(lock).unwrap().permissions().mode() & 0o777, 0o600);
        std::thread::yield_now();
        done.store(true, Ordering::Relaxed);
        drop(listener);
        watcher.join().unwrap()
    });
    assert!(seen > 0, "the watcher has seen the file");
}

#[test]
fn l_05_a_directory_open_to_all_is_refused() {
    let directory = directory();
    let address = unix(&directory.path().join("calc")).to_string();
    let mode = |mode| fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o777);
    let error = block_on(bind(&address)).err().unwrap();
    assert_eq!(error.code(), Code::PermissionDenied);
    assert!(error.message().contains("insecure_dir=allow"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    block_on(async { bind(&format!("{address}?insecure_dir=allow")).await }).unwrap();
    mode(0o1777);
    block_on(async { bind(&address).await }).unwrap();
    mode(0o755);
    block_on(async { bind(&address).await }).unwrap();
}

#[test]
fn l_08_credentials_are_the_kernels_also_of_a_peer_that_has_gone() {
    let directory = directory();
    for address in [
        unix(&directory.path().join("calc")),
        format!("local:traitwire-l08-{}", std::process::id()).parse().unwrap(),
    ] {
        block_on(async {
            let mut listener = bind(&address.to_string()).await.unwrap();
            let role = format!("dial {address}");
            let mut gone =
                tokio::task::spawn_blocking(move || command(&role).spawn().unwrap()).await.unwrap();
            assert!(gone.wait().unwrap().success());
            let wire = listener.accept().await.unwrap().unwrap();
            let credentials = wire.peer.credentials.unwrap();
            assert_eq!((credentials.uid, credentials.pid), (geteuid().as_raw(), Some(gone.id())));
            // The client knows the server likewise.
            let wire = connect(&address).await.unwrap();
            assert_eq!(wire.peer.credentials.unwrap().pid, Some(std::process::id()));
        });
    }
}

#[test]
fn l_08_other_users_are_refused_on_either_side() {
    let stranger = geteuid().as_raw() + 1;
    let address = format!("local:traitwire-l08-stranger-{}", std::process::id());
    block_on(async {
        let mut listener = bind(&format!("{address}?peer={stranger}")).await.unwrap();
        let mut wire = connect(&address.parse().unwrap()).await.unwrap();
        let error = listener.accept().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(wire.reader.read(&mut [0]).await.unwrap(), 0, "the stranger is turned away");
        let error = connect(&format!("{address}?peer={stranger}").parse().unwrap()).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{error}");
        connect(&format!("{address}?peer=any").parse().unwrap()).await.unwrap();
    });
    let error = block_on(bind(&format!("{address}?peer=friends"))).err().unwrap();
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[test]
fn l_09_paths_are_taken_whole_or_refused() {
    let directory = directory();
    let long = |length: usize| {
        let length = length - directory.path().as_os_str().len() - 1;
        unix(&directory.path().join("x".repeat(length)))
    };
    block_on(async { bind(&long(107).to_string()).await }).unwrap();
    for error in
        [block_on(bind(&long(108).to_string())).err().unwrap(), block_on(connect(&long(108))).unwrap_err()]
    {
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains("107"), "{error}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    for name in [&b"new\nline"[..], b"no\xFFtext", b"100% sure?"] {
        let target = [directory.path().as_os_str().as_encoded_bytes(), b"/", name].concat();
        let address = Endpoint::new("unix", target).unwrap();
        block_on(async {
            let listener = bind(&address.to_string()).await.unwrap();
            assert_eq!(listener.endpoint(), &address);
            connect(&address).await.unwrap();
        });
    }
}

#[test]
fn l_10_a_successors_socket_is_left_alone() {
    let directory = directory();
    let path = directory.path().join("calc");
    let listener = block_on(async { bind(&unix(&path).to_string()).await }).unwrap();
    fs::remove_file(&path).unwrap();
    let _successor = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
}

#[test]
fn j_01_a_server_out_of_descriptors_recovers_by_itself() {
    let directory = directory();
    let address = unix(&directory.path().join("calc"));
    let server = Server::start("starve", &address);
    block_on(async {
        let mut early = connect(&address).await.unwrap();
        echoes(&mut early).await;
        let mut crowd = Vec::new();
        for _ in 0..200 {
            crowd.push(connect(&address).await.unwrap());
        }
        early.writer.write_all(b"y").await.unwrap();
        let mut byte = [0];
        early.reader.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"y", "those who are in are served");
        drop(crowd);
        echoes(&mut connect(&address).await.unwrap()).await;
    });
    server.kill();
}

#[test]
fn a_full_queue_of_connections_is_waited_for() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind as bind_to, listen, socket};
    let directory = directory();
    let path = directory.path().join("busy");
    let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    bind_to(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&socket, 0).unwrap();
    let busy = UnixListener::from(socket);
    let address = unix(&path);
    block_on(async {
        let _first = connect(&address).await.unwrap();
        let mut second = tokio::spawn({
            let address = address.clone();
            async move { connect(&address).await }
        });
        let waited = tokio::time::timeout(Duration::from_millis(50), &mut second).await;
        assert!(waited.is_err(), "neither refused nor taken for connected");
        // Nor is a server too busy to answer taken for a dead one.
        let error = bind(&address.to_string()).await.err().unwrap();
        assert_eq!(error.code(), Code::AddressInUse, "{error}");
        let accepted = tokio::task::spawn_blocking(move || (busy.accept().unwrap(), busy)).await.unwrap();
        let mut second = second.await.unwrap().unwrap();
        second.writer.write_all(b"x").await.unwrap();
        drop(accepted);
    });
    assert!(path.exists());
}

#[test]
fn a_10_connections_reset_before_they_are_accepted_harm_nothing() {
    block_on(async {
        let mut listener = bind("tcp://127.0.0.1:0").await.unwrap();
        let address = listener.endpoint().clone();
        let place = address.target_str().unwrap().trim_start_matches('/').to_owned();
        // Fewer at a time than any queue of connections holds.
        for round in 0..10 {
            for _ in 0..50 {
                tokio::net::TcpStream::connect(&place).await.unwrap().set_zero_linger().unwrap();
            }
            let mut wire = connect(&address).await.unwrap();
            wire.writer.write_all(&[round]).await.unwrap();
            let found = loop {
                let Ok(accepted) = listener.accept().await else { continue };
                let mut byte = [0];
                if accepted.unwrap().reader.read_exact(&mut byte).await.is_ok() {
                    break byte;
                }
            };
            assert_eq!(found, [round]);
        }
    });
}
