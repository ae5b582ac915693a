//! Where serde meets references: while a message is encoded, clients in it are collected and stand as their places;
//! while one is decoded, places become references again. Never outside a message, and never across threads.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::reference::{Reference, References};

/// Nobody encodes a message.
const OUTSIDE: u32 = u32::MAX;

thread_local! {
    /// While a value of a message is encoded: the place that its first reference has, and the place of the next one.
    /// Values without clients touch nothing else here.
    static FIRST_PLACE: Cell<u32> = const { Cell::new(OUTSIDE) };
    static NEXT_PLACE: Cell<u32> = const { Cell::new(OUTSIDE) };
    static COLLECTED: RefCell<Vec<Reference>> = const { RefCell::new(Vec::new()) };
    /// Why a client could not be passed.
    static REFUSED: Cell<Option<&'static str>> = const { Cell::new(None) };
    /// While a message is decoded: what it carries.
    static CARRIED: RefCell<References> = const { RefCell::new(None) };
}

/// Encodes a value of a message; references in it are added to `references`.
#[inline]
pub(crate) fn encoding<R>(references: &mut References, encode: impl FnOnce() -> R) -> R {
    // No guard: what a value that panics leaves behind is told by `write` and overwritten by the next value.
    let first = references.as_ref().map_or(0, |references| references.len() as u32);
    FIRST_PLACE.set(first);
    NEXT_PLACE.set(first);
    let encoded = encode();
    if NEXT_PLACE.replace(OUTSIDE) != first {
        collect(references);
    }
    encoded
}

#[cold]
fn collect(references: &mut References) {
    Arc::make_mut(references.get_or_insert_default()).append(&mut COLLECTED.take());
}

/// Why a value could not be encoded, if that is because of a client in it.
pub(crate) fn take_refused() -> Option<&'static str> {
    REFUSED.take()
}

/// Decodes a value of a message that carries these.
pub(crate) fn decoding<R>(references: &References, decode: impl FnOnce() -> R) -> R {
    struct Restore(References);
    impl Drop for Restore {
        fn drop(&mut self) {
            CARRIED.set(self.0.take());
        }
    }
    let _restore = Restore(CARRIED.replace(references.clone()));
    decode()
}

/// Writes a reference as its place, or says why it cannot be passed.
pub(crate) fn write<S: Serializer>(
    reference: Result<Reference, &'static str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let place = NEXT_PLACE.get();
    if place == OUTSIDE {
        return Err(ser::Error::custom("a client is encoded outside of a message"));
    }
    match reference {
        Ok(reference) => {
            COLLECTED.with_borrow_mut(|collected| {
                // Longer only if a value panicked: what it collected is nobody's.
                collected.truncate((place - FIRST_PLACE.get()) as usize);
                collected.push(reference);
            });
            NEXT_PLACE.set(place + 1);
            place.serialize(serializer)
        }
        Err(why) => {
            REFUSED.set(Some(why));
            Err(ser::Error::custom(why))
        }
    }
}

/// Reads a place as the reference that stands there.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reference, D::Error> {
    let place = u32::deserialize(deserializer)?;
    let found = CARRIED.with_borrow(|carried| carried.as_ref()?.get(place as usize).cloned());
    found.ok_or_else(|| de::Error::custom("a client that its message does not carry"))
}
