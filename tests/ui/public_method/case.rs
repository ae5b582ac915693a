use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    pub async fn get(&self) -> u32;
}

fn main() {}
