use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(oneway)]
    async fn note(&self, text: String) -> u64;

    #[ipc(oneway)]
    async fn try_note(&self, text: String) -> Result<(), String>;

    #[ipc(oneway)]
    async fn fine(&self);

    #[ipc(oneway)]
    async fn fine_too(&self) -> ();
}

fn main() {}
