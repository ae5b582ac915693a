use traitwire::ipc_type;

#[ipc_type]
#[serde(untagged)]
pub enum Value {
    Number(i64),
    Text(String),
}

#[ipc_type]
pub enum Partly {
    Number(i64),
    #[serde(untagged)]
    Text(String),
}

fn main() {}
