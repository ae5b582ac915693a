//! traitwire: re-exports.
