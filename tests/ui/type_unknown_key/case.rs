use traitwire::ipc_type;

#[ipc_type(crat = "elsewhere")]
pub struct Point {
    pub x: i32,
}

fn main() {}
