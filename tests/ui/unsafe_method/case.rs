use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async unsafe fn get(&self) -> u32;
}

fn main() {}
