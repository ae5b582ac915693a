//! Children and the standard streams, where they can go wrong. Never assumes that a child behaves.
#![cfg(unix)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Pid;
use support::{bind, block_on, command, connect, directory, eventually, exec, role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use traitwire_core::transport::Wire;
use traitwire_core::{Code, Endpoint};
use traitwire_transport::conformance::{GREETING, serve_echo};

#[test]
fn child() {
    let Some(role) = role() else { return };
    let serve = async || serve_echo(bind("stdio:").await.unwrap()).await;
    match role.split_once(' ').unwrap_or((&role, "")) {
        ("echo", _) => block_on(serve()),
        ("banner", length) => {
            println!("{}", "banner ".repeat(length.parse::<usize>().unwrap() / 7));
            block_on(serve());
        }
        ("printing", _) => block_on(async {
            let listener = bind("stdio:").await.unwrap();
            println!("this would have been taken for protocol");
            print!("\u{FF}TWIRE half a line");
            assert!(Command::new("echo").arg("so would a child's").status().unwrap().success());
            let error = bind("stdio:").await.err().unwrap();
            assert_eq!(error.code(), Code::AddressInUse, "{error}");
            serve_echo(listener).await;
        }),
        ("exit", status) => {
            eprintln!("first words\nlast words");
            std::process::exit(status.parse().unwrap());
        }
        ("abort", _) => std::process::abort(),
        ("noisy", _) => {
            std::io::stderr().write_all(&vec![b'n'; 1 << 20]).unwrap();
            block_on(serve());
        }
        ("stubborn", _) => loop {
            std::thread::park();
        },
        ("parent", file) => block_on(async {
            let wire = greeted(&exec("echo")).await;
            fs::write(format!("{file}.new"), pid(&wire).as_raw_nonzero().to_string()).unwrap();
            fs::rename(format!("{file}.new"), file).unwrap();
            std::future::pending::<()>().await;
        }),
        other => panic!("{other:?}"),
    }
}

async fn greeted(address: &Endpoint) -> Wire {
    let mut wire = connect(address).await.unwrap();
    let mut greeting = [0; GREETING.len()];
    wire.reader.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    wire
}

async fn echoes(wire: &mut Wire) {
    let mut found = [0; 5];
    wire.writer.write_all(b"hello").await.unwrap();
    wire.reader.read_exact(&mut found).await.unwrap();
    assert_eq!(&found, b"hello");
}

fn pid(wire: &Wire) -> Pid {
    Pid::from_raw(wire.peer.credentials.unwrap().pid.unwrap().cast_signed()).unwrap()
}

/// Neither running nor a zombie.
fn is_gone(pid: Pid) -> bool {
    rustix::process::test_kill_process(pid) == Err(Errno::SRCH)
}

async fn ended(wire: &mut Wire) -> String {
    let mut rest = Vec::new();
    let _ = timeout(Duration::from_secs(5), wire.reader.read_to_end(&mut rest)).await.expect("an end");
    wire.epitaph.take().unwrap().await.unwrap()
}

#[test]
fn m_01_what_a_server_prints_never_reaches_the_protocol() {
    block_on(async {
        let mut wire = greeted(&exec("printing")).await;
        echoes(&mut wire).await;
        wire.writer.shutdown().await.unwrap();
        let account = ended(&mut wire).await;
        assert!(account.contains("exited with status 0"), "{account}");
        assert!(account.contains("taken for protocol") && account.contains("a child's"), "{account}");
    });
}

#[test]
fn m_02_what_a_child_prints_before_it_serves_is_skipped_up_to_a_bound() {
    block_on(async {
        echoes(&mut greeted(&exec("banner 60000")).await).await;
        let mut wire = connect(&exec("banner 80000")).await.unwrap();
        let error = wire.reader.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("running 1 test"), "{error}");
    });
}

#[test]
fn m_03_a_child_leaves_when_its_parent_is_killed() {
    let directory = directory();
    let file = directory.path().join("pid");
    let mut parent = command(&format!("parent {}", file.display())).spawn().unwrap();
    eventually("the parent has a child", || file.exists());
    let pid = Pid::from_raw(fs::read_to_string(&file).unwrap().parse().unwrap()).unwrap();
    assert!(!is_gone(pid));
    parent.kill().unwrap();
    parent.wait().unwrap();
    // Whoever inherits it reaps it, or leaves a zombie that is none of ours.
    eventually("the child has left", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        stat.map_or(true, |stat| stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
    });
}

#[test]
fn m_04_the_account_of_a_lost_child_says_how_it_ended() {
    block_on(async {
        for (role, expected) in [
            ("exit 0", "exited with status 0; its last words on stderr: first words\nlast words"),
            ("exit 3", "exited with status 3; its last words on stderr: first words\nlast words"),
            ("abort", "was ended by signal: 6 (SIGABRT)"),
        ] {
            let account = ended(&mut connect(&exec(role)).await.unwrap()).await;
            assert!(account.contains(expected), "{account}");
        }
        let mut wire = greeted(&exec("echo")).await;
        rustix::process::kill_process(pid(&wire), rustix::process::Signal::KILL).unwrap();
        let account = ended(&mut wire).await;
        assert!(account.contains("signal: 9 (SIGKILL)"), "{account}");
    });
}

