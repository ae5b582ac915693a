traitwire::include_interface!();
traitwire::include_interface!(calculator);
traitwire::include_interface!("a.idl", contxt);
traitwire::include_interface!("a.idl" "b.idl");

fn main() {}
