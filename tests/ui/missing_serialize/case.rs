use traitwire::{ipc_service, Schema};

#[derive(Schema)]
pub struct Point {
    pub x: i32,
}

#[ipc_service]
pub trait Plane {
    async fn point(&self, at: Point) -> u32;
    async fn origin(&self) -> Point;
}

fn main() {}
