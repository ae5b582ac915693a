/// A shelf, here or elsewhere.
#[ipc_service(transparent)]
pub trait Shelf {
    async fn get(&self, name: &str, cx: &Context) -> Result<Vec<u8>, Failure>;

    #[cfg(feature = "count")]
    fn count(&self, prefix: String) -> impl Future<Output = Result<u64, Failure>> {
        async { Ok(0) }
    }

    #[ipc(oneway)]
    async fn touch(&self, name: String);

    fn list(&self, under: Path) -> impl Stream<Item = Result<String, Failure>>;

    async fn open(&self, lines: Streaming<String>) -> Result<impl Stream<Item = Result<u8, Failure>>, Failure>;

    async fn put(&self, blocks: Streaming<Vec<u8>, Failure>) -> Result<(), Failure>;
}
