use traitwire::ipc_service;

#[ipc_service]
#[ipc(timeout = "2s")]
pub trait Store {
    #[ipc(spawn)]
    const LIMIT: u32;
    async fn get(&self, #[ipc(name = "key")] key: u32, #[allow(unused)] other: u32);
}

fn main() {}
