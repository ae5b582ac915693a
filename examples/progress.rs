//! A job in another process that calls back: how far it is, and whether it shall go on. The reporter is an object of
//! this process, passed as an argument; the answer it gives is what stops the job.
//!
//! `cargo run --example progress`

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};

use traitwire::{Endpoint, Server, ipc_service, ipc_type};

/// What the job tells whoever ordered it.
#[ipc_service]
pub trait Progress {
    /// So many percent are done. Shall it go on?
    async fn report(&self, percent: u32) -> bool;
}

/// What there is to do.
#[ipc_type]
pub struct Job {
    /// Numbers below this are looked at.
    pub below: u64,
    /// A client is a value like any other, here in a field.
    pub progress: ProgressClient,
}

/// Somebody who counts prime numbers.
#[ipc_service]
pub trait Worker {
    /// How many there are; less if the job was stopped.
    async fn count_primes(&self, job: Job) -> u64;
}

struct Counter;

impl Worker for Counter {
    async fn count_primes(&self, job: Job) -> u64 {
        let mut primes = 0;
        for percent in 0..100 {
            let block = job.below * percent / 100..job.below * (percent + 1) / 100;
            primes += block.filter(|number| is_prime(*number)).count() as u64;
            // The call goes back over the connection that the job came on. An error says that nobody is there.
            match job.progress.report(percent as u32 + 1).await {
                Ok(true) => {}
                Ok(false) | Err(_) => break,
            }
        }
        primes
    }
}

/// Shows what is reported, and stops the job at some point.
struct Bar {
    stop_at: u32,
    seen: AtomicU32,
}

impl Progress for Bar {
    async fn report(&self, percent: u32) -> bool {
        self.seen.store(percent, Ordering::Relaxed);
        if percent.is_multiple_of(25) {
            println!("{percent} % done");
        }
        percent < self.stop_at
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        println!("the worker has let go of its reporter, at {} %", self.seen.load(Ordering::Relaxed));
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("work") {
        let server = Server::builder().service(WorkerServer::new(Counter)).bind("stdio:").await?;
        return Ok(server.run().await?);
    }
    let program = std::env::current_exe()?;
    let words = [program.as_os_str().as_encoded_bytes(), b"work"];
    let worker = WorkerClient::connect(Endpoint::from_words(words)?).await?;

    for stop_at in [100, 50] {
        let progress = ProgressClient::local(Bar { stop_at, seen: AtomicU32::new(0) });
        let primes = worker.count_primes(Job { below: 100_000, progress }).await?;
        println!("{primes} primes");
    }
    worker.channel().close().await;
    Ok(())
}

fn is_prime(number: u64) -> bool {
    number > 1
        && (2..)
            .take_while(|divisor| divisor * divisor <= number)
            .all(|divisor| !number.is_multiple_of(divisor))
}
