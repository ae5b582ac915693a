//! A service and its client, in one program for once.

use std::time::Duration;

use traitwire::{CallError, Server, ipc_service, ipc_type};

/// Why a division has no result.
#[ipc_type]
pub enum MathError {
    /// The divisor is zero.
    DivisionByZero,
}

/// A calculator, wherever it runs.
#[ipc_service]
pub trait Calculator {
    /// Adds two numbers.
    async fn add(&self, a: i64, b: i64) -> i64;
    /// Divides, if it can be done.
    async fn divide(&self, a: i64, b: i64) -> Result<i64, MathError>;
    /// Borrowed arguments are fine.
    async fn greet(&self, name: &str) -> String;
}

struct Abacus;

impl Calculator for Abacus {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, MathError> {
        a.checked_div(b).ok_or(MathError::DivisionByZero)
    }

    async fn greet(&self, name: &str) -> String {
        format!("Hello, {name}!")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The address is all that says where the service is: try `tcp://127.0.0.1:0` or `mem:calculator`.
    let address = std::env::args().nth(1).unwrap_or_else(|| "local:traitwire-hello".to_owned());

    let server = Server::builder().service(CalculatorServer::new(Abacus)).bind(address).await?;
    println!("serving at {}", server.endpoint());
    let endpoint = server.endpoint().clone();
    let handle = server.spawn();

    let calculator = CalculatorClient::connect(endpoint).await?;
    println!("2 + 3 = {}", calculator.add(2, 3).await?);
    println!("{}", calculator.greet("Rust").await?);
    match calculator.divide(1, 0).await {
        Err(CallError::Service(MathError::DivisionByZero)) => println!("1 / 0 cannot be done"),
        other => println!("1 / 0 = {other:?}?"),
    }

    handle.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}
