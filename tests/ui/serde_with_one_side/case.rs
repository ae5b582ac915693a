use traitwire::ipc_type;

#[ipc_type]
pub struct Person {
    #[serde(serialize_with = "shout")]
    pub name: String,
    #[serde(deserialize_with = "listen")]
    pub title: String,
}

fn shout<S: traitwire::__private::serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text.to_uppercase())
}

fn listen<'de, D: traitwire::__private::serde::Deserializer<'de>>(_: D) -> Result<String, D::Error> {
    Ok(String::new())
}

fn main() {}
