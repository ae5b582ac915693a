use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn put(self: std::sync::Arc<Self>, key: u32);
}

fn main() {}
