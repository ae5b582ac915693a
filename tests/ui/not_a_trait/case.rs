use traitwire::ipc_service;

#[ipc_service]
pub struct Store;

#[ipc_service]
impl Store {}

#[ipc_service]
pub enum Kind {}

#[ipc_service]
fn free() {}

#[ipc_service]
mod inner {}

#[ipc_service]
const LIMIT: u32 = 1;

fn main() {}
