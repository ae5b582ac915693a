//! JSON as text, read strictly. Never takes one of two values where both have one name.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::JsonLimits;
use super::decode::VALUE_SIZE;
use super::error::{JsonError, JsonErrorKind, shown};

/// The value that a text consists of. Of the limits [`max_size`](JsonLimits::max_size) counts, before anything is made.
///
/// # Errors
/// Text that is not JSON, a key that comes twice in one object, more than the limit, and arrays and objects more than 127
/// deep in one another, each with its line and column. What is JSON all the same is an error of data, not of syntax.
pub fn parse(text: &str, limits: JsonLimits) -> serde_json::Result<Value> {
    // Walked first and made then: only `serde_json` itself makes numbers as its features have them.
    let mut walked = serde_json::Deserializer::from_str(text);
    Walk { size: &mut 0, limit: limits.max_size }.deserialize(&mut walked).map_err(told_deep)?;
    walked.end()?;
    serde_json::from_str(text)
}

/// `serde_json` takes for a fault of the syntax what is only too much for it, and tells it by its text alone.
fn told_deep(error: serde_json::Error) -> serde_json::Error {
    match error.to_string().starts_with("recursion limit exceeded") {
        true => Error::custom(format_args!(
            "arrays and objects lie more than 127 deep in one another at line {} column {}",
            error.line(),
            error.column()
        )),
        false => error,
    }
}

/// Passes a value over, in which no object has a key twice, and which is not larger in memory than the limit.
struct Walk<'s> {
    size: &'s mut usize,
    limit: usize,
}

impl Walk<'_> {
    fn spend<E: Error>(&mut self, size: usize) -> Result<(), E> {
        *self.size = self.size.saturating_add(size);
        match *self.size > self.limit {
            true => Err(E::custom(JsonError::from(JsonErrorKind::TooLarge { limit: self.limit }))),
            false => Ok(()),
        }
    }

    fn within(&mut self) -> Walk<'_> {
        Walk { size: self.size, limit: self.limit }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! passed_over {
    ($($visit:ident: $type:ty),+) => {$(
        fn $visit<E: Error>(mut self, _: $type) -> Result<(), E> {
            self.spend(VALUE_SIZE)
        }
    )+};
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    passed_over!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.spend(VALUE_SIZE)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.spend(VALUE_SIZE + text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        self.spend(VALUE_SIZE)?;
        while elements.next_element_seed(self.within())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        self.spend(VALUE_SIZE)?;
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.spend(key.len())?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("the key {:?} comes twice", shown(&key))));
            }
            entries.next_value_seed(self.within())?;
        }
        Ok(())
    }
}
