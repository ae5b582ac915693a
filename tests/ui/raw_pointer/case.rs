use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn run(&self, at: *const u8) -> *mut u8;
}

fn main() {}
