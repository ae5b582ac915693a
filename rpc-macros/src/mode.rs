//! Whose tokens proc-macro2 handles: the compiler's, or its own, which alone know lines and columns of a text that is
//! not a source file. It is one switch for the whole library, and a compiler, or an editor's server, may expand macros
//! in several threads. Never makes a token.

use std::sync::{PoisonError, RwLock};

/// Held for reading while the compiler's tokens are handled.
static SWITCH: RwLock<()> = RwLock::new(());

/// Handles the compiler's tokens.
pub(crate) fn compiler<T>(work: impl FnOnce() -> T) -> T {
    let _shared = SWITCH.read().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// Handles tokens of proc-macro2's own. None may come in or go out.
#[cfg(feature = "include")]
pub(crate) fn own<T>(work: impl FnOnce() -> T) -> T {
    /// Back to the compiler's tokens, also after a panic.
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            proc_macro2::fallback::unforce();
        }
    }
    let _alone = SWITCH.write().unwrap_or_else(PoisonError::into_inner);
    let _back = Back;
    proc_macro2::fallback::force();
    work()
}
