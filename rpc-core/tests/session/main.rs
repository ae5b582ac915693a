//! The protocol without a transport: two sessions and a clock that stands still until it is moved.

mod calls;
mod faults;
mod loss;
mod pair;
mod priority;
