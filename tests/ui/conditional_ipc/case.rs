use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[cfg_attr(unix, ipc(spawn))]
    async fn get(&self);
}

fn main() {}
