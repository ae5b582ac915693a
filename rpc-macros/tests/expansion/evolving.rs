#[ipc_service]
pub trait Archive {
    async fn search(
        &self,
        text: &str,
        context: &Context,
        #[ipc(default)] filter: Filter,
        #[ipc(default = 10)] limit: u32,
        #[ipc(default = "en")] language: &str,
        #[ipc(default = vec![1])] pages: &[u32],
    ) -> Vec<String>;
}
