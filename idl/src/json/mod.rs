//! Values as JSON: what a schema says of a value's bytes, as `serde_json` has it, and back. Never knows Rust's own
//! types, and never trusts: bytes and schema may both be a peer's.
//!
//! # How types look
//!
//! | type | JSON | taken too |
//! |---|---|---|
//! | `bool` | `true`, `false` | |
//! | integers, `u128` and `i128` too | a number; beyond ±(2⁵³ − 1) a string of decimal digits | either form; `3.0` for 3 |
//! | `f32`, `f64` | a number, the shortest that means the value | integers; a number in a string |
//! | those that are no numbers | `"NaN"`, `"-NaN"`, `"Infinity"`, `"-Infinity"` | |
//! | other bit patterns of NaN | `"NaN:0x7ff0000000000001"`, all bits | |
//! | `char` | a string of one character | |
//! | `String` | a string | |
//! | `()`, unit structs | `null` | |
//! | sequences and arrays of `u8` | a string: base64 with `+`, `/` and padding | `-` and `_`; no padding; an array of numbers |
//! | sequences, sets, arrays, tuples, tuple structs | an array | |
//! | maps from strings, characters, integers, `bool` or enums without values | an object | an array of pairs |
//! | such a map with a key twice, and all other maps | an array of pairs, `[[key, value], …]` | |
//! | `Option` | `null`, or the value | |
//! | `Option` of what may itself be `null` | `null`, or `[value]` | |
//! | newtype structs | what they hold | |
//! | structs | an object by the fields' names | no field where it is an `Option` and none |
//! | enums | `"Variant"`, or `{"Variant": value}` | `{"Variant": null}` for one without a value |
//!
//! A client has no JSON: it is a reference within one connection.
//!
//! Entries of maps, elements of sets and fields keep their order, also from text with the feature `preserve_order` of
//! `serde_json`, which this module's feature turns on, as it does `float_roundtrip`. So JSON that was made here gives
//! the same bytes again, and what serde wrote in its shortest form comes back from JSON bit by bit.
//!
//! # What is refused
//!
//! A missing field or argument that is no `Option`, though it may have a default: a schema says that there is one and
//! not which, so only its reader knows it. An unknown field, argument or variant, and an alias instead of its name; the
//! error names those there are. Numbers that do not fit. For an integer a number with a fraction, and one written as a
//! float beyond ±(2⁵³ − 1), which may have been rounded; `serde_json` itself reads `1.00000000000000000001` as 1.
//! Values beyond [`JsonLimits`]. In text that [`parse`] reads, a key that comes twice in one object: other readers take
//! one of the two and say nothing.

mod base64;
mod decode;
mod encode;
mod error;
mod float;
mod integer;
mod key;
mod text;
mod view;

pub use error::{JsonError, JsonErrorKind};
pub use serde_json::Value;
pub use text::parse;

use crate::model::{Argument, Definition, Method, Type};
use decode::Decoding;
use encode::Encoding;
use view::View;

/// Turns values of the types of one interface into JSON and back.
#[derive(Debug, Clone, Copy)]
pub struct JsonCodec<'a> {
    types: &'a [Definition],
    limits: JsonLimits,
}

/// How much one value may ask of whoever turns it. Both directions keep to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonLimits {
    /// How many arrays and objects may lie inside one another: 127, which is what `serde_json` reads. Each takes some
    /// of the stack of whoever turns the value.
    pub max_nesting: u32,
    /// How many elements that take no bytes all sequences, sets and maps may have together: 65,536 (P-61).
    pub max_empty_elements: u32,
    /// How large the JSON, or the bytes, may become, in bytes: 80 for each value of the JSON, and the lengths of texts
    /// and names. 256 MiB.
    pub max_size: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { max_nesting: 127, max_empty_elements: 65_536, max_size: 256 << 20 }
    }
}

impl JsonLimits {
    /// The same limits with another [`max_nesting`](Self::max_nesting).
    pub fn with_max_nesting(self, max_nesting: u32) -> Self {
        Self { max_nesting, ..self }
    }

    /// The same limits with another [`max_empty_elements`](Self::max_empty_elements).
    pub fn with_max_empty_elements(self, max_empty_elements: u32) -> Self {
        Self { max_empty_elements, ..self }
    }

    /// The same limits with another [`max_size`](Self::max_size), in bytes.
    pub fn with_max_size(self, max_size: usize) -> Self {
        Self { max_size, ..self }
    }
}

impl<'a> JsonCodec<'a> {
    /// A codec for types whose named ones are in `types`.
    pub fn new(types: &'a [Definition]) -> Self {
        Self { types, limits: JsonLimits::default() }
    }

    /// The same codec with other limits.
    pub fn with_limits(self, limits: JsonLimits) -> Self {
        Self { limits, ..self }
    }

    /// The bytes of one value.
    ///
    /// # Errors
    /// JSON that is not of the type, or beyond the limits.
    pub fn encode(&self, ty: &'a Type, value: &Value) -> Result<Vec<u8>, JsonError> {
        let mut encoding = Encoding::new(View::new(self.types), self.limits);
        encoding.value(ty, value, 0)?;
        Ok(encoding.finish())
    }

    /// The value of which `bytes` consists.
    ///
    /// # Errors
    /// Bytes that are not one value of the type, or beyond the limits.
    pub fn decode(&self, ty: &'a Type, bytes: &[u8]) -> Result<Value, JsonError> {
        let mut decoding = Decoding::new(View::new(self.types), self.limits, bytes);
        let value = decoding.value(ty, 0)?;
        decoding.finish()?;
        Ok(value)
    }

    /// The value with which `bytes` begins, and how many of them it takes.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), but for bytes that follow.
    pub fn decode_first(&self, ty: &'a Type, bytes: &[u8]) -> Result<(Value, usize), JsonError> {
        let mut decoding = Decoding::new(View::new(self.types), self.limits, bytes);
        let value = decoding.value(ty, 0)?;
        Ok((value, decoding.taken()))
    }

    /// The bytes of a method's arguments, those that are streams left out: from an object by their names, or from an
    /// array in their order. `null` will do where there are none.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_arguments(&self, method: &'a Method, value: &Value) -> Result<Vec<u8>, JsonError> {
        let mut encoding = Encoding::new(View::new(self.types), self.limits);
        encoding.arguments(&plain(method), value)?;
        Ok(encoding.finish())
    }

    /// A method's arguments, those that are streams left out, as an object by their names.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_arguments(&self, method: &'a Method, bytes: &[u8]) -> Result<Value, JsonError> {
        let mut decoding = Decoding::new(View::new(self.types), self.limits, bytes);
        let value = decoding.arguments(&plain(method))?;
        decoding.finish()?;
        Ok(value)
    }
}

fn plain(method: &Method) -> Vec<&Argument> {
    method.arguments.iter().filter(|argument| !argument.stream).collect()
}
