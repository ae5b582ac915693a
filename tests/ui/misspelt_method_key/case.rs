use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(idempotant)]
    async fn get(&self);
    #[ipc(timout = "2s", colour)]
    async fn put(&self);
}

fn main() {}
