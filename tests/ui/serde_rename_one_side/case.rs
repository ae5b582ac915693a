use traitwire::ipc_type;

#[ipc_type]
#[serde(rename(serialize = "Man"))]
pub struct Person {
    #[serde(rename(deserialize = "title"))]
    pub name: String,
    #[serde(rename(serialize = "a", deserialize = "b"))]
    pub age: u8,
}

#[ipc_type]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Place {
    pub of_birth: String,
}

#[ipc_type]
pub enum Kind {
    #[serde(rename(serialize = "second"))]
    First,
}

fn main() {}
