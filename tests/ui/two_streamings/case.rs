use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn merge(&self, left: Streaming<u8>, right: Streaming<u8>) -> u64;
}

fn main() {}
