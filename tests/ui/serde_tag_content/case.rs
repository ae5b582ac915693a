use traitwire::ipc_type;

#[ipc_type]
#[serde(tag = "kind", content = "value")]
pub enum Value {
    Number(i64),
    Text(String),
}

fn main() {}
