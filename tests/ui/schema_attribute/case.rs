use traitwire::ipc_type;

#[ipc_type]
#[schema(az = "u32")]
pub struct Point {
    #[schema(as = "not a type")]
    pub x: i32,
    #[schema]
    pub y: i32,
}

fn main() {}
