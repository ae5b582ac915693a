use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn run(&self, job: fn(u32) -> u32) -> u32;
}

fn main() {}
