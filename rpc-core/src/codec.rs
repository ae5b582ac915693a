//! Values to bytes and back: postcard, one value after another. Never decides what a body consists of, and
//! never trusts a length: bodies of recursive types pass a [`Guard`](traitwire_idl::Guard) first.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use crate::buffer::Buffer;
use crate::error::{Code, RpcError};

/// Writes values one after another into a reused buffer. The first failure is kept and given by
/// [`finish`](Self::finish).
#[derive(Debug, Default)]
pub struct Encoder {
    buffer: Buffer,
    failure: Option<postcard::Error>,
}

impl Encoder {
    /// An encoder that has written nothing yet.
    pub fn new() -> Self {
        Self { buffer: Buffer::new(), failure: None }
    }

    /// Appends one value.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> &mut Self {
        let mut serializer = postcard::Serializer { output: Append(&mut self.buffer) };
        if let Err(error) = value.serialize(&mut serializer) {
            self.failure.get_or_insert(error);
        }
        self
    }

    /// Appends a block of bytes: the same bytes as [`value`](Self::value) gives for a sequence of `u8`,
    /// copied at once.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer.reserve(bytes.len() + 10);
        self.value(serde_bytes::Bytes::new(bytes))
    }

    /// What was written.
    ///
    /// # Errors
    /// `Internal`, where a value's own `Serialize` failed.
    pub fn finish(self) -> Result<Buffer, RpcError> {
        match self.failure {
            None => Ok(self.buffer),
            Some(error) => {
                Err(RpcError::new(Code::Internal, format!("a value could not be encoded: {error}")))
            }
        }
    }
}

struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Reads values one after another from a body.
pub struct Decoder<'de> {
    values: postcard::Deserializer<'de, Rest<'de>>,
}

impl<'de> Decoder<'de> {
    /// A decoder at the start of `body`.
    pub fn new(body: &'de [u8]) -> Self {
        Self { values: postcard::Deserializer::from_flavor(Rest(body)) }
    }

    /// The next value.
    ///
    /// # Errors
    /// `Decode`, where the bytes are not a value of this type.
    pub fn value<T: Deserialize<'de>>(&mut self) -> Result<T, RpcError> {
        T::deserialize(&mut self.values).map_err(|error| undecodable::<T>(&error))
    }

    /// The next value, a block of bytes, lent from the body.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn bytes(&mut self) -> Result<&'de [u8], RpcError> {
        self.value::<&serde_bytes::Bytes>().map(|bytes| -> &'de [u8] { bytes })
    }

    /// The next value, a block of bytes, copied at once.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn byte_buf(&mut self) -> Result<Vec<u8>, RpcError> {
        self.bytes().map(<[u8]>::to_vec)
    }

    /// For a method that declares no error: a peer that sends one all the same is at fault.
    ///
    /// # Errors
    /// Always, `Decode`.
    pub fn never(&mut self) -> Result<std::convert::Infallible, RpcError> {
        Err(RpcError::new(Code::Decode, "the peer returned an error for a method that declares none"))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `Decode`, where bytes are left: the two sides do not mean the same type.
    pub fn finish(self) -> Result<(), RpcError> {
        match self.values.finalize() {
            Ok([]) => Ok(()),
            Ok(rest) => {
                Err(RpcError::new(Code::Decode, format!("{} bytes after the last value", rest.len())))
            }
            Err(error) => Err(RpcError::new(Code::Decode, error.to_string())),
        }
    }
}

/// What is left of a body. Unlike postcard's own slice reader it is `Send`, so handlers may hold a decoder
/// while they wait.
struct Rest<'de>(&'de [u8]);

impl<'de> postcard::de_flavors::Flavor<'de> for Rest<'de> {
    type Remainder = &'de [u8];
    type Source = &'de [u8];

    fn pop(&mut self) -> postcard::Result<u8> {
        let (first, rest) = self.0.split_first().ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(*first)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }

    fn try_take_n(&mut self, count: usize) -> postcard::Result<&'de [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.0 = rest;
        Ok(taken)
    }

    fn finalize(self) -> postcard::Result<&'de [u8]> {
        Ok(self.0)
    }
}

#[cold]
fn undecodable<T>(error: &postcard::Error) -> RpcError {
    RpcError::new(Code::Decode, format!("the bytes are not a {}: {error}", std::any::type_name::<T>()))
}
