use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn read(&self) -> std::io::Result<u32>;
    fn write(&self) -> impl Future<Output = Result<()>>;
}

fn main() {}
