use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn new(&self);
    async fn connect(&self);
    async fn local(&self);
    async fn channel(&self);
    async fn clone(&self);
    async fn with_tea(&self);
}

fn main() {}
