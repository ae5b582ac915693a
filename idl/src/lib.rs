//! What a service is: its schema as data, where the data comes from, and what is worked out from it. The
//! ground floor: never knows calls, connections or transports.
#![forbid(unsafe_code)]

#[cfg(feature = "wire")]
pub mod compat;
#[cfg(feature = "wire")]
mod extension;
#[cfg(feature = "wire")]
mod fingerprint;
#[cfg(feature = "text")]
mod r#gen;
#[cfg(feature = "wire")]
mod guard;
mod identifier;
#[cfg(feature = "wire")]
mod impls;
#[cfg(feature = "json")]
pub mod json;
#[cfg(all(feature = "text", feature = "wire"))]
pub mod lock;
#[cfg(feature = "text")]
mod merge;
pub mod model;
mod print;
#[cfg(feature = "wire")]
mod reach;
#[cfg(feature = "wire")]
mod resolve;
#[cfg(feature = "wire")]
mod schema;
#[cfg(feature = "text")]
mod text;
#[cfg(feature = "wire")]
mod transcode;
#[cfg(feature = "wire")]
mod varint;
mod walk;

#[cfg(feature = "wire")]
pub use fingerprint::Fingerprint;
#[cfg(feature = "text")]
pub use r#gen::{ContextArgument, GenerateError, GenerateProblem, Rust};
#[cfg(feature = "generate")]
pub use r#gen::{Generator, SourceFile};
#[cfg(feature = "wire")]
pub use guard::{DecodeLimits, Guard, GuardError, GuardErrorKind};
pub use model::{
    Argument, Definition, Field, Interface, Method, Missing, Shape, Type, UnknownFields, Variant,
};
#[cfg(feature = "text")]
pub use print::print_all;
#[cfg(feature = "wire")]
pub use resolve::{
    Conflict, Plan, ReadArguments, ReadResults, Resolved, TooLarge, Within, resolve_arguments,
    resolve_results,
};
#[cfg(feature = "wire")]
pub use schema::{Contract, InterfaceBuilder, MethodBuilder, Schema, Types};
#[cfg(feature = "text")]
pub use text::{Problem, TextError, parse};
#[cfg(feature = "wire")]
pub use transcode::TranscodeError;
// How the core reads other versions: nobody else's, and may change at any time.
#[cfg(feature = "wire")]
#[doc(hidden)]
pub use transcode::{Absent, Gap, GapCursor, Gaps, Transcoded};
