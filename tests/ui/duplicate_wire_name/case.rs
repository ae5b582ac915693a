use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self);
    #[ipc(name = "get")]
    async fn fetch(&self);
}

fn main() {}
