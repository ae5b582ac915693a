//! Where serde meets references: while a message is encoded, clients in it are collected and stand as their places;
//! while one is decoded, places become references again. Never outside a message, and never across threads.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::reference::Reference;

thread_local! {
    /// While a message is encoded: the place of its next reference. Values without clients touch nothing else here.
    static NEXT_PLACE: Cell<Option<u32>> = const { Cell::new(None) };
    static COLLECTED: RefCell<Vec<Reference>> = const { RefCell::new(Vec::new()) };
    /// Why a client could not be passed.
    static REFUSED: Cell<Option<&'static str>> = const { Cell::new(None) };
    /// While a message is decoded: what it carries.
    static CARRIED: RefCell<Option<Arc<[Reference]>>> = const { RefCell::new(None) };
}

/// Encodes a value of a message; references in it are added to `references`. The second result is why a client in it
/// could not be passed.
pub(crate) fn encoding<R>(
    references: &mut Vec<Reference>,
    encode: impl FnOnce() -> R,
) -> (R, Option<&'static str>) {
    struct Restore(Option<u32>);
    impl Drop for Restore {
        fn drop(&mut self) {
            NEXT_PLACE.set(self.0);
            if std::thread::panicking() {
                COLLECTED.take();
            }
        }
    }
    let first = references.len() as u32;
    let _restore = Restore(NEXT_PLACE.replace(Some(first)));
    let encoded = encode();
    if NEXT_PLACE.get() != Some(first) {
        references.append(&mut COLLECTED.take());
    }
    (encoded, REFUSED.take())
}

/// Decodes a value of a message that carries these.
pub(crate) fn decoding<R>(references: &Arc<[Reference]>, decode: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<[Reference]>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CARRIED.set(self.0.take());
        }
    }
    let _restore = Restore(CARRIED.replace(Some(Arc::clone(references))));
    decode()
}

/// Writes a reference as its place, or says why it cannot be passed.
pub(crate) fn write<S: Serializer>(
    reference: Result<Reference, &'static str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Some(place) = NEXT_PLACE.get() else {
        return Err(ser::Error::custom("a client is encoded outside of a message"));
    };
    match reference {
        Ok(reference) => {
            COLLECTED.with_borrow_mut(|collected| collected.push(reference));
            NEXT_PLACE.set(Some(place + 1));
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
