use traitwire::ipc_service;

#[ipc_service(transparent)]
pub trait Store {
    async fn get(&self);
}

fn main() {}
