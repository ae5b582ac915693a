//! Values to bytes and back: postcard, one value after another. Never decides what a body consists of, and
//! never trusts a length: bodies of recursive types pass a [`Guard`](traitwire_idl::Guard) first.

mod rest;
mod values;

use postcard::ser_flavors;
use serde::{Deserialize, Serialize};

use crate::body::{Body, LARGE_BLOCK};
use crate::buffer::Buffer;
use crate::error::{Code, RpcError};
use crate::passing;
use crate::reference::References;
use rest::{Rest, Then};
use values::Values;

/// Writes values one after another into a reused buffer. The first failure is kept and given by
/// [`finish`](Self::finish).
#[derive(Debug, Default)]
pub struct Encoder {
    buffer: Buffer,
    /// Of clients that were written.
    references: References,
    rare: Option<Box<Rare>>,
}

/// What few messages have.
#[derive(Debug, Default)]
struct Rare {
    /// A large block that was written last.
    tail: Vec<u8>,
    failure: Option<Failure>,
}

#[derive(Debug)]
enum Failure {
    Value(postcard::Error),
    /// A client that cannot be passed, and why.
    Client(&'static str),
}

impl Encoder {
    /// An encoder that has written nothing yet.
    pub fn new() -> Self {
        Self { buffer: Buffer::new(), references: None, rare: None }
    }

    /// Appends one value.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> &mut Self {
        if let Some(rare) = &mut self.rare {
            self.buffer.append(&mut rare.tail);
        }
        let mut serializer = postcard::Serializer { output: Append(&mut self.buffer) };
        let encoded = passing::encoding(&mut self.references, || value.serialize(&mut serializer));
        if let Err(error) = encoded {
            self.fail(error);
        }
        self
    }

    #[cold]
    fn fail(&mut self, error: postcard::Error) {
        let failure = passing::take_refused().map_or(Failure::Value(error), Failure::Client);
        self.rare.get_or_insert_default().failure.get_or_insert(failure);
    }

    /// Appends a block of bytes: the same bytes as [`value`](Self::value) gives for a sequence of `u8`,
    /// copied at once.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer.reserve(bytes.len() + 10);
        self.value(serde_bytes::Bytes::new(bytes))
    }

    /// Appends a block of bytes, as [`bytes`](Self::bytes) does, without copying a large one.
    pub fn byte_buf(&mut self, bytes: Vec<u8>) -> &mut Self {
        if bytes.len() < LARGE_BLOCK {
            return self.bytes(&bytes);
        }
        self.value(&(bytes.len() as u64));
        self.rare.get_or_insert_default().tail = bytes;
        self
    }

    /// An encoder that has written these values, which somebody else has encoded.
    pub(crate) fn encoded(values: &[u8]) -> Self {
        let mut encoder = Self::new();
        encoder.append_encoded(values);
        encoder
    }

    /// Appends values that somebody else has encoded.
    pub(crate) fn append_encoded(&mut self, values: &[u8]) {
        if let Some(rare) = &mut self.rare {
            self.buffer.append(&mut rare.tail);
        }
        self.buffer.extend_from_slice(values);
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() + self.rare.as_ref().map_or(0, |rare| rare.tail.len())
    }

    /// Clients written so far.
    pub(crate) fn references(&self) -> usize {
        self.references.as_ref().map_or(0, |references| references.len())
    }

    /// Takes off what was written after the first `at` bytes. Both parts carry all references, since values name them
    /// by their place.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        let mut buffer = Buffer::new();
        buffer.extend_from_slice(&self.buffer[at..]);
        self.buffer.truncate(at);
        let tail = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.tail));
        let rare = tail.map(|tail| Box::new(Rare { tail, failure: None }));
        Self { buffer, references: self.references.clone(), rare }
    }

    /// What was written.
    ///
    /// # Errors
    /// `Internal`, where a value's own `Serialize` failed; `InvalidArgument` for a client that cannot be passed.
    #[inline]
    pub fn finish(self) -> Result<Body, RpcError> {
        let Self { buffer, references, rare } = self;
        match rare {
            None => Ok(Body::new(buffer).with_references(references)),
            Some(rare) => rare.finish(buffer, references),
        }
    }
}

impl Rare {
    #[cold]
    fn finish(self, buffer: Buffer, references: References) -> Result<Body, RpcError> {
        match self.failure {
            Some(Failure::Value(error)) => {
                Err(RpcError::new(Code::Internal, format!("a value could not be encoded: {error}")))
            }
            Some(Failure::Client(why)) => Err(RpcError::new(Code::InvalidArgument, why)),
            None => Ok(Body::with_tail(buffer, self.tail).with_references(references)),
        }
    }
}

struct Append<'a>(&'a mut Vec<u8>);

/// Bytes of the longest varint of 64 bits.
const LONGEST_VARINT: usize = 10;

