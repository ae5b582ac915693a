use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    fn lines(&self) -> Result<impl Stream<Item = String>, u16>;
}

fn main() {}
