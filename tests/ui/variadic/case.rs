use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn print(&self, format: String, ...);
}

fn main() {}
