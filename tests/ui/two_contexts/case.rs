use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn whoami(&self, cx: &Context, again: &Context) -> String;
}

fn main() {}
