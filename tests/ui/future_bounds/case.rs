use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    fn get(&self) -> impl Future<Output = u32> + Unpin + 'static;
}

fn main() {}
