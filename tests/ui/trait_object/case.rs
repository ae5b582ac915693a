use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get(&self, key: Box<dyn std::fmt::Debug>) -> Box<dyn Fn()>;
}

fn main() {}
