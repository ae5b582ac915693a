use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn new(&mut self);
    fn get(&self, mut key: Option<&str>) -> Self;
    #[ipc(timeot = "1s")]
    async fn put(&self, value: &mut u8);
}

fn main() {}
