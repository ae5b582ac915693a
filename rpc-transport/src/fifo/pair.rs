//! A client's two pipes as files. Never outlives the dialling: the names go when the connection stands, or
//! has failed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Dir, FileType, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use super::introduction::Caller;
use super::{OWN, look, open};
use crate::sys::claim::{Claim, file_type, unlink};

/// Two pipes with names, removed when dropped.
#[derive(Debug)]
pub(super) struct Pair {
    dir: OwnedFd,
    caller: Caller,
    inward: OsString,
    outward: OsString,
}

impl Pair {
    /// Makes two pipes beside the door `base` that have not existed before.
    pub(super) fn make(dir: OwnedFd, base: &OsStr) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let caller = Caller { pid: std::process::id(), number };
            let (inward, outward) = caller.names(base);
            match rustix::fs::mkfifoat(&dir, &inward, OWN) {
                // Left behind by an earlier process of this id.
                Err(Errno::EXIST) => continue,
                made => made?,
            }
            match rustix::fs::mkfifoat(&dir, &outward, OWN) {
                Ok(()) => return Ok(Self { dir, caller, inward, outward }),
                Err(cause) => {
                    let _ = unlink(&dir, &inward);
                    if cause != Errno::EXIST {
                        return Err(cause.into());
                    }
                }
            }
        }
    }

    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    pub(super) fn caller(&self) -> Caller {
        self.caller
    }

    /// The pipe into the server.
    pub(super) fn inward(&self) -> &OsStr {
        &self.inward
    }

    /// The pipe out of the server.
    pub(super) fn outward(&self) -> &OsStr {
        &self.outward
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = unlink(&self.dir, &self.inward);
        let _ = unlink(&self.dir, &self.outward);
    }
}

/// Removes the pipes of clients that were killed while they dialled: their process is no more, and nobody
/// reads them. Does what it can.
pub(super) fn sweep(claim: &Claim) {
    let Ok(entries) = Dir::read_from(claim.dir()) else { return };
    for entry in entries.flatten() {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if is_orphan(claim, name) {
            let _ = unlink(claim.dir(), name);
        }
    }
}

fn is_orphan(claim: &Claim, name: &OsStr) -> bool {
    let numbers = || {
        let rest = name.as_bytes().strip_prefix(claim.name().as_bytes())?.strip_prefix(b".")?;
        Caller::parse(rest.strip_suffix(b".in").or_else(|| rest.strip_suffix(b".out"))?)
    };
    let Some(caller) = numbers() else { return false };
    let Some(pid) = i32::try_from(caller.pid).ok().and_then(Pid::from_raw) else { return false };
    let is_fifo = look(claim.dir(), name)
        .is_ok_and(|found| found.is_some_and(|found| file_type(&found) == FileType::Fifo));
    let unread = || match open(claim.dir(), name, OFlags::WRONLY) {
        Err(cause) => cause.raw_os_error() == Some(Errno::NXIO.raw_os_error()),
        Ok(_) => false,
    };
    rustix::process::test_kill_process(pid) == Err(Errno::SRCH) && is_fifo && unread()
}
