use traitwire::ipc_type;

#[ipc_type]
pub struct Hidden(#[serde(skip)] pub u8);

fn main() {}