impl ser_flavors::Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() > LONGEST_VARINT {
            self.0.extend_from_slice(bytes);
            return Ok(());
        }
        // The bytes of a number were stored one by one a moment ago. A copy that loads several at once has to wait
        // until they have left the store buffer: that is most of the time of a stream of numbers.
        self.0.reserve(LONGEST_VARINT);
        for byte in bytes {
            self.0.push(*byte);
        }
        Ok(())
    }

    #[inline]
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
    values: Values<'de>,
}

impl<'de> Decoder<'de> {
    /// A decoder at the start of `body`, which lends it.
    pub fn new(body: &'de Body) -> Self {
        let (now, then) = body.parts();
        Self::of(now, Then::Lent(then), body.references())
    }

    /// A decoder at the start of `body`. A large block at its end is moved to the value it is decoded into.
    pub fn taking(body: &'de mut Body) -> Self {
        let (now, then, references) = body.parts_mut();
        Self::of(now, then.map_or(Then::Lent(&[]), Then::Taken), references)
    }

    /// A decoder that begins at a position of `body`, which lends it.
    pub(crate) fn from(body: &'de Body, at: usize) -> Self {
        let (now, then) = body.parts();
        let (now, then) = match at.checked_sub(now.len()) {
            None => (&now[at..], then),
            Some(at) => (&then[at..], &[][..]),
        };
        Self::of(now, Then::Lent(then), body.references())
    }

    /// A decoder that begins at a position of `body`, as [`taking`](Self::taking).
    pub(crate) fn taking_from(body: &'de mut Body, at: usize) -> Self {
        let (now, then, references) = body.parts_mut();
        match (at.checked_sub(now.len()), then) {
            (None | Some(0), Some(then)) => Self::of(&now[at..], Then::Taken(then), references),
            (Some(at), Some(then)) => Self::of(&then[at..], Then::Lent(&[]), references),
            (_, None) => Self::of(&now[at..], Then::Lent(&[]), references),
        }
    }

    /// Bytes that were not read yet.
    pub(crate) fn left(&mut self) -> usize {
        self.values.rest.len()
    }

    fn of(now: &'de [u8], then: Then<'de>, references: &'de References) -> Self {
        Self { values: Values { rest: Rest::new(now, then, references) } }
    }

    /// Whether the argument of this place among those that are sent is missing: the caller is of a version that does
    /// not have it.
    pub fn lacks_argument(&mut self, place: u32) -> bool {
        self.values.rest.is_at_end() && self.values.rest.lacks_argument(place)
    }

    /// The next value.
    ///
    /// # Errors
    /// `Decode`, where the bytes are not a value of this type.
    pub fn value<T: Deserialize<'de>>(&mut self) -> Result<T, RpcError> {
        let carried = self.values.rest.carried;
        let value = match carried {
            None => T::deserialize(&mut self.values),
            Some(_) => passing::decoding(carried, || T::deserialize(&mut self.values)),
        };
        value.map_err(|error| undecodable::<T>(&error))
    }

    /// The next value, a block of bytes, lent from the body.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn bytes(&mut self) -> Result<&'de [u8], RpcError> {
        self.value::<&serde_bytes::Bytes>().map(|bytes| -> &'de [u8] { bytes })
    }

    /// The next value, a block of bytes: moved if it is a large one at the end, else copied at once.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn byte_buf(&mut self) -> Result<Vec<u8>, RpcError> {
        let length = self.value::<u64>()?;
        let rest = &mut self.values.rest;
        let block = match rest.take_all(length) {
            Some(block) => Ok(block),
            None => rest.take(usize::try_from(length).unwrap_or(usize::MAX)).map(<[u8]>::to_vec),
        };
        block.map_err(|error| undecodable::<Vec<u8>>(&error))
    }

    /// The next value, a `Result` of what the two functions read.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn result<T, E>(
        &mut self,
        value: fn(&mut Self) -> Result<T, RpcError>,
        error: fn(&mut Self) -> Result<E, RpcError>,
    ) -> Result<Result<T, E>, RpcError> {
        match self.value::<u32>()? {
            0 => value(self).map(Ok),
            1 => error(self).map(Err),
            other => Err(RpcError::new(Code::Decode, format!("{other} is neither `Ok` nor `Err`"))),
        }
    }

    /// All that was not read yet, as it is.
    ///
    /// # Errors
    /// None.
    pub(crate) fn rest(&mut self) -> Result<Vec<u8>, RpcError> {
        Ok(self.values.rest.take_rest())
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
    pub fn finish(mut self) -> Result<(), RpcError> {
        match self.left() {
            0 if self.values.rest.is_complete() => Ok(()),
            0 => Err(RpcError::new(Code::Decode, "values that are missing were not asked for")),
            rest => Err(RpcError::new(Code::Decode, format!("{rest} bytes after the last value"))),
        }
    }
}

#[cold]
fn undecodable<T>(error: &postcard::Error) -> RpcError {
    RpcError::new(Code::Decode, format!("the bytes are not a {}: {error}", std::any::type_name::<T>()))
}
