//! traitwire: re-exports.

pub use traitwire_core::{CallError, Context, RpcError};
pub use traitwire_idl::Schema;
pub use traitwire_macros::{Schema, ipc_service, ipc_type};

#[doc(hidden)]
pub mod __private;
