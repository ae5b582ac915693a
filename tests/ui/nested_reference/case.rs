use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self, key: Option<&str>, keys: &[&str], pair: &(u32, &u32)) -> u32;
}

fn main() {}
