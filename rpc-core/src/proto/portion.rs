//! How much one side lets come together before it hands it to the other. Never holds anything back: whoever
//! has nothing more to add sends what there is.
//!
//! All calls of a burst in one write cost the fewest system calls, but then one side waits while the other
//! works. In portions both work at once: with 64 calls in flight that is up to twice as many a second.

/// Calls that are a portion, however many are in flight.
const CALLS: usize = 16;

/// Bytes that are a portion, however few calls they are.
const BYTES: usize = 16 << 10;

/// Whether so much is to be handed over before more is added.
pub(super) fn is_full(calls: usize, bytes: usize) -> bool {
    calls >= CALLS || bytes >= BYTES
}

/// The same for who knows how many calls are in flight: a quarter of few calls is enough.
pub(super) fn is_enough(calls: usize, bytes: usize, in_flight: usize) -> bool {
    calls >= (in_flight / 4).max(4) || is_full(calls, bytes)
}
