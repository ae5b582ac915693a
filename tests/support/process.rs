//! This test program started again in another role: a process that can be killed, starved and measured.

use std::future::Future;
use std::io::{self, BufRead, BufReader, Write};
use std::panic::AssertUnwindSafe;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tokio::io::AsyncBufReadExt;
use tokio::signal::unix::{SignalKind, signal};
use traitwire::Server;

use super::hostile;
use super::probe::{ProbeClient, ProbeServer, Prober};
use super::raw::{self, Greeting, Raw};

const ROLE: &str = "TRAITWIRE_TEST_ROLE";
const FILES: &str = "TRAITWIRE_TEST_FILES";

/// A line for the parent. What the test harness prints may stand before the mark.
const MARK: &str = "@@";

/// A child in some role. It ends with its parent, and at the latest when this is dropped.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a child and waits for its first word.
    pub fn start(role: &str, files: Option<u64>) -> (Self, String) {
        let program = std::env::current_exe().expect("the test's own program");
        let mut command = Command::new(program);
        command.args(["--exact", "another_role", "--nocapture", "--test-threads=1"]).env(ROLE, role);
        if let Some(files) = files {
            command.env(FILES, files.to_string());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child process");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut process = Self { input: child.stdin.take(), child, output };
        let word = process.word();
        (process, word)
    }

    /// What the child says next.
    pub fn word(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.read_line(&mut line).expect("the child's output");
            assert!(read > 0, "the child ended: {:?}", self.child.try_wait());
            if let Some((_, word)) = line.split_once(MARK) {
                return word.trim().to_owned();
            }
        }
    }

    pub fn tell(&mut self, command: &str) {
        writeln!(self.input.as_mut().expect("open"), "{command}").expect("the child listens");
    }

    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("the child is there");
    }

    /// `kill -STOP`, and the certainty that it runs no more.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.child.id());
        while !std::fs::read_to_string(&stat).expect("the child is there").contains(") T ") {
            std::thread::yield_now();
        }
    }

    /// `kill -9`, and the certainty that it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is there");
        self.child.wait().expect("it ends");
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// Its exit code, once it has ended.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// Open descriptors.
    pub fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    /// Mappings of files without a name, which shared memory is.
    pub fn maps(&self) -> usize {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.child.id())).unwrap_or_default();
        maps.lines().filter(|line| line.contains("/memfd:")).count()
    }

    /// Bytes of memory in use that is its own: not of files, nor shared.
    pub fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        let pages: Vec<u64> = text.split(' ').filter_map(|pages| pages.parse().ok()).collect();
        let own = pages.get(1).zip(pages.get(2)).map_or(0, |(resident, shared)| resident - shared);
        own * rustix::param::page_size() as u64
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the child does; `false` in the parent.
pub fn play_role() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    std::panic::set_hook(Box::new(|_| ()));
    if let Some(files) = std::env::var(FILES).ok().and_then(|files| files.parse().ok()) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: Some(files) }).expect("a limit");
    }
    let words: Vec<&str> = role.split(' ').collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    // Never dropped: it would wait for the thread that reads standard input.
    let runtime = runtime.expect("a runtime");
    let role = async {
        match *words {
            ["server", address] => serve(address).await,
            ["deaf", address] => with_parent(serve_never(address)).await,
            ["client", address, point] => with_parent(be_client(address, point)).await,
            _ => 2,
        }
    };
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(role)));
    std::process::exit(played.unwrap_or(101))
}

fn say(word: impl std::fmt::Display) {
    println!("{MARK}{word}");
    let _ = io::stdout().flush();
}

/// Does not outlive the parent.
async fn with_parent(role: impl Future<Output = i32>) -> i32 {
    let mut commands = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    tokio::select! {
        code = role => code,
        _ = commands.next_line() => 3,
    }
}

/// Serves until it is told `stop GRACE` (or gets SIGTERM, with a grace of five seconds), or its parent ends.
async fn serve(address: &str) -> i32 {
    let service = ProbeServer::new(Prober::default());
    let server = Server::builder().service(service).bind(address).await.expect("an address");
    let mut terminated = signal(SignalKind::terminate()).expect("a signal");
    // As an application has handlers of its own: a call that is interrupted has to go on.
    let kinds = [SignalKind::hangup(), SignalKind::user_defined1(), SignalKind::alarm()];
    let _interrupts = kinds.map(|kind| signal(kind).expect("a signal"));
    let endpoint = server.endpoint().clone();
    let handle = server.spawn();
    say(endpoint);
    let mut commands = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    let grace = tokio::select! {
        _ = terminated.recv() => Duration::from_secs(5),
        command = commands.next_line() => match command.ok().flatten().as_deref() {
            Some(command) => {
                let grace = command.strip_prefix("stop ").and_then(|text| text.parse().ok());
                Duration::from_millis(grace.expect("a grace"))
            }
            None => return 3,
        },
    };
    let ended = tokio::select! {
        ended = handle.shutdown(grace) => ended,
        // A second signal forces.
        _ = terminated.recv() => handle.shutdown(Duration::ZERO).await,
    };
    say(ended.expect("an end").cut_off);
    0
}

