//! A path that one server holds: a lock beside it, and the entry made there. Never follows a symbolic link
//! in the last place of a path, and never removes an entry that it has not made or proved abandoned.
//!
//! `PATH.lock` is locked (`flock`) for as long as the claim lives; the kernel gives the lock up with the
//! process, however that ends. The lock file is unlinked with the claim. Unlinking a lock file is a classic
//! race: another process may have opened it just before and would lock a file that nobody sees any more.
//! So whoever has got the lock checks that the file it locked is still the one at the path, and starts over
//! otherwise; and a holder unlinks before it unlocks.
//!
//! Everything goes through a descriptor of the parent directory, so a later `chdir`, or a renamed parent,
//! changes nothing about what is looked at or removed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

/// A path held by this process, for one listener.
#[derive(Debug)]
pub(crate) struct Claim {
    dir: OwnedFd,
    name: OsString,
    lock: OwnedFd,
    lock_name: OsString,
    /// Device and inode of the entry to remove at the end.
    made: Option<(u64, u64)>,
}

/// What [`Claim::take`] thinks of a directory in which everybody may replace everybody's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insecure {
    Refuse,
    Allow,
}

impl Claim {
    /// Locks the path for this process.
    ///
    /// # Errors
    /// `AddrInUse` where another claim holds it, `PermissionDenied` for an insecure directory.
    pub(crate) fn take(path: &Path, insecure: Insecure) -> io::Result<Self> {
        let (dir, name) = open_parent(path)?;
        let mode = mode(&rustix::fs::fstat(&dir)?);
        if insecure == Insecure::Refuse && mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "its directory is writable by everybody and not sticky, so any user could put a server of \
                 their own here (`insecure_dir=allow` if that is acceptable)",
            ));
        }
        let mut lock_name = name.clone();
        lock_name.push(".lock");
        let lock = lock_file(&dir, &lock_name)?;
        Ok(Self { dir, name, lock, lock_name, made: None })
    }

    /// The parent directory.
    pub(crate) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// What is at the path now, itself rather than what it links to.
    pub(crate) fn look(&self) -> io::Result<Option<Stat>> {
        look(&self.dir, &self.name)
    }

    /// Removes the entry seen before, if it is still that one.
    pub(crate) fn remove(&self, seen: &Stat) -> io::Result<()> {
        match self.look()? {
            Some(now) if identity(&now) == identity(seen) => unlink(&self.dir, &self.name),
            _ => Ok(()),
        }
    }

    /// Remembers what is at the path as made by us, to be removed with the claim.
    pub(crate) fn note_made(&mut self) -> io::Result<()> {
        self.made = self.look()?.as_ref().map(identity);
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; what stays behind is recognised as abandoned later.
        if let Ok(Some(now)) = self.look()
            && Some(identity(&now)) == self.made
        {
            let _ = unlink(&self.dir, &self.name);
        }
        if is_at(&self.lock, &self.dir, &self.lock_name).unwrap_or(false) {
            let _ = unlink(&self.dir, &self.lock_name);
        }
        // Explicitly, since a child between fork and exec shares the descriptor for a moment.
        let _ = rustix::fs::flock(&self.lock, FlockOperation::Unlock);
    }
}

/// The directory a path is in, opened, and the path's last part.
pub(crate) fn open_parent(path: &Path) -> io::Result<(OwnedFd, OsString)> {
    let name = path.file_name().filter(|_| !path.as_os_str().as_encoded_bytes().ends_with(b"/"));
    let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(parent, flags, Mode::empty())
        .map_err(|cause| named(cause.into(), "its directory cannot be opened"))?;
    Ok((dir, name.to_owned()))
}

/// What an entry is, itself rather than what it links to; `None` if there is none.
pub(crate) fn look(dir: impl AsFd, name: &OsStr) -> io::Result<Option<Stat>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(cause) => Err(cause.into()),
    }
}

/// Removes a name; one that is gone already is no failure.
pub(crate) fn unlink(dir: impl AsFd, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(cause) => Err(cause.into()),
    }
}

/// The kind of a file, for people.
pub(crate) fn kind(stat: &Stat) -> &'static str {
    match file_type(stat) {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    }
}

/// The kind of a file.
pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The permission bits, the sticky bit included.
pub(crate) fn mode(stat: &Stat) -> u32 {
    #[allow(clippy::unnecessary_cast, reason = "the width differs between systems")]
    let mode = stat.st_mode as u32;
    mode & 0o7777
}

/// The same failure, with what it means in front.
pub(crate) fn named(cause: io::Error, what: &str) -> io::Error {
    io::Error::new(cause.kind(), format!("{what}: {cause}"))
}

#[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

fn is_at(file: &OwnedFd, dir: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    let found = look(dir, name)?;
    Ok(found.is_some_and(|found| rustix::fs::fstat(file).is_ok_and(|own| identity(&own) == identity(&found))))
}

fn lock_file(dir: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    // Each round means that a holder has left just now; nobody loses a hundred times in a row.
    for _ in 0..100 {
        let lock = rustix::fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|cause| named(cause.into(), "its lock file cannot be opened"))?;
        let stat = rustix::fs::fstat(&lock)?;
        if file_type(&stat) != FileType::RegularFile {
            let what = format!("its lock file is {}, not a regular file", kind(&stat));
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&lock, dir, name)? => return Ok(lock),
            Ok(()) | Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server holds its lock"));
            }
            Err(cause) => return Err(named(cause.into(), "its lock file cannot be locked")),
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "its lock changes hands all the time"))
}
