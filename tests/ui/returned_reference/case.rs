use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self) -> &str;
    async fn find(&self) -> Result<Option<&'static str>, u32>;
}

fn main() {}
