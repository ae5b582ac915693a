use traitwire::ipc_service;

#[ipc_service(crate = "not a path")]
pub trait Store {
    async fn get(&self);
}

fn main() {}
