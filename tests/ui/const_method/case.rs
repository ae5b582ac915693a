use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    const fn get(&self) -> u32;
}

fn main() {}
