use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self, mut key: u32) -> u32;
}

fn main() {}
