use traitwire::ipc_type;

#[ipc_type]
pub enum Kind {
    First,
    #[serde(skip)]
    Hidden,
    Last,
}

fn main() {}
