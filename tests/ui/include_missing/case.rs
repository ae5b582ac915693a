traitwire::include_interface!("there/is/no/such.idl");

fn main() {}
