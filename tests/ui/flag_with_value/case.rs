use traitwire::ipc_service;

#[ipc_service(transparent = true)]
pub trait Service {
    #[ipc(idempotent = true)]
    async fn get(&self) -> Result<u8, u8>;
    #[ipc(spawn(always))]
    async fn put(&self) -> Result<u8, u8>;
}

fn main() {}
