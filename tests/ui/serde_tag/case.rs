use traitwire::ipc_type;

#[ipc_type]
#[serde(tag = "kind")]
pub enum Value {
    Number { value: i64 },
    Nothing,
}

fn main() {}
