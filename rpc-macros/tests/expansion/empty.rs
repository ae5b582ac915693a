#[ipc_service]
#[cfg(unix)]
pub(crate) trait Empty {}
