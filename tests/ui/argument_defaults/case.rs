use traitwire::{Context, Streaming, ipc_service};

#[ipc_service]
pub trait Service {
    async fn middle(&self, #[ipc(default)] first: u32, last: u32);
    async fn context(&self, #[ipc(default)] context: &Context);
    async fn stream(&self, #[ipc(default)] items: Streaming<u8>);
    async fn list(&self, #[ipc(default(7))] number: u32);
    async fn bare(&self, #[ipc] number: u32);
    async fn twice(&self, #[ipc(default)] #[ipc(default = 7)] number: u32);
    async fn misspelt(&self, #[ipc(defualt)] number: u32);
    async fn fine(&self, first: u32, #[ipc(default)] second: u32, context: &Context, #[ipc(default = 7)] third: u8);
    async fn fine_too(&self, #[ipc(default)] first: u32, second: Option<u8>);
}

fn main() {}
