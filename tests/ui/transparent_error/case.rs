use traitwire::{ipc_service, ipc_type};

#[ipc_type]
pub enum Trouble {
    Full,
}

#[ipc_service(transparent)]
pub trait Store {
    async fn put(&self, value: String) -> Result<u32, Trouble>;
    fn keys(&self) -> impl Stream<Item = Result<u32, Trouble>>;
}

fn main() {}
