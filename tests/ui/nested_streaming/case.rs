use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn merge(&self, streams: Vec<Streaming<u8>>) -> u64;
    async fn watch(&self) -> Streaming<u8>;
    async fn lent(&self, values: &Streaming<u8>);
}

fn main() {}
