//! Floating-point numbers as JSON: numbers, and names for those that JSON lacks. Never loses a bit.

use serde_json::{Number, Value};

use super::error::{JsonErrorKind, Result, kind, shown};

const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";
const NAN: &str = "NaN";
const NEGATIVE_NAN: &str = "-NaN";
/// Before all bits of a NaN that is neither of the two.
const NAN_BITS: &str = "NaN:0x";

/// The quiet NaN without anything in it, of either sign.
const NAN_64: u64 = 0x7ff8_0000_0000_0000;
const NAN_32: u32 = 0x7fc0_0000;

pub(super) fn from_f64(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => nan(value.to_bits(), NAN_64, 64),
        None => Value::from(if value > 0.0 { INFINITY } else { NEGATIVE_INFINITY }),
    }
}

pub(super) fn from_f32(value: f32) -> Value {
    if value.is_nan() {
        let bits = value.to_bits();
        return match bits == NAN_32 || bits == NAN_32 | 1 << 31 {
            // The sign alone, so it stays the same value in either width.
            true => Value::from(if bits == NAN_32 { NAN } else { NEGATIVE_NAN }),
            false => Value::from(format!("{NAN_BITS}{bits:08x}")),
        };
    }
    // The shortest text of the `f32`, which is not that of the `f64` with the same value. Where rounding twice would
    // give another value, the exact one is longer but right.
    let short =
        value.to_string().parse::<f64>().ok().filter(|short| (*short as f32).to_bits() == value.to_bits());
    from_f64(short.unwrap_or_else(|| value.into()))
}

fn nan(bits: u64, quiet: u64, width: u32) -> Value {
    let sign = 1 << (width - 1);
    match bits {
        _ if bits == quiet => Value::from(NAN),
        _ if bits == quiet | sign => Value::from(NEGATIVE_NAN),
        _ => Value::from(format!("{NAN_BITS}{bits:016x}")),
    }
}

pub(super) fn to_f64(value: &Value) -> Result<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64().ok_or_else(|| mismatch("f64", value)),
        Value::String(text) => text.as_str(),
        other => return Err(mismatch("f64", other)),
    };
    let bits = match text {
        NAN => NAN_64,
        NEGATIVE_NAN => NAN_64 | 1 << 63,
        INFINITY => f64::INFINITY.to_bits(),
        NEGATIVE_INFINITY => f64::NEG_INFINITY.to_bits(),
        _ => match text.strip_prefix(NAN_BITS) {
            Some(digits) if digits.len() == 16 => match u64::from_str_radix(digits, 16) {
                Ok(bits) if f64::from_bits(bits).is_nan() => bits,
                _ => return Err(no_number("f64", text)),
            },
            _ => return decimal(text).ok_or_else(|| no_number("f64", text)),
        },
    };
    Ok(f64::from_bits(bits))
}

pub(super) fn to_f32(value: &Value) -> Result<f32> {
    if let Value::String(text) = value {
        let bits = match text.as_str() {
            NAN => Some(NAN_32),
            NEGATIVE_NAN => Some(NAN_32 | 1 << 31),
            text => match text.strip_prefix(NAN_BITS) {
                Some(digits) if digits.len() == 8 => match u32::from_str_radix(digits, 16) {
                    Ok(bits) if f32::from_bits(bits).is_nan() => Some(bits),
                    _ => return Err(no_number("f32", text)),
                },
                Some(_) => return Err(no_number("f32", text)),
                None => None,
            },
        };
        if let Some(bits) = bits {
            return Ok(f32::from_bits(bits));
        }
    }
    let wide = match value {
        Value::Number(_) | Value::String(_) => to_f64(value)?,
        other => return Err(mismatch("f32", other)),
    };
    let narrow = wide as f32;
    if narrow.is_infinite() && wide.is_finite() {
        let (number, reason) = (wide.to_string(), "does not fit f32".to_owned());
        return Err(JsonErrorKind::Number { number, reason }.into());
    }
    Ok(narrow)
}

/// A number in a string, in JSON's own syntax.
fn decimal(text: &str) -> Option<f64> {
    serde_json::from_str::<Number>(text).ok()?.as_f64()
}

fn mismatch(expected: &str, found: &Value) -> super::JsonError {
    JsonErrorKind::Mismatch { expected: expected.to_owned(), found: kind(found) }.into()
}

fn no_number(ty: &str, text: &str) -> super::JsonError {
    JsonErrorKind::Number { number: format!("{:?}", shown(text)), reason: format!("is no {ty}") }.into()
}
