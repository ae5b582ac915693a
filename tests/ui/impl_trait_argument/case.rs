use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self, key: impl Into<String>) -> u32;
}

fn main() {}
