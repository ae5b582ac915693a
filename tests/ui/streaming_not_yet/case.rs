use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn sum(&self, values: Streaming<i64>) -> i64;
    async fn lots(&self, values: Vec<Streaming<i64>>) -> i64;
}

fn main() {}
