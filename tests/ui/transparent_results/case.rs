use traitwire::ipc_service;

#[ipc_service(transparent)]
pub trait Store {
    async fn clear(&self);
    async fn get(&self, key: u32) -> Option<String>;
    fn count(&self) -> impl Future<Output = u64>;
    fn keys(&self) -> impl Stream<Item = u32>;
    async fn values(&self) -> Result<impl Stream<Item = String>, RpcError>;
    fn alias(&self) -> impl Future<Output = Result<u8>>;
    #[ipc(oneway)]
    async fn touch(&self, key: u32, cx: &Context);
    async fn put(&self, values: Streaming<String>) -> Result<(), RpcError>;
}

fn main() {}
