//! How bytes travel: what each scheme of an address means. Never knows what a call, a frame or a hello is,
//! except for the first bytes of a hello, by which a child's chatter is told from the protocol.
//!
//! [`Address`] makes text and [`Endpoint`](traitwire_core::Endpoint)s acceptable wherever something is
//! dialled or bound. What stands behind each scheme is said in its module.
#![deny(unsafe_code)]

pub mod address;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;

#[cfg(unix)]
mod exec;
mod failure;
#[cfg(unix)]
mod fifo;
#[cfg(unix)]
mod local;
mod memory;
mod parts;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod shm;
#[cfg(unix)]
mod stdio;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod sync;
#[cfg(unix)]
mod sys;
mod tcp;

pub use address::Address;
#[cfg(feature = "config")]
pub use config::Config;
