use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(name = "")]
    async fn get(&self);
    #[ipc(name = "a method")]
    async fn put(&self);
}

fn main() {}
