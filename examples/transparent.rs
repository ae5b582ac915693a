//! A function that takes an object here and one elsewhere, and need not know which it has.
//!
//! `cargo run --example transparent`

use std::error::Error;
use std::time::Duration;

use traitwire::{RpcError, Server, ipc_service, ipc_type};

/// Why there is no temperature.
#[ipc_type]
pub enum Trouble {
    /// There is no thermometer in this room.
    NoThermometer,
    /// The house did not answer.
    NoAnswer(RpcError),
}

/// A call that failed is one more reason: this is what `transparent` asks for.
impl From<RpcError> for Trouble {
    fn from(error: RpcError) -> Self {
        Self::NoAnswer(error)
    }
}

/// How warm it is in a house.
#[ipc_service(transparent)]
pub trait House {
    /// The temperature of a room, in degrees Celsius.
    async fn celsius(&self, room: &str) -> Result<f32, Trouble>;
}

struct Cottage;

impl House for Cottage {
    async fn celsius(&self, room: &str) -> Result<f32, Trouble> {
        match room {
            "kitchen" => Ok(21.5),
            "cellar" => Ok(11.0),
            _ => Err(Trouble::NoThermometer),
        }
    }
}

/// Knows the trait, and nothing of processes.
async fn report(house: &impl House) {
    for room in ["kitchen", "cellar", "attic"] {
        match house.celsius(room).await {
            Ok(celsius) => println!("  {room}: {celsius} °C"),
            Err(Trouble::NoThermometer) => println!("  {room}: no thermometer"),
            Err(Trouble::NoAnswer(error)) => println!("  {room}: {error}"),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("a house here");
    report(&Cottage).await;

    let server = Server::builder().service(HouseServer::new(Cottage)).bind("tcp://127.0.0.1:0").await?;
    let address = server.endpoint().clone();
    let handle = server.spawn();
    println!("a house at {address}");
    let house = HouseClient::connect(address).await?;
    report(&house).await;

    println!("the same, when nobody is there any more");
    handle.shutdown(Duration::from_secs(1)).await?;
    report(&house).await;
    Ok(())
}
