use traitwire::ipc_type;

#[ipc_type]
pub struct Person {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub age: u8,
}

fn main() {}
