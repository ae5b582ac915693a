use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(timeout = "2 parsecs")]
    async fn far(&self);
    #[ipc(timeout = "0s")]
    async fn zero(&self);
    #[ipc(timeout = "10us")]
    async fn short(&self);
    #[ipc(timeout = 2)]
    async fn number(&self);
    #[ipc(timeout)]
    async fn none(&self);
}

fn main() {}
