//! One program, three transports, told apart by a file; and the environment, which has the last word.
//!
//! `cargo run --example config_swap`
//! `TRAITWIRE_DAEMON=tcp://127.0.0.1:0 cargo run --example config_swap`

use std::error::Error;
use std::time::Duration;

use traitwire::{Config, Server, ipc_service};

/// Greets.
#[ipc_service]
pub trait Greeter {
    /// Greets somebody.
    async fn greet(&self, name: &str) -> String;
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: &str) -> String {
        format!("Hello, {name}!")
    }
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/config_swap.toml");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::load(FILE)?;
    for name in ["embedded", "daemon", "network"] {
        greet_at(&config, name).await?;
    }

    // What the variable does, with an environment made up for it.
    let config = Config::load(FILE)?
        .with_environment(|name| (name == "TRAITWIRE_DAEMON").then(|| "mem:instead".to_owned()));
    println!("\nwith TRAITWIRE_DAEMON=mem:instead");
    greet_at(&config, "daemon").await?;

    // What is wrong is said with its place, before anything is opened.
    let wrong =
        Config::parse("[services.daemon]\nendpoint = 'local:x'\ntimeuot = '2s'")?.with_environment(|_| None);
    println!("\na misspelt option: {}", wrong.endpoint("daemon").expect_err("there is no such option"));
    Ok(())
}

async fn greet_at(config: &Config, name: &str) -> Result<(), Box<dyn Error>> {
    let endpoint = config.endpoint(name)?;
    let server = Server::builder().service(GreeterServer::new(Polite)).bind(&endpoint).await?;
    // Where the server is: the same, but for a port that the kernel has chosen.
    let greeter = GreeterClient::connect(server.endpoint().clone());
    let handle = server.spawn();
    println!("{name:9} {:45} {}", endpoint.to_string(), greeter.await?.greet(name).await?);
    handle.shutdown(Duration::from_secs(1)).await?;
    Ok(())
}
