use traitwire::ipc_type;

#[ipc_type]
pub struct View<'a> {
    pub text: &'a str,
}

fn main() {}
