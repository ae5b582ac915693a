use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(priority = "high")]
    async fn note(&self, text: String);
}

fn main() {}
