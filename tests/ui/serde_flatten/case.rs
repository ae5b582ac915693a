use traitwire::ipc_type;

#[ipc_type]
pub struct Outer {
    pub id: u32,
    #[serde(flatten)]
    pub inner: Inner,
}

#[ipc_type]
pub struct Inner {
    pub x: i32,
}

fn main() {}
