use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(spawn + idempotent)]
    async fn get(&self);
}

fn main() {}
