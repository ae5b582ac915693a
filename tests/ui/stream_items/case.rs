use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    fn lines(&self) -> impl Stream<Item = &str>;
    fn numbers(&self) -> impl Stream;
    fn aliased(&self) -> impl Stream<Item = Result<u8>>;
}

fn main() {}
