//! Memory that two processes share: a file without a name that its maker alone can write to, that nobody can make
//! shorter, and all of which is there from the beginning. Never maps a file that could shrink or has holes (an access
//! that finds no memory kills this process), and never gives out a reference to bytes that the other side can change.
//!
//! What can be written to and what can only be read are of different types. This side's words may be used by any thread;
//! its ring has one owner, who alone can write to it; of the other side's area nothing can be written to.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat, fstatfs,
    memfd_create,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Resource, getrlimit};

use super::ring::{Get, Put};
use super::words::{PeerWords, Words};

/// Bytes before the ring: the words, on a page of their own.
const HEADER: usize = 4096;

/// Bytes of the smallest and the largest ring that is accepted.
pub(crate) const SMALLEST: usize = 4096;
pub(crate) const LARGEST: usize = 64 << 20;

/// What a file must not lose or change from now on. `FUTURE_WRITE` lets the mapping that its maker has live on.
const SEALS: SealFlags =
    SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::FUTURE_WRITE).union(SealFlags::SEAL);

/// What such files are of. Those of huge pages can run out when they are touched, which would kill this process.
const TMPFS: rustix::fs::FsWord = 0x0102_1994;

/// Bytes of what files count their memory in.
const BLOCK: u64 = 512;

/// This side's area.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) words: OwnWords,
    pub(crate) ring: OwnRing,
}

/// The words of this side's area, for any thread of this process.
pub(crate) struct OwnWords {
    map: MmapRaw,
    /// Bytes of the ring behind them.
    capacity: usize,
}

/// The ring of this side's area, for one producer.
pub(crate) struct OwnRing {
    map: MmapRaw,
}

/// The other side's area, mapped to be read.
pub(crate) struct PeerArea {
    map: MmapRaw,
    capacity: usize,
}

impl Own {
    /// A new area of this process's own, and the file to show to the other side.
    ///
    /// # Errors
    /// Where the kernel gives no memory, or does not seal it.
    pub(crate) fn create(capacity: usize) -> io::Result<(Self, OwnedFd)> {
        // The signal that tells of a file above this limit ends a process.
        if getrlimit(Resource::Fsize).current.is_some_and(|most| most < size(capacity)) {
            let what = format!("no file may be as large as a ring of {capacity} bytes (`ulimit -f`)");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        let file = unnamed()?;
        populate(&file, capacity)?;
        let ring = OwnRing { map: MmapOptions::new().offset(HEADER as u64).len(capacity).map_raw(&file)? };
        let words = OwnWords { map: MmapOptions::new().len(HEADER).map_raw(&file)?, capacity };
        fcntl_add_seals(&file, SEALS)?;
        // A kernel that forgets a seal must not pass for one that keeps it.
        check_seals(&file)?;
        Ok((Self { words, ring }, file))
    }
}

impl OwnWords {
    pub(crate) fn words(&self) -> &Words {
        // SAFETY: the mapping is page-aligned, at least as long as the words, lives as long as `self`, and its size is
        // sealed. The words are atomics, for which any bits are a value, and all who have them access them as such only.
        unsafe { &*self.map.as_ptr().cast::<Words>() }
    }

