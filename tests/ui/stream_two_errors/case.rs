use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn lines(&self) -> Result<impl Stream<Item = Result<String, u8>>, u16>;
}

fn main() {}
