use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn run(&self) -> impl Iterator<Item = u32>;
}

fn main() {}
