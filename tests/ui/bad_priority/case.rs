use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(priority = "urgent")]
    async fn note(&self, text: String);
}

fn main() {}
