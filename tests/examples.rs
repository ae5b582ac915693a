//! The examples as processes: what they say, how they end, and that nothing stays behind. `cargo test` builds
//! them; with `--test examples` alone they are what was built last.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Marks every process that an example starts, through however many generations.
const MARK: &str = "TRAITWIRE_TEST_MARK";
const PATIENCE: Duration = Duration::from_secs(60);
/// For a process that is on its way out.
const LAST_STEPS: Duration = Duration::from_secs(5);

/// One example, started with a temporary directory of its own.
struct Run {
    child: Option<Child>,
    mark: String,
    scratch: TempDir,
}

impl Run {
    fn start(example: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let scratch = tempfile::Builder::new().prefix("tw").tempdir().unwrap();
        let mut command = Command::new(program(example));
        command.args(arguments).envs(environment.iter().copied());
        command.env("TMPDIR", scratch.path()).env(MARK, &mark).current_dir("/");
        // A group of its own, so that an interrupt reaches all of it and none of us.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        Self { child: Some(command.spawn().unwrap()), mark, scratch }
    }

    /// To the example alone, or as a terminal does it to its whole group.
    fn signal(&self, signal: &str, whole_group: bool) {
        let sign = if whole_group { "-" } else { "" };
        let kill = format!("kill -{signal} {sign}{}", self.child.as_ref().unwrap().id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Whether the tour has made this in its temporary directory.
    fn has_made(&self, name: &str) -> bool {
        entries(&self.scratch).iter().any(|directory| directory.join(name).exists())
    }

    fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "never: {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the end, and sees to it that nothing is left.
    fn end(mut self) -> Output {
        let child = self.child.take().unwrap();
        let output = child.wait_with_output().unwrap();
        let start = Instant::now();
        while !processes(&self.mark).is_empty() && start.elapsed() < LAST_STEPS {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(processes(&self.mark), Vec::<u32>::new(), "processes left behind");
        assert_eq!(entries(&self.scratch), Vec::<PathBuf>::new(), "files left behind");
        output
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn program(example: &str) -> PathBuf {
    // target/debug/deps/examples-… is this test.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.extend(["examples", example]);
    assert!(path.exists(), "{} is missing: `cargo build --examples`, or `cargo test`", path.display());
    path
}

/// Living processes that carry the mark in their environment.
fn processes(mark: &str) -> Vec<u32> {
    let entry = format!("{MARK}={mark}");
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    let carries = |id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == entry.as_bytes())
    };
    ids.filter(carries).collect()
}

fn entries(directory: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs an example to its good end; each of the texts has to be in its output.
fn check(example: &str, arguments: &[&str], environment: &[(&str, &str)], expected: &[&str]) -> Output {
    let output = Run::start(example, arguments, environment).end();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    for expected in expected {
        assert!(said.contains(expected), "{expected:?} is missing in:\n{said}\n{complained}");
    }
    output
}

#[test]
fn hello() {
    for address in ["mem:hello", &format!("local:hello-{}", std::process::id()), "tcp://127.0.0.1:0"] {
        check("hello", &[address], &[], &["serving at ", "2 + 3 = 5\nHello, Rust!\n1 / 0 cannot be done\n"]);
    }
}

#[test]
fn readme_shows_hello_as_it_is() {
    let readme = include_str!("../README.md");
    let (_, code) = readme.split_once("```rust\n").unwrap();
    let (code, _) = code.split_once("```\n").unwrap();
    assert_eq!(code, include_str!("../examples/hello.rs"));
}

#[test]
fn tour() {
    let output = check(
        "tour",
        &["--quick"],
        &[],
        &[
            "text files of this repository",
            "Paths out of the directory are refused",
            "The answers of all 7 transports agree.",
            "Nothing is left behind",
        ],
    );
    let said = text(&output.stdout);
    let rows = |scheme: &&str| said.lines().any(|line| line.split(' ').next() == Some(scheme));
    assert!(["mem", "exec", "fifo", "unix", "local", "shm", "tcp"].iter().all(rows), "{said}");
    // No progress bar where nobody watches, and no complaints.
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn tour_interrupted() {
    type Moment = fn(&Run) -> bool;
    let moments: [(&str, Moment); 3] = [
        ("documents are written", |run| run.has_made("documents")),
        ("the child of exec: runs", |run| processes(&run.mark).len() > 1),
        ("another process serves", |run| run.has_made("search.fifo")),
    ];
    for (what, moment) in moments {
        for signal in ["INT", "TERM"] {
            let run = Run::start("tour", &[], &[]);
            run.wait_until(what, || moment(&run));
            run.signal(signal, signal == "INT");
            let output = run.end();
            assert_eq!(output.status.code(), Some(130), "{what}: {}", text(&output.stderr));
            assert!(text(&output.stderr).contains("interrupted"), "{}", text(&output.stderr));
        }
    }
}

#[test]
fn tour_killed() {
    let mut run = Run::start("tour", &[], &[]);
    run.wait_until("another process serves", || run.has_made("search.fifo"));
    run.signal("KILL", false);
    run.child.take().unwrap().wait_with_output().unwrap();
    run.wait_until("the server has left", || processes(&run.mark).is_empty());
    // Nobody is there to remove the directory and the documents; the server has removed what is its own.
    assert!(!run.has_made("search.fifo") && !run.has_made("search.fifo.lock"));
}

/// The tour's service, called from another language.
#[test]
fn python_client() {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("python3 is missing: the client in Python is not tried");
        return;
    }
    let scratch = tempfile::Builder::new().prefix("tw").tempdir().unwrap();
    let documents = scratch.path().join("letters");
    fs::create_dir(&documents).unwrap();
    fs::write(documents.join("one.txt"), "Dear reader,\nthere is no news.\n").unwrap();
    fs::write(documents.join("two.txt"), "No letters today, dear editor\n").unwrap();
    let address = format!("unix:{}/search.sock", scratch.path().display());
    let mut server = Command::new(program("tour"));
    server.args(["serve", &address]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut listening = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut listening).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python_client.py");
    let client = |directory: &str| {
        Command::new("python3").args([script, listening.trim(), directory, "dear"]).output().unwrap()
    };
    let output = client(documents.to_str().unwrap());
    let expected = "Search: index, search, read, count\n\
                    {'documents': 2, 'lines': 3, 'bytes': 61, 'words': 9}\n\
                    one.txt:1: Dear reader,\ntwo.txt:1: No letters today, dear editor\n";
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    let output = client("/nowhere");
    assert!(text(&output.stderr).contains("Unreadable: /nowhere"), "{}", text(&output.stderr));
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
    let lines = fs::read_to_string(script).unwrap().lines().count();
    assert!(lines < 150, "{lines} lines");
}

/// A side that only dials answers calls too (P-50), and says why the other side goes away.
#[test]
fn python_client_answers_calls_and_says_what_it_is_told() {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("python3 is missing: the client in Python is not tried");
        return;
    }
    // What the server sends after the call of `index`, and how the client ends. Frames are P-10, heads P-20 to P-23.
    let frame = |kind: u8, flags: u8, id: u8, payload: &[u8]| {
        [&(payload.len() as u32).to_le_bytes()[..], &[kind, flags, id, 0, 0, 0], payload].concat()
    };
    let describe = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], b"\x06Search"].concat();
    let ask = frame(1, 0, 7, &describe);
    let leave = frame(8, 0, 0, b"closed for repairs");
    let far = [0xff; 10];
    for (then, says) in [
        (leave, "closed for repairs"),
        (frame(3, 0, 0, &[1, 2, 3, 4, 5]), "the bytes go on after the value"),
        (frame(3, 0, 0, &far), "a number is larger than any can be"),
        (frame(3, 0, 0, &[1, 2, 3]), "the bytes end before the value does"),
        ([frame(3, 0, 0, &[1, 2, 3, 4]), frame(3, 4, 0, &[])].concat(), "an unknown error"),
    ] {
        let scratch = tempfile::Builder::new().prefix("tw").tempdir().unwrap();
        let path = scratch.path().join("search.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python_client.py");
        let address = format!("unix:{}", path.display());
        let client = Command::new("python3")
            .args([script, &address, "/nowhere", "dear"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        let hello = [&GENEROUS[..], b"\x01\x06Search\x02", INDEX, SEARCH].concat();
        let prefix = [&b"\xffTWIRE\xfe\n\x01\0\x01\0"[..], &(hello.len() as u32).to_le_bytes()].concat();
        socket.write_all(&[prefix, hello, ask.clone()].concat()).unwrap();
        let mut prefix = [0; 16];
        socket.read_exact(&mut prefix).unwrap();
        let mut hello = vec![0; u32::from_le_bytes(prefix[12..].try_into().unwrap()) as usize];
        socket.read_exact(&mut hello).unwrap();
        // Its call of `index` with 8 bytes of text, and its answer to the call: `Unimplemented`, not executed.
        let mut frame = [0; 20];
        socket.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"\x0a\0\0\0\x01\0\0\0\0\0\0\x08/nowhere");
        let mut header = [0; 10];
        socket.read_exact(&mut header).unwrap();
        assert_eq!(&header[4..], [3, 8, 7, 0, 0, 0]);
        let mut answer = vec![0; header[0].into()];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(answer[..2], [4, 0], "{answer:?}");
        socket.write_all(&then).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let output = client.wait_with_output().unwrap();
        assert!(text(&output.stderr).contains(says), "{says}: {}", text(&output.stderr));
    }
}

/// Limits above what the client sends, no features, generation 1.
const GENEROUS: [u8; 18] =
    [0x80, 0x80, 0x20, 0x80, 0x80, 0x80, 8, 0x80, 8, 0x80, 0x80, 0x80, 0x20, 0x80, 0x80, 0x10, 0, 1];
/// Methods of the tour's service, by name and fingerprint.
const INDEX: &[u8] = b"\x05index\xd9\xf1\xb1\x8f\xbe\xd5\xe9\xd9\x31";
const SEARCH: &[u8] = b"\x06search\xde\xd3\x88\x97\xf8\xbc\xd2\x9c\x71";

#[test]
fn tour_with_an_address_that_fails() {
    for (address, reason) in [
        ("pigeon:coop", "TRAITWIRE_TCP: unknown scheme"),
        ("tcp://192.0.2.1:0", "cannot listen here"),
        ("exec:/nowhere/tour", "cannot start the program"),
    ] {
        let output = Run::start("tour", &["--quick"], &[("TRAITWIRE_TCP", address)]).end();
        assert_eq!(output.status.code(), Some(1), "{address}");
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
}

#[test]
fn child_process() {
    let output = check(
        "child_process",
        &[],
        &[],
        &[
            "12² = 144",
            "killed: Unavailable, executed: Maybe, retryable: false",
            "SIGKILL",
            "exited with status 3; its last words on stderr: [worker] cannot find my tools",
            "cannot start the program /nowhere/worker",
        ],
    );
    let complained = text(&output.stderr);
    for line in ["[worker] not ready yet, and already talking", "[worker] squaring 12"] {
        assert!(complained.contains(line), "{line:?} is missing in:\n{complained}");
    }
}

#[test]
fn pipeline() {
    let output = check("pipeline", &["96"], &[], &["96 MiB in 384 blocks went through another process"]);
    let printed = text(&output.stdout);
    let memory = printed.lines().find(|line| line.starts_with("at most")).expect("it says how much memory");
    let mebibytes: Vec<u64> = memory.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(mebibytes.len() == 2 && mebibytes.iter().all(|mebibytes| *mebibytes < 48), "{memory}");
}

#[test]
fn progress() {
    let output = check("progress", &[], &[], &["9592 primes\n", "5133 primes\n"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("100 % done") && printed.matches("has let go").count() == 2, "{printed}");
    assert!(printed.contains("has let go of its reporter, at 50 %"), "{printed}");
}

#[test]
fn chat() {
    let answer = "guest 11 to guest 0: \"it rains\"? I had no idea!\n";
    check("chat", &["12"], &[], &[answer, "12 guests heard 144 words\n"]);
}

#[test]
fn middleware() {
    let expected = [
        "a stranger: PermissionDenied: the token is missing or wrong",
        "Safe.open answered within 1 s\nthe owner: drawer 2 holds a letter\n",
        "Safe.search failed within 1 s\nthe owner, in a hurry: DeadlineExceeded: a layer's time for it ran out",
    ];
    check("middleware", &[], &[], &expected);
}

#[test]
fn reconnect() {
    let expected = ["the channel is Closed", "it may have been executed", "letter 14 is stamped by process "];
    let output = check("reconnect", &[], &[], &expected);
    let printed = text(&output.stdout);
    let clerks = printed.lines().filter_map(|line| line.strip_prefix("the clerk is process "));
    let clerks: Vec<_> = clerks.collect();
    assert!(clerks.len() == 2 && clerks[0] != clerks[1], "{printed}");
}

#[test]
fn config_swap() {
    let local = format!("local:config-swap-{}", std::process::id());
    for (variable, printed) in
        [(local.as_str(), format!("{local}?timeout=2s ")), ("mem:x", "mem:x?timeout=2s ".to_owned())]
    {
        check(
            "config_swap",
            &[],
            &[("TRAITWIRE_DAEMON", variable)],
            &[
                "mem:greeter ",
                &printed,
                "tcp://127.0.0.1:0?max_message=64KiB ",
                "mem:instead?timeout=2s ",
                "line 3, column 11: unknown option \"timeuot\"",
            ],
        );
    }
}

#[test]
fn contract_first() {
    let expected = [
        "found The Wire, A History of Wire\nfound Wire and Rope\nlent for 14 days\n",
        "Ada has book 1\nrefused: Ada has it\n",
    ];
    check("contract_first", &[], &[], &expected);
}

#[test]
fn transparent() {
    let rooms = "  kitchen: 21.5 °C\n  cellar: 11 °C\n  attic: no thermometer\n";
    let here = format!("a house here\n{rooms}a house at tcp://127.0.0.1:");
    let gone = format!("{rooms}the same, when nobody is there any more\n  kitchen: Unavailable: ");
    check("transparent", &[], &[], &[&here, &gone]);
}

#[test]
fn blocking() {
    check("blocking", &[], &[], &["kitchen: 19.2 °C\ncellar: 19.1 °C\ncellar: 20.1 °C\ncellar: 21.1 °C\n"]);
}

#[test]
fn custom_transport() {
    check(
        "custom_transport",
        &[],
        &[],
        &[
            "connected to counted:127.0.0.1:",
            "Polly wants a cracker.",
            "afterwards: Unavailable: cannot connect (at counted:127.0.0.1:",
        ],
    );
    let source = include_str!("../examples/custom_transport.rs");
    let (_, transport) = source.split_once("// The transport begins here.").unwrap();
    let (transport, _) = transport.split_once("// The transport ends here").unwrap();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let count = transport.lines().filter(is_code).count();
    assert!(count < 40, "{count} lines of code");
}
