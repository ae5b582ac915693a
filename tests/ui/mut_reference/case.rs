use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn fill(&self, buffer: &mut Vec<u8>);
}

fn main() {}
