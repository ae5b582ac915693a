use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(spawn, timeout = "1s", timeout = "2s")]
    async fn get(&self);
}

fn main() {}
