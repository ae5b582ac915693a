use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc]
    async fn get(&self);
    #[ipc = "spawn"]
    async fn put(&self);
}

fn main() {}