#[test]
fn m_04_a_program_that_cannot_be_started_is_an_error_with_address_and_cause() {
    let directory = directory();
    let file = directory.path().join("not executable");
    fs::write(&file, "data").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    block_on(async {
        for (program, cause) in [
            ("/nowhere/program", "No such file"),
            ("no-such-program-in-the-path", "No such file"),
            (file.to_str().unwrap(), "Permission denied"),
            (directory.path().to_str().unwrap(), "Permission denied"),
        ] {
            let address = Endpoint::from_words([program, "argument"]).unwrap();
            let error = connect(&address).await.unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{error}");
            assert_eq!(error.address(), Some(address.to_string().as_str()));
            assert!(error.message().contains(program) && error.message().contains(cause), "{error}");
        }
    });
}

#[test]
fn m_05_no_zombie_is_left_however_the_wire_is_dropped() {
    // While the runtime runs.
    let child = block_on(async {
        let wire = greeted(&exec("echo")).await;
        let child = pid(&wire);
        drop(wire);
        tokio::task::spawn_blocking(move || eventually("reaped", || is_gone(child))).await.unwrap();
        child
    });
    assert!(is_gone(child));
    // While it exists and nobody runs it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wire = runtime.block_on(greeted(&exec("echo")));
    let child = pid(&wire);
    drop(wire);
    eventually("reaped without the runtime", || is_gone(child));
    // After it, with a child that does not leave by itself.
    let wire = runtime.block_on(connect(&exec("stubborn"))).unwrap();
    let child = pid(&wire);
    drop(wire);
    drop(runtime);
    eventually("killed with the runtime", || is_gone(child));
}

#[test]
fn m_05_a_child_that_does_not_leave_is_killed_after_a_grace() {
    block_on(async {
        let mut wire = connect(&exec("stubborn")).await.unwrap();
        let child = pid(&wire);
        let begun = Instant::now();
        wire.writer.shutdown().await.unwrap();
        let account = ended(&mut wire).await;
        assert!(account.contains("SIGKILL"), "{account}");
        assert!(begun.elapsed() >= Duration::from_secs(1));
        assert!(is_gone(child));
    });
}

#[test]
fn m_06_a_child_may_fill_its_stderr() {
    block_on(async {
        let mut wire = greeted(&exec("noisy")).await;
        echoes(&mut wire).await;
        wire.writer.shutdown().await.unwrap();
        let account = ended(&mut wire).await;
        assert!(account.len() < 8 << 10, "only the end is kept");
    });
}

#[test]
fn m_07_no_sibling_holds_a_child_open() {
    block_on(async {
        let mut first = greeted(&exec("echo")).await;
        // Both are started while our ends of the first one's pipes are open.
        let second = greeted(&exec("echo")).await;
        let mut sibling = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        first.writer.shutdown().await.unwrap();
        let account = ended(&mut first).await;
        assert!(account.contains("exited with status 0"), "{account}");
        drop(second);
        sibling.kill().unwrap();
        sibling.wait().unwrap();
    });
}

#[test]
fn m_08_a_pipe_lent_to_a_server_comes_back_blocking() {
    let (input, our_output) = std::io::pipe().unwrap();
    let (mut our_input, output) = std::io::pipe().unwrap();
    let kept = [OwnedFd::from(input.try_clone().unwrap()), OwnedFd::from(output.try_clone().unwrap())];
    let mut server = command("echo").stdin(input).stdout(output).spawn().unwrap();
    let is_blocking = |fd: &OwnedFd| !rustix::fs::fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK);
    eventually("the server has taken its streams", || !kept.iter().any(is_blocking));
    drop(our_output);
    assert!(server.wait().unwrap().success());
    assert!(kept.iter().all(is_blocking));
    drop(kept);
    let mut printed = Vec::new();
    our_input.read_to_end(&mut printed).unwrap();
    assert!(printed.ends_with(&GREETING));
}

#[test]
fn stdio_also_serves_sockets_and_files() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let theirs = OwnedFd::from(theirs);
    let mut server = command("echo").stdin(theirs.try_clone().unwrap()).stdout(theirs).spawn().unwrap();
    (&ours).write_all(b"over a socket").unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let mut printed = Vec::new();
    (&ours).read_to_end(&mut printed).unwrap();
    assert!(printed.ends_with(&[&GREETING[..], b"over a socket"].concat()));
    assert!(server.wait().unwrap().success());

    let directory = directory();
    fs::write(directory.path().join("in"), "from a file").unwrap();
    let output = fs::File::create(directory.path().join("out")).unwrap();
    let input = fs::File::open(directory.path().join("in")).unwrap();
    assert!(command("echo").stdin(input).stdout(output).status().unwrap().success());
    let printed = fs::read(directory.path().join("out")).unwrap();
    assert!(printed.ends_with(&[&GREETING[..], b"from a file"].concat()));
}
