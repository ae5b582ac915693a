//! Named pipes where they can go wrong. Never blocks in an `open` itself.
#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode};
use support::{bind, block_on, command, connect, directory, eventually, role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use traitwire_core::transport::Wire;
use traitwire_core::{Code, Endpoint};
use traitwire_transport::conformance::{GREETING, serve_echo};

fn fifo(path: &Path) -> Endpoint {
    Endpoint::new("fifo", path.as_os_str().as_encoded_bytes()).unwrap()
}

async fn echoes(wire: &mut Wire, message: &[u8]) {
    let mut found = vec![0; GREETING.len() + message.len()];
    let (written, read) = tokio::join!(wire.writer.write_all(message), wire.reader.read_exact(&mut found));
    written.unwrap();
    read.unwrap();
    assert!(found[GREETING.len()..] == *message);
}

#[test]
fn child() {
    let Some(role) = role() else { return };
    match role.split_once(' ').unwrap() {
        ("serve", address) => block_on(async { serve_echo(bind(address).await.unwrap()).await }),
        // Introduces itself, and is never let in.
        ("dial", address) => drop(block_on(connect(&address.parse().unwrap()))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn m_11_clients_come_and_go_and_the_door_stays_open() {
    let directory = directory();
    let address = fifo(&directory.path().join("calc"));
    block_on(async {
        let begun = Instant::now();
        let error = connect(&address).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        let server = tokio::spawn(serve_echo(bind(&address.to_string()).await.unwrap()));
        for _ in 0..5 {
            echoes(&mut connect(&address).await.unwrap(), b"hello").await;
            let names = fs::read_dir(directory.path()).unwrap().count();
            assert_eq!(names, 2, "the door and its lock; a client's pair has no names any more");
        }
        server.abort();
        let _ = server.await;
        // A pipe that nobody reads: no open of it may wait.
        rustix::fs::mkfifoat(CWD, directory.path().join("calc"), Mode::RUSR | Mode::WUSR).unwrap();
        let error = connect(&address).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        assert!(error.message().contains("no server"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn m_11_a_client_in_waiting_learns_that_the_server_has_left() {
    let directory = directory();
    let address = fifo(&directory.path().join("calc"));
    block_on(async {
        let listener = bind(&address.to_string()).await.unwrap();
        let client = tokio::spawn({
            let address = address.clone();
            async move { connect(&address).await }
        });
        let is_introduced = || fs::read_dir(directory.path()).unwrap().count() == 4;
        tokio::task::block_in_place(|| eventually("the client has introduced itself", is_introduced));
        drop(listener);
        let outcome = timeout(Duration::from_secs(2), client).await.expect("at once").unwrap();
        assert_eq!(outcome.unwrap_err().code(), Code::Unavailable);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    });
}

#[test]
fn m_11_what_kill_9_leaves_behind_is_reclaimed() {
    let directory = directory();
    let path = directory.path().join("calc");
    let address = fifo(&path);
    let mut server = command(&format!("serve {address}")).spawn().unwrap();
    eventually("the server answers", || block_on(connect(&address)).is_ok());
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo(), "it is left behind");
    block_on(async {
        let listener = bind(&address.to_string()).await.unwrap();
        // Nobody accepts; so this client dies while it dials, and its pair stays.
        let mut client = command(&format!("dial {address}")).spawn().unwrap();
        let names = || fs::read_dir(directory.path()).unwrap().count();
        tokio::task::block_in_place(|| eventually("a client dials", || names() == 4));
        client.kill().unwrap();
        client.wait().unwrap();
        drop(listener);
        assert_eq!(names(), 0);
        let server = tokio::spawn(serve_echo(bind(&address.to_string()).await.unwrap()));
        echoes(&mut connect(&address).await.unwrap(), b"hello").await;
        server.abort();
    });
}

#[test]
fn m_12_two_writers_never_share_a_pipe() {
    let directory = directory();
    let address = fifo(&directory.path().join("calc"));
    block_on(async {
        let server = tokio::spawn(serve_echo(bind(&address.to_string()).await.unwrap()));
        let error = bind(&address.to_string()).await.err().unwrap();
        assert_eq!(error.code(), Code::AddressInUse, "{error}");
        let (mut a, mut b) = (connect(&address).await.unwrap(), connect(&address).await.unwrap());
        // Far more than is written whole.
        tokio::join!(echoes(&mut a, &[b'a'; 1 << 18]), echoes(&mut b, &[b'b'; 1 << 18]));
        server.abort();
        let _ = server.await;
    });
    // A reader that is no server of ours is not pushed aside either.
    rustix::fs::mkfifoat(CWD, directory.path().join("calc"), Mode::RUSR | Mode::WUSR).unwrap();
    block_on(async {
        let reader = tokio::net::unix::pipe::OpenOptions::new().open_receiver(directory.path().join("calc"));
        let error = bind(&address.to_string()).await.err().unwrap();
        assert_eq!(error.code(), Code::AddressInUse, "{error}");
        drop(reader);
    });
}

#[test]
fn m_13_what_is_no_pipe_of_ours_is_refused_and_not_touched() {
    let directory = directory();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("file"), "precious").unwrap();
    rustix::fs::mkfifoat(CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
    symlink(at("file"), at("link")).unwrap();
    symlink(at("pipe"), at("pipe-link")).unwrap();
    symlink(at("nothing"), at("dangling")).unwrap();
    block_on(async {
        let _reader = tokio::net::unix::pipe::OpenOptions::new().open_receiver(at("pipe")).unwrap();
        for (name, kind) in [
            ("file", "a regular file"),
            ("link", "a symbolic link"),
            ("pipe-link", "a symbolic link"),
            ("dangling", "a symbolic link"),
        ] {
            let before = fs::symlink_metadata(at(name)).unwrap().ino();
            for error in [
                bind(&fifo(&at(name)).to_string()).await.err().unwrap(),
                connect(&fifo(&at(name))).await.unwrap_err(),
            ] {
                assert_eq!(error.code(), Code::Unavailable, "{error}");
                assert!(error.message().contains(kind), "{error}");
            }
            assert_eq!(fs::symlink_metadata(at(name)).unwrap().ino(), before);
        }
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "precious");
        // A door that others may write to might be another's.
        fs::set_permissions(at("pipe"), fs::Permissions::from_mode(0o622)).unwrap();
        let error = connect(&fifo(&at("pipe"))).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    });
}

#[test]
fn m_13_a_door_replaced_under_the_server_is_not_removed_by_it() {
    let directory = directory();
    let path = directory.path().join("calc");
    let listener = block_on(async { bind(&fifo(&path).to_string()).await.unwrap() });
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    drop(listener);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn garbage_at_the_door_keeps_nobody_out() {
    let directory = directory();
    let path = directory.path().join("calc");
    block_on(async {
        let server = tokio::spawn(serve_echo(bind(&fifo(&path).to_string()).await.unwrap()));
        assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut door = tokio::net::unix::pipe::OpenOptions::new().open_sender(&path).unwrap();
        for garbage in [&b"hello\n"[..], b"../../x\n", b"1.1\n", b"\n\n\0\xFF\n", &[b'9'; 100_000], b"\n"] {
            door.write_all(garbage).await.unwrap();
        }
        echoes(&mut connect(&fifo(&path)).await.unwrap(), b"hello").await;
        server.abort();
    });
}
