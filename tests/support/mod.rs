//! What the tests of reliability share.

pub mod area;
pub mod hostile;
pub mod probe;
pub mod process;
pub mod raw;
pub mod scripted;
pub mod victim;
