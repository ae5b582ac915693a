//! What travels beside a call's arguments: names and values that the trait does not know. Never interpreted by
//! the framework.

use std::collections::BTreeMap;
use std::collections::btree_map;

use crate::error::{Code, RpcError};

/// Most bytes that all names and values of one call have on the wire (P-29): 8 KiB.
pub(crate) const MAX_METADATA: usize = 8 << 10;

/// Names and values that travel beside a call's arguments, such as a tenant or a trace: the handler reads them
/// from its [`Context`](crate::Context). 8 KiB together at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    entries: BTreeMap<String, Vec<u8>>,
}

impl Metadata {
    /// None at all.
    pub const EMPTY: &Self = &Self { entries: BTreeMap::new() };

    /// The value under this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries.get(name).map(Vec::as_slice)
    }

    /// The value under this name, where it is text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All of it, by name.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries.iter())
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a value, or replaces the one under this name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.entries.insert(name.into(), value.into());
    }

    /// Takes a value out.
    pub fn remove(&mut self, name: &str) -> Option<Vec<u8>> {
        self.entries.remove(name)
    }

    /// Its bytes on the wire.
    ///
    /// # Errors
    /// `TooLarge` above 8 KiB.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, RpcError> {
        let bytes = postcard::to_stdvec(&self.entries).map_err(|error| {
            RpcError::new(Code::Internal, "metadata cannot be encoded").with_source(&error)
        })?;
        if bytes.len() > MAX_METADATA {
            let message = format!("metadata of {} bytes, above the limit of {MAX_METADATA}", bytes.len());
            return Err(RpcError::new(Code::TooLarge, message));
        }
        Ok(bytes)
    }

    /// What a peer sent, in at most [`MAX_METADATA`] bytes.
    ///
    /// # Errors
    /// `Decode`.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RpcError> {
        match postcard::take_from_bytes(bytes) {
            Ok((entries, [])) => Ok(Self { entries }),
            Ok(_) => Err(RpcError::new(Code::Decode, "bytes after the last value of the metadata")),
            Err(error) => Err(RpcError::new(Code::Decode, format!("the metadata cannot be read: {error}"))),
        }
    }
}

/// The names and values of a [`Metadata`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(btree_map::Iter<'a, String, Vec<u8>>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl<'a> IntoIterator for &'a Metadata {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded_and_nothing_else_is() {
        let mut metadata = Metadata::default();
        metadata.insert("b".to_owned(), vec![0xFF]);
        metadata.insert("a".to_owned(), b"text".to_vec());
        let bytes = metadata.encode().expect("little");
        assert_eq!(bytes, b"\x02\x01a\x04text\x01b\x01\xFF");
        assert_eq!(Metadata::decode(&bytes), Ok(metadata));
        for cut in 0..bytes.len() {
            assert_eq!(Metadata::decode(&bytes[..cut]).expect_err("cut short").code(), Code::Decode);
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Metadata::decode(&longer).expect_err("too long").code(), Code::Decode);
    }
}