/// Listens and never accepts.
async fn serve_never(address: &str) -> i32 {
    let server = Server::builder().service(ProbeServer::new(Prober::default())).bind(address).await;
    let server = server.expect("an address");
    say(server.endpoint());
    std::future::pending::<()>().await;
    drop(server);
    0
}

/// A client that gets itself into a state, says so, and waits there for its end.
async fn be_client(address: &str, point: &str) -> i32 {
    match point {
        "silent" => {
            let _raw = Raw::open(address).await.expect("a connection");
            say("there");
            std::future::pending::<()>().await;
        }
        "half_hello" => {
            let hello = Greeting::default().bytes();
            let _crowd = hostile::crowd(address, 1, &hello[..9]).await.expect("a connection");
            say("there");
            std::future::pending::<()>().await;
        }
        "half_frame" => {
            let (mut raw, greeting) = Raw::greet(address).await.expect("a connection");
            let part = raw::call_part(0, greeting.method("echo"), 1 << 20, &[1; 5000]);
            raw.send(&part[..3000]).await.expect("sent");
            say("there");
            std::future::pending::<()>().await;
        }
        "idle" => {
            let client = ProbeClient::connect(address).await.expect("a connection");
            client.add(1, 2).await.expect("a sum");
            say("there");
            std::future::pending::<()>().await;
        }
        "calling" => {
            let client = ProbeClient::connect(address).await.expect("a connection");
            let holding = [client.clone(), client.clone()];
            holding.into_iter().for_each(|client| drop(tokio::spawn(async move { client.hold().await })));
            let spawned = client.clone();
            tokio::spawn(async move { spawned.hold_spawned().await });
            while client.counts().await.expect("counts").running < 3 {}
            say("there");
            std::future::pending::<()>().await;
        }
        "sending" => {
            let client = ProbeClient::connect(address).await.expect("a connection");
            client.echo(vec![1; 1 << 20]).await.expect("an echo");
            say("there");
            loop {
                client.echo(vec![1; 1 << 20]).await.expect("an echo");
            }
        }
        "starved" => {
            starve(address).await;
            std::future::pending::<()>().await;
        }
        "devouring" => {
            devour(address).await;
            std::future::pending::<()>().await;
        }
        "cramped" => {
            let limit = Rlimit { current: Some(64 << 10), maximum: getrlimit(Resource::Fsize).maximum };
            setrlimit(Resource::Fsize, limit).expect("a limit");
            let error = ProbeClient::connect(address).await.expect_err("no memory");
            assert!(error.to_string().contains("ulimit -f"), "{error}");
            say("there");
            std::future::pending::<()>().await;
        }
        "forking" => {
            let client = ProbeClient::connect(address).await.expect("a connection");
            client.add(1, 2).await.expect("a sum");
            // Only where it knows of nothing that is this process's does it end with it.
            let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().expect("a child");
            client.add(1, 2).await.expect("a sum");
            say(child.id());
            std::future::pending::<()>().await;
            let _ = child.wait();
        }
        _ => return 2,
    }
    0
}

/// Connects with fewer and fewer descriptors to be had, and says what each attempt failed of.
async fn starve(address: &str) {
    let client = ProbeClient::connect(address).await.expect("a connection");
    client.add(1, 2).await.expect("a sum");
    let count = |folder: &str| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let most = getrlimit(Resource::Nofile).maximum;
    for left in (0..4).rev() {
        let before = count("/proc/self/fd");
        let current = Some(before as u64 + 20);
        setrlimit(Resource::Nofile, Rlimit { current, maximum: most }).expect("a limit");
        let mut hungry = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect::<Vec<_>>();
        hungry.truncate(hungry.len() - left);
        let connected = ProbeClient::connect(address).await.map(drop);
        drop(hungry);
        while count("/proc/self/fd") > before {
            tokio::task::yield_now().await;
        }
        say(connected.map_or_else(|error| error.to_string(), |()| "connected".to_owned()));
    }
    client.add(1, 2).await.expect("a sum");
}

/// Has taken each descriptor by the time that it is connected. Says what becomes of it.
async fn devour(address: &str) {
    let before = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64;
    let limit = Rlimit { current: Some(before + 10), maximum: getrlimit(Resource::Nofile).maximum };
    setrlimit(Resource::Nofile, limit).expect("a limit");
    say(before + 10);
    let address = address.to_owned();
    let connecting = tokio::spawn(async move { ProbeClient::connect(address).await.map(drop) });
    // Its own have to be there first.
    while !std::fs::read_to_string("/proc/self/maps").expect("it is there").contains("/memfd:") {
        tokio::task::yield_now().await;
    }
    let mut hungry = Vec::new();
    while !connecting.is_finished() {
        hungry.extend(std::fs::File::open("/dev/null"));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say(connecting
        .await
        .expect("no panic")
        .map_or_else(|error| error.to_string(), |()| "connected".to_owned()));
}
