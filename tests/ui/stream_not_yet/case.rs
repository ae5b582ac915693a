use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    fn count(&self) -> impl Stream<Item = u32>;
    async fn open(&self) -> Result<impl Stream<Item = u32>, String>;
}

fn main() {}
