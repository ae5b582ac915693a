//! A client that outlives its server: the server's process is replaced and killed under it, and the calls go on.
//!
//! `cargo run --example reconnect`

use std::error::Error;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio_stream::StreamExt;
use traitwire::{CallError, Executed, Server, ipc_service};

/// A clerk who needs a moment for a letter.
#[ipc_service]
pub trait Office {
    /// Stamps a letter, and says which process did. Stamping twice does harm.
    async fn stamp(&self, letter: u32) -> u32;
    /// Which process is at work. Asking twice does none.
    #[ipc(idempotent)]
    async fn clerk(&self) -> u32;
    /// Returns once letter 13 is on the desk.
    async fn stuck(&self);
}

#[derive(Default)]
struct Clerk {
    stuck: Notify,
}

impl Office for Clerk {
    async fn stamp(&self, letter: u32) -> u32 {
        // Letter 13 is never done with.
        if letter == 13 {
            self.stuck.notify_one();
            std::future::pending::<()>().await;
        }
        std::process::id()
    }

    async fn stuck(&self) {
        self.stuck.notified().await;
    }

    async fn clerk(&self) -> u32 {
        std::process::id()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(address) = std::env::args().nth(1) {
        return serve(&address).await;
    }
    let scratch = tempfile::tempdir()?;
    let address = format!("unix:{}", scratch.path().join("office.sock").display());
    let mut server = start(&address).await?;

    // Without `wait_for_ready` a call made while nobody listens fails at once.
    let office = OfficeClient::connect(format!("{address}?wait_for_ready=on")).await?;
    let mut states = office.channel().states();
    let watching = tokio::spawn(async move {
        while let Some(state) = states.next().await {
            println!("the channel is {state:?}");
        }
    });
    println!("the clerk is process {}", office.clerk().await?);

    // Killed in the middle of a call: whether the letter was stamped cannot be known, so nobody tries again.
    let (stamping, other) = (office.clone(), office.clone());
    let stamping = tokio::spawn(async move { stamping.stamp(13).await });
    other.stuck().await?;
    server.kill().await?;
    match stamping.await? {
        Err(CallError::Rpc(error)) if error.executed() == Executed::Maybe => println!("letter 13: {error}"),
        other => return Err(format!("letter 13: {other:?}").into()),
    }

    // This call waits for the next process.
    let waiting = tokio::spawn(async move { other.clerk().await });
    server = start(&address).await?;
    println!("the clerk is process {}", waiting.await??);
    println!("letter 14 is stamped by process {}", office.stamp(14).await?);

    office.channel().close().await;
    watching.await?;
    server.kill().await?;
    Ok(())
}

/// Starts the serving process and waits until it listens.
async fn start(address: &str) -> Result<Child, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut server = Command::new(program).arg(address).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let said = BufReader::new(server.stdout.take().expect("piped")).lines().next_line().await?;
    said.map(|_| server).ok_or_else(|| "the server did not start".into())
}

async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::builder().service(OfficeServer::new(Clerk::default())).bind(address).await?;
    println!("serving");
    Ok(server.run().await?)
}
