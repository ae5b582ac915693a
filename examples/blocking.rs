//! A program without a runtime: its thread calls and waits.

use std::error::Error;
use std::time::Duration;

use traitwire::{Stream, ipc_service};

/// A thermometer.
#[ipc_service]
pub trait Thermometer {
    /// Degrees in a room.
    async fn celsius(&self, room: String) -> f32;
    /// So many measurements, one after another.
    fn measure(&self, room: String, times: u32) -> impl Stream<Item = f32>;
}

struct Wall;

impl Thermometer for Wall {
    async fn celsius(&self, room: String) -> f32 {
        18.5 + room.len() as f32 / 10.0
    }

    fn measure(&self, room: String, times: u32) -> impl Stream<Item = f32> {
        tokio_stream::iter((0..times).map(move |time| 18.5 + room.len() as f32 / 10.0 + time as f32))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // An address in place of this makes the same client of a service that is elsewhere:
    // `ThermometerBlockingClient::connect("shm:/run/house.sock")`.
    let thermometer = ThermometerBlockingClient::local(Wall).with_timeout(Duration::from_secs(2));
    println!("kitchen: {:.1} °C", thermometer.celsius("kitchen".to_owned())?);
    for degrees in thermometer.measure("cellar".to_owned(), 3) {
        println!("cellar: {:.1} °C", degrees?);
    }
    Ok(())
}
