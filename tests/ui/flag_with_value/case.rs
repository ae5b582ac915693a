use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(idempotent = true)]
    async fn get(&self);
    #[ipc(spawn(always))]
    async fn put(&self);
}

fn main() {}
