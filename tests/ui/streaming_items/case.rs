use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn upload(&self, lines: Streaming<&str>);
    async fn anything(&self, lines: Streaming);
    async fn traits(&self, lines: Streaming<impl Clone>);
}

fn main() {}
