use traitwire::ipc_type;

#[ipc_type]
pub struct Person {
    #[serde(with = "shouting")]
    pub name: String,
    #[serde(with = "traitwire::__private::serde_bytes")]
    pub id: [u8; 16],
}

mod shouting {
    use traitwire::__private::serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

fn main() {}
