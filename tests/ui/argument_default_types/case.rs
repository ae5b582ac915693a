use traitwire::{ipc_service, ipc_type};

#[ipc_type]
pub struct Filter;

#[ipc_service]
pub trait Service {
    async fn bare(&self, #[ipc(default)] filter: Filter);
    async fn stated(&self, #[ipc(default = "seven")] number: u32);
}

fn main() {}
