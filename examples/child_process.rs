//! A service in a child process: the client starts it, and is told why when it dies.
//!
//! `cargo run --example child_process`

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use traitwire::{Endpoint, RpcError, Server, ipc_service};

/// Work that is better done by another process.
#[ipc_service]
pub trait Worker {
    /// The worker's process.
    async fn process_id(&self) -> u32;
    /// The square of a number.
    async fn square(&self, number: u64) -> u64;
    /// Takes its time.
    async fn ponder(&self);
}

struct Apprentice;

impl Worker for Apprentice {
    async fn process_id(&self) -> u32 {
        std::process::id()
    }

    async fn square(&self, number: u64) -> u64 {
        // Standard output carries the protocol, yet this does no harm: it comes out at standard error.
        println!("[worker] squaring {number}");
        number * number
    }

    async fn ponder(&self) {
        eprintln!("[worker] thinking it over");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("work") => {
            println!("[worker] not ready yet, and already talking");
            let worker = WorkerServer::new(Apprentice);
            Ok(Server::builder().service(worker).bind("stdio:").await?.run().await?)
        }
        Some("fail") => {
            eprintln!("[worker] cannot find my tools");
            std::process::exit(3);
        }
        _ => parent().await,
    }
}

async fn parent() -> Result<(), Box<dyn Error>> {
    let worker = WorkerClient::connect(this_program("work")?).await?;
    println!("12² = {}, says process {}", worker.square(12).await?, worker.process_id().await?);

    // A worker that is killed in the middle of a call.
    let process = worker.process_id().await?;
    let (call, killed) = tokio::join!(worker.ponder(), kill_soon(process));
    killed?;
    explain("killed", &call.expect_err("a dead worker does not answer").into());

    // One that never gets as far as serving, and one that does not exist.
    let error = WorkerClient::connect(this_program("fail")?).await.expect_err("it only fails");
    explain("failed to start", &error);
    let error = WorkerClient::connect("exec:/nowhere/worker --fast").await.expect_err("it is not there");
    explain("missing", &error);
    Ok(())
}

/// The address of this very program as a child: words, so that no character of the path needs quoting.
fn this_program(role: &str) -> Result<Endpoint, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    Ok(Endpoint::from_words([program.as_os_str().as_encoded_bytes(), role.as_bytes()])?)
}

async fn kill_soon(process: u32) -> Result<(), Box<dyn Error>> {
    tokio::time::sleep(Duration::from_millis(200)).await;
    Command::new("sh").args(["-c", &format!("kill -KILL {process}")]).status()?;
    Ok(())
}

fn explain(what: &str, error: &RpcError) {
    println!(
        "\n{what}: {:?}, executed: {:?}, retryable: {}",
        error.code(),
        error.executed(),
        error.is_retryable()
    );
    println!("  {}", error.to_string().replace('\n', "\n  "));
}
