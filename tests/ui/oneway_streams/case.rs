use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    #[ipc(oneway)]
    async fn upload(&self, lines: Streaming<String>);
    #[ipc(oneway)]
    fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
