use traitwire::ipc_service;

use std::rc::Rc;

#[ipc_service]
pub trait Service {
    async fn get(&self) -> u32;
}

pub struct Implementation;

impl Service for Implementation {
    async fn get(&self) -> u32 {
        let shared = Rc::new(1);
        std::future::ready(()).await;
        *shared
    }
}

fn main() {}
