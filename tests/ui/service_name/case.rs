use traitwire::ipc_service;

#[ipc_service(name = "")]
pub trait Store {
    async fn get(&self);
}

#[ipc_service(name = "a.b")]
pub trait Other {
    async fn get(&self);
}

#[ipc_service(name = 7)]
pub trait Third {
    async fn get(&self);
}

fn main() {}
