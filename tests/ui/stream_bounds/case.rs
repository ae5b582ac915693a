use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    fn lines(&self) -> impl Stream<Item = String> + Send + Unpin + 'static;
}

fn main() {}
