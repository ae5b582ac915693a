use traitwire::ipc_type;

#[ipc_type]
#[serde(into = "u16")]
pub struct Port(pub u16);

impl From<Port> for u16 {
    fn from(port: Port) -> Self {
        port.0
    }
}

fn main() {}
