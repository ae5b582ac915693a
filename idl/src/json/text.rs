//! JSON as text, read strictly. Never takes one of two values where both have one name.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::error::shown;

/// The value that a text consists of.
///
/// # Errors
/// Text that is not JSON, a key that comes twice in one object, and arrays and objects more than 127 deep in one
/// another, each with its line and column. What is JSON all the same is an error of data, not of syntax.
pub fn parse(text: &str) -> serde_json::Result<Value> {
    // Walked first and made then: only `serde_json` itself makes numbers as its features have them.
    let mut walked = serde_json::Deserializer::from_str(text);
    Distinct.deserialize(&mut walked).map_err(told_deep)?;
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

/// Passes a value over, in which no object has a key twice.
struct Distinct;

impl<'de> DeserializeSeed<'de> for Distinct {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! passed_over {
    ($($visit:ident: $type:ty),+) => {$(
        fn $visit<E: Error>(self, _: $type) -> Result<(), E> {
            Ok(())
        }
    )+};
}

impl<'de> Visitor<'de> for Distinct {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    passed_over!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Distinct)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("the key {:?} comes twice", shown(&key))));
            }
            entries.next_value_seed(Distinct)?;
        }
        Ok(())
    }
}
