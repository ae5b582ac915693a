use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn run(&self, key: Vec<_>);
}

fn main() {}
