use traitwire::ipc_service;

#[ipc_service]
pub auto trait Store {
    async fn get(&self, key: u32) -> u32;
}

fn main() {}
