use traitwire::ipc_service;

#[ipc_service(nme = "Shop", colour = "red")]
pub trait Store {
    async fn get(&self);
}

fn main() {}
