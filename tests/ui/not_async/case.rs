use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    fn get(&self, key: u32) -> u32;
    fn put(&self);
    fn boxed(&self) -> std::pin::Pin<Box<dyn Future<Output = u32>>>;
}

fn main() {}
