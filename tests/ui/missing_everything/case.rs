use traitwire::ipc_service;

pub struct Point {
    pub x: i32,
}

#[ipc_service]
pub trait Plane {
    async fn point(&self, at: &Point) -> u32;
}

fn main() {}
