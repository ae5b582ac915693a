use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn put(&mut self, key: u32);
}

fn main() {}
