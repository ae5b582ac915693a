use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn twin(&self, other: Self) -> Option<Self>;
    async fn item(&self) -> Self::Item;
}

fn main() {}
