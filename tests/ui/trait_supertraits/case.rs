use traitwire::ipc_service;

#[ipc_service]
pub trait Store: Clone + Send + 'static + std::fmt::Debug {
    async fn get(&self, key: u32) -> u32;
}

fn main() {}
