//! Room at the end of each structure of the model for what later versions say there: a block of bytes, which whoever
//! does not know it skips. Never in JSON, and never looked at.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use serde_bytes::Bytes;

/// Writes the last field of a structure, and behind it that there is nothing more.
pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return value.serialize(serializer);
    }
    let mut both = serializer.serialize_tuple(2)?;
    both.serialize_element(value)?;
    both.serialize_element(Bytes::new(&[]))?;
    both.end()
}

/// Reads the last field of a structure, and skips what is behind it.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    if deserializer.is_human_readable() {
        return T::deserialize(deserializer);
    }
    <(T, Skipped)>::deserialize(deserializer).map(|(value, Skipped)| value)
}

/// A block of bytes, whatever they are.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Skipped)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block of bytes")
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Self, A::Error> {
        while bytes.next_element::<u8>()?.is_some() {}
        Ok(self)
    }
}
