use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async extern "C" fn get(&self) -> u32;
}

fn main() {}
