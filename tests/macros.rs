//! What the macros make compiles without a warning wherever users put it, and calls arrive.
#![deny(warnings, missing_docs, clippy::all)]
#![allow(unreachable_pub, reason = "these modules stand for those of a library")]

#[path = "macros/arguments.rs"]
mod arguments;
#[path = "macros/conditions.rs"]
mod conditions;
#[path = "macros/hygiene.rs"]
mod hygiene;
#[path = "macros/sizes.rs"]
mod sizes;
#[path = "macros/transparent.rs"]
mod transparent;
#[path = "macros/types.rs"]
mod types;