    /// Bytes of the ring that belongs to them.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
}

impl Put for OwnRing {
    fn capacity(&self) -> usize {
        self.map.len()
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        check_bounds(offset, bytes.len(), self.map.len());
        let ring = self.map.as_mut_ptr().wrapping_add(offset);
        // SAFETY: the bytes lie within the mapping, whose size is sealed. Nothing else in this process accesses it: it is
        // the only one of these bytes that can be written to, the seals allow no further one, and `self` is borrowed for
        // as long. No other process can write there.
        unsafe { ring.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }
}

impl PeerArea {
    /// The other side's area, to read.
    ///
    /// # Errors
    /// `InvalidData` for anything but a sealed file of exactly this size.
    pub(crate) fn open(file: OwnedFd, capacity: usize) -> io::Result<Self> {
        if !(SMALLEST..=LARGEST).contains(&capacity) || !capacity.is_power_of_two() {
            return Err(refused(format!("a ring of {capacity} bytes")));
        }
        check_seals(&file)?;
        if fstatfs(&file)?.f_type != TMPFS {
            return Err(refused("memory of another kind"));
        }
        let found = fstat(&file)?;
        if u64::try_from(found.st_size) != Ok(size(capacity)) {
            return Err(refused(format!("{} bytes of memory for a ring of {capacity}", found.st_size)));
        }
        // What is missing now this process would have to find when it reads it.
        if u64::try_from(found.st_blocks).is_ok_and(|blocks| blocks * BLOCK < size(capacity)) {
            return Err(refused("memory with holes"));
        }
        // Pages of a hole that have only been read can be taken back. Those that are asked for like this cannot.
        populate(&file, capacity)
            .map_err(|cause| refused(format!("memory that cannot be relied on ({cause})")))?;
        let map = MmapOptions::new().len(HEADER + capacity).map_raw_read_only(&file)?;
        Ok(Self { map, capacity })
    }
}

impl Get for PeerArea {
    fn words(&self) -> PeerWords<'_> {
        // SAFETY: as for this side's own. They are mapped to be read only, and `PeerWords` never stores.
        PeerWords::new(unsafe { &*self.map.as_ptr().cast::<Words>() })
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn get(&self, offset: usize, into: &mut [MaybeUninit<u8>]) {
        check_bounds(offset, into.len(), self.capacity);
        let ring = self.map.as_ptr().wrapping_add(HEADER + offset).cast::<MaybeUninit<u8>>();
        // SAFETY: the bytes lie within the mapping, whose size is sealed, and not within `into`. No reference to them ever
        // exists, and of `MaybeUninit<u8>` any bits are a value. A side that keeps the rules does not write here until the
        // consumer has said that it has taken them.
        //
        // One that breaks them writes during the copy. Rust's memory model has no word for another process; between
        // threads this would be a data race, and undefined, since the copy is not atomic. It relies on what compilers
        // do, as other code for shared memory does: bytes behind a pointer from the kernel, which somebody unknown may
        // have written, are copied, and nothing is concluded from them but what is in the copy. That is a mixture of old
        // and new bytes then, and is checked as anything that comes from a peer. Nor are they looked at again in place
        // of the copy: the consumer's `tail` is stored with `Release` right after it. Relaxed atomics would be within the
        // model, and would copy a word at a time what is copied a vector at a time.
        unsafe { ring.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) }
    }
}

/// A file without a name, which nobody can execute: some systems allow no other (`vm.memfd_noexec=2`).
fn unnamed() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create("traitwire", flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know the flag, and has no such rule.
        Err(Errno::INVAL) => Ok(memfd_create("traitwire", flags)?),
        made => Ok(made?),
    }
}

/// So many bytes at an offset lie within a ring.
fn check_bounds(offset: usize, len: usize, capacity: usize) {
    assert!(offset <= capacity && len <= capacity - offset, "within the ring");
}

impl fmt::Debug for OwnWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnWords").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnRing").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PeerArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerArea").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

fn size(capacity: usize) -> u64 {
    (HEADER + capacity) as u64
}

/// Has the kernel find all the memory now, which an access would have to find otherwise, or die.
fn populate(file: impl AsFd, capacity: usize) -> io::Result<()> {
    retry_on_intr(|| fallocate(&file, FallocateFlags::empty(), 0, size(capacity))).map_err(|cause| {
        let kind = io::Error::from(cause).kind();
        io::Error::new(kind, format!("no memory for a ring of {capacity} bytes: {cause}"))
    })
}

fn check_seals(file: impl AsFd) -> io::Result<()> {
    // Whatever cannot be sealed (a pipe, a file with a name) has no seals to ask for.
    let found = fcntl_get_seals(file).unwrap_or(SealFlags::empty());
    match found.contains(SEALS) {
        true => Ok(()),
        false => {
            Err(refused(format!("memory that is not sealed (it has {found:?}, and {SEALS:?} is needed)")))
        }
    }
}

fn refused(what: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} was offered"))
}
