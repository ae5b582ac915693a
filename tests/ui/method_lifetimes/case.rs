use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn get<'a>(&'a self, key: &'a str) -> u32;
    async fn put(&self, key: &'static str, value: std::borrow::Cow<'_, str>);
}

fn main() {}
