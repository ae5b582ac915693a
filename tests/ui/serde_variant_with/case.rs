use traitwire::ipc_type;

#[ipc_type]
pub enum Kind {
    #[serde(with = "text")]
    First(u8),
}

mod text {
    use traitwire::__private::serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(_: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        u8::deserialize(deserializer)
    }
}

fn main() {}
