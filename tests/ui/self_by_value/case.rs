use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn end(self);
    async fn change(mut self);
}

fn main() {}
