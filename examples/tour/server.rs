//! The service as a process: what runs there, and its parent's hold on it. Whatever happens to the parent,
//! the process leaves and takes its socket along: its life hangs on its standard input.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use traitwire::{Endpoint, Server, ServerHandle};

use crate::Fallible;
use crate::search::{Library, SearchServer};

/// Time a process has to be ready, and again to leave.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until standard input ends.
pub(crate) async fn serve(address: &str) -> Fallible<()> {
    // Control-C goes to the whole group of processes; how this one ends is the parent's decision.
    let _ignored = signal(SignalKind::interrupt())?;
    let server = Server::builder().service(SearchServer::new(Library::default())).bind(address).await?;
    if server.endpoint().scheme() == "stdio" {
        return Ok(server.run().await?);
    }
    println!("{}", server.endpoint());
    let handle = server.spawn();
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    handle.shutdown(Duration::from_secs(1)).await?;
    Ok(())
}

/// Whatever answers at an address. Dropping it ends it.
pub(crate) enum Running {
    /// In this process.
    Here(ServerHandle),
    /// In a process of its own.
    There(Process),
    /// In a process that the client starts.
    Dialled,
}

/// A child that serves.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
}

/// Starts a server for an address, and says which one to dial.
pub(crate) async fn start(address: &Endpoint) -> Fallible<(Running, Endpoint)> {
    match address.scheme() {
        "exec" => Ok((Running::Dialled, address.clone())),
        "mem" => {
            let service = SearchServer::new(Library::default());
            let server = Server::builder().service(service).bind(address).await?;
            Ok((Running::Here(server.spawn()), address.clone()))
        }
        _ => {
            let (process, endpoint) = Process::start(address).await?;
            Ok((Running::There(process), endpoint))
        }
    }
}

impl Running {
    /// Ends it in good order; its client is expected to have closed the connection.
    pub(crate) async fn stop(self) -> Fallible<()> {
        match self {
            Self::Here(handle) => _ = handle.shutdown(GRACE).await?,
            Self::There(process) => drop(process),
            Self::Dialled => {}
        }
        Ok(())
    }
}

impl Process {
    async fn start(address: &Endpoint) -> Fallible<(Self, Endpoint)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg(address.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let process = Self { child, stdin };
        let mut lines = BufReader::new(stdout.ok_or("the server has no standard output")?).lines();
        match timeout(GRACE, lines.next_line()).await?? {
            Some(line) => Ok((process, line.parse()?)),
            None => Err(format!("the server for {address} ended before it listened").into()),
        }
    }

    fn has_left(&mut self, grace: Duration) -> bool {
        let until = Instant::now() + grace;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(2));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if !self.has_left(GRACE) {
            let _ = self.child.start_kill();
            self.has_left(GRACE);
        }
    }
}
