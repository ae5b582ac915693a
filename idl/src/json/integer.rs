//! Integers of all widths as JSON: numbers where every reader of JSON holds them exactly, else strings of decimal
//! digits. Never rounds.

use serde_json::Value;

use super::error::{JsonErrorKind, Result, kind, shown};
use crate::model::Type;

/// The largest integer below which readers of JSON, which have only `f64`, lose none: 2⁵³ − 1.
const MOST_EXACT: u128 = (1 << 53) - 1;

/// An integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IntegerType {
    pub(super) bits: u32,
    pub(super) signed: bool,
}

/// Any integer that a type holds. Zero is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer {
    negative: bool,
    magnitude: u128,
}

impl IntegerType {
    pub(super) fn of(ty: &Type) -> Option<Self> {
        let (bits, signed) = match ty {
            Type::U8 => (8, false),
            Type::U16 => (16, false),
            Type::U32 => (32, false),
            Type::U64 => (64, false),
            Type::U128 => (128, false),
            Type::I8 => (8, true),
            Type::I16 => (16, true),
            Type::I32 => (32, true),
            Type::I64 => (64, true),
            Type::I128 => (128, true),
            _ => return None,
        };
        Some(Self { bits, signed })
    }

    fn holds(self, integer: Integer) -> bool {
        let most = match self.signed {
            false => u128::MAX >> (128 - self.bits),
            true => (u128::MAX >> (128 - self.bits)) >> 1,
        };
        match integer.negative {
            false => integer.magnitude <= most,
            true => self.signed && integer.magnitude <= most + 1,
        }
    }

    pub(super) fn name(self) -> String {
        format!("{}{}", if self.signed { "i" } else { "u" }, self.bits)
    }

    /// The integer that a JSON value is.
    pub(super) fn parse(self, value: &Value) -> Result<Integer> {
        let refused = |number: String, reason: String| JsonErrorKind::Number { number, reason }.into();
        let integer = match value {
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(magnitude), ..) => Integer { negative: false, magnitude: magnitude.into() },
                (None, Some(negative), _) => Integer::from_signed(negative.into()),
                (None, None, float) => match float.and_then(Integer::from_float) {
                    Some(integer) => integer,
                    None => {
                        let reason =
                            format!("is no {} for certain: write it as a string of digits", self.name());
                        return Err(refused(number.to_string(), reason));
                    }
                },
            },
            Value::String(text) => match Integer::parse(text) {
                Some(integer) => integer,
                None => return Err(refused(format!("{:?}", shown(text)), format!("is no {}", self.name()))),
            },
            other => {
                let expected = self.name();
                return Err(JsonErrorKind::Mismatch { expected, found: kind(other) }.into());
            }
        };
        match self.holds(integer) {
            true => Ok(integer),
            false => Err(refused(integer.to_string(), format!("does not fit {}", self.name()))),
        }
    }

    /// The integer that a text is, as a key of an object.
    pub(super) fn parse_text(self, text: &str) -> Option<Integer> {
        Integer::parse(text).filter(|integer| self.holds(*integer))
    }

    /// The number that stands on the wire for an integer of this type: zigzag where it is signed.
    pub(super) fn to_wire(self, integer: Integer) -> u128 {
        match (self.signed && self.bits > 8, integer.negative) {
            (true, false) => integer.magnitude << 1,
            (true, true) => ((integer.magnitude - 1) << 1) | 1,
            (false, false) => integer.magnitude,
            // One byte, in two's complement.
            (false, true) => 256 - integer.magnitude,
        }
    }

    /// The integer for which a number stands on the wire.
    pub(super) fn read_wire(self, wire: u128) -> Integer {
        match (self.signed, self.bits) {
            (false, _) => Integer { negative: false, magnitude: wire },
            (true, 8) if wire >= 128 => Integer { negative: true, magnitude: 256 - wire },
            (true, 8) => Integer { negative: false, magnitude: wire },
            (true, _) if wire & 1 == 1 => Integer { negative: true, magnitude: (wire >> 1) + 1 },
            (true, _) => Integer { negative: false, magnitude: wire >> 1 },
        }
    }
}

impl Integer {
    fn from_signed(value: i128) -> Self {
        Self { negative: value < 0, magnitude: value.unsigned_abs() }
    }

    fn from_float(float: f64) -> Option<Self> {
        let exact = float.fract() == 0.0 && float.abs() <= MOST_EXACT as f64;
        exact.then(|| Self::from_signed(float as i128))
    }

    /// Decimal digits as [`to_string`](ToString::to_string) writes them, and nothing else.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let begins_well = match digits.as_bytes() {
            [b'0'] => digits.len() == text.len(),
            [b'1'..=b'9', ..] => true,
            _ => false,
        };
        if !begins_well {
            return None;
        }
        Some(Self { negative: digits.len() < text.len(), magnitude: digits.parse().ok()? })
    }

    pub(super) fn to_json(self) -> Value {
        match (self.magnitude <= MOST_EXACT, self.negative) {
            (true, false) => Value::from(self.magnitude as u64),
            (true, true) => Value::from(-(self.magnitude as i64)),
            (false, _) => Value::from(self.to_string()),
        }
    }
}

impl std::fmt::Display for Integer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "" }, self.magnitude)
    }
}
