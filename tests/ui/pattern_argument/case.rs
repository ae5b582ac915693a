use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self, (a, b): (u32, u32)) -> u32;
    async fn put(&self, _: u32) -> u32;
}

fn main() {}
