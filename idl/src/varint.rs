//! Numbers of seven bits a byte, the lowest first (P-60), as the guard, the transcoder and JSON read them. Never allocates.
//!
//! The core reads values of the program's own types by a reader for each size, in `codec/values.rs`: that is most of the
//! time of a small call. `tests/varints.rs` has both agree.

use std::ops::{BitOr, Shl};

/// Why there is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoNumber {
    /// The bytes end before it does.
    Truncated,
    /// It is too large for its type, or longer than any of it.
    TooLarge,
}

/// The number of so many bits with which bytes begin, and how many of them it takes. `bits` are 16, 32, 64 or 128, and
/// no more than `T` has.
#[inline]
pub(crate) fn read<T>(bytes: &[u8], bits: u32) -> Result<(T, usize), NoNumber>
where
    T: From<u8> + Shl<u32, Output = T> + BitOr<Output = T>,
{
    let last = bits.div_ceil(7) - 1;
    let mut value = T::from(0);
    for (index, byte) in (0..=last).zip(bytes) {
        if index == last && *byte >= 1 << (bits - 7 * last) {
            return Err(NoNumber::TooLarge);
        }
        value = value | (T::from(byte & 0x7f) << (7 * index));
        if *byte < 0x80 {
            return Ok((value, index as usize + 1));
        }
    }
    // The last byte of the longest number ends it, or is too large.
    Err(NoNumber::Truncated)
}
