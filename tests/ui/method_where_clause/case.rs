use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self) -> u32
    where
        Self: Sized;
}

fn main() {}
