use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(spawn)]
    #[ipc(idempotent)]
    async fn get(&self);
}

fn main() {}
