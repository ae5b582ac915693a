use traitwire::ipc_service;

#[ipc_service]
pub trait Store
where
    Self: Sized,
{
    async fn get(&self, key: u32) -> u32;
}

fn main() {}
