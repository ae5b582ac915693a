use traitwire::__private::serde::{Deserialize, Serialize};
use traitwire::ipc_service;

#[derive(Serialize, Deserialize)]
#[serde(crate = "traitwire::__private::serde")]
pub struct Point {
    pub x: i32,
}

#[ipc_service]
pub trait Plane {
    async fn point(&self, at: Point) -> u32;
    async fn find(&self) -> Result<u32, Point>;
}

fn main() {}
