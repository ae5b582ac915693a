use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn put(key: u32);
}

fn main() {}
