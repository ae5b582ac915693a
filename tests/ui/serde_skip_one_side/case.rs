use traitwire::ipc_type;

#[ipc_type]
pub struct Person {
    #[serde(skip_serializing)]
    pub name: String,
    #[serde(skip_deserializing)]
    pub age: u8,
}

#[ipc_type]
pub enum Kind {
    #[serde(skip_serializing)]
    Old,
    #[serde(skip_deserializing)]
    New,
}

fn main() {}
