use traitwire::ipc_type;

#[ipc_type]
pub union Bits {
    pub word: u32,
    pub bytes: [u8; 4],
}

#[ipc_type]
fn free() {}

#[ipc_type]
trait Service {}

#[ipc_type]
type Alias = u32;

#[ipc_type]
impl u8 {}

fn main() {}
