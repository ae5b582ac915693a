use traitwire::ipc_service;

#[ipc_service]
pub trait Service {
    async fn whoami(&self, cx: Context) -> String;
}

fn main() {}
