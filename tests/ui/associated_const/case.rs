use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    const LIMIT: u32;
    async fn get(&self) -> u32;
}

fn main() {}
