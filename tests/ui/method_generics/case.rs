use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get<T>(&self, key: T) -> u32;
    async fn sized<const N: usize>(&self) -> u32;
}

fn main() {}
