//! A side of a connection over shared memory that is spoken by hand, by P-92 to P-96, and that may break each of them:
//! it shows what it likes, writes to any word, and rings or does not. Never uses the framework's rings.
#![allow(dead_code, unreachable_pub, reason = "each program that includes this uses a part of it")]
#![allow(unsafe_code, reason = "memory that another process reads: each block says why it is sound")]

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
use std::time::{Duration, Instant};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use super::raw::{Greeting, PATIENCE};

/// P-92.
pub const MAGIC: [u8; 8] = *b"\xFFTWSHM\x01\n";
/// P-93: bytes before the ring, and where the words are.
pub const HEADER: usize = 4096;
pub const HEAD: usize = 0;
pub const CLOSED: usize = 8;
pub const TAIL: usize = 128;
pub const WANTS_BYTES: usize = 16;
pub const WANTS_ROOM: usize = 136;
pub const WORDS: [usize; 5] = [HEAD, CLOSED, WANTS_BYTES, TAIL, WANTS_ROOM];

pub const RING: usize = 64 << 10;

/// All that P-92 demands.
pub fn seals() -> SealFlags {
    SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL
}

/// Where the socket of an address lies.
pub fn path(address: &str) -> PathBuf {
    let path = address.strip_prefix("shm:").expect("an address of shared memory");
    path.split('?').next().expect("a path").into()
}

/// A message of introduction, whatever it says.
pub struct Offer {
    pub message: Vec<u8>,
    pub files: Vec<OwnedFd>,
}

impl Offer {
    pub fn new(capacity: u64, file: impl Into<OwnedFd>) -> Self {
        Self { message: [MAGIC, capacity.to_le_bytes()].concat(), files: vec![file.into()] }
    }

    pub fn show(&self, socket: &UnixStream) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let files: Vec<BorrowedFd<'_>> = self.files.iter().map(AsFd::as_fd).collect();
        if !files.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&files)));
        }
        sendmsg(socket, &[IoSlice::new(&self.message)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

/// The other side's message: its capacity, and its memory.
pub fn see(socket: &UnixStream) -> io::Result<(u64, OwnedFd)> {
    let mut message = [0; 16];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut message)];
    let received = recvmsg(socket, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    assert!(matches!(received.bytes, 0 | 16), "one message");
    let file = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    assert_eq!(file.is_some(), received.bytes == 16, "a message with a file");
    let (magic, capacity) = message.split_at(8);
    match file {
        Some(file) if magic == MAGIC => Ok((u64::from_le_bytes(capacity.try_into().expect("8 bytes")), file)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Memory of `size` bytes with these seals, all of it there.
pub fn memory(size: usize, with: SealFlags) -> OwnedFd {
    let file = memfd_create("hostile", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("memory");
    if size > 0 {
        fallocate(&file, FallocateFlags::empty(), 0, size as u64).expect("memory");
    }
    fcntl_add_seals(&file, with).expect("seals");
    file
}

/// The same full of holes.
pub fn sparse(size: u64) -> OwnedFd {
    let file = memfd_create("hostile", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("memory");
    ftruncate(&file, size).expect("a size");
    fcntl_add_seals(&file, seals()).expect("seals");
    file
}

/// Memory that this side writes to and the other side reads.
#[derive(Clone)]
pub struct Own {
    map: Arc<MmapRaw>,
    capacity: usize,
}

impl Own {
    /// As P-92 demands it.
    pub fn new(capacity: usize) -> (Self, OwnedFd) {
        let file = memory(HEADER + capacity, SealFlags::empty());
        let map = MmapOptions::new().len(HEADER + capacity).map_raw(&file).expect("a mapping");
        fcntl_add_seals(&file, seals()).expect("seals");
        (Self { map: Arc::new(map), capacity }, file)
    }

    pub fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset < HEADER);
        // SAFETY: within the mapping, which lives as long as `self`, and aligned. Only atomics access it.
        unsafe { &*self.map.as_mut_ptr().add(offset).cast::<AtomicU64>() }
    }

    pub fn ring(&self) -> &[AtomicU8] {
        // SAFETY: within the mapping, which lives as long as `self`. Only atomics access it.
        unsafe {
            std::slice::from_raw_parts(self.map.as_mut_ptr().add(HEADER).cast::<AtomicU8>(), self.capacity)
        }
    }
}

/// An introduced side that still knows how to behave.
pub struct Side {
    pub socket: UnixStream,
    pub own: Own,
    pub theirs: std::fs::File,
    pub their_capacity: u64,
    pub head: u64,
    pub tail: u64,
    rung: u64,
}

impl Side {
    pub fn dial(address: &str) -> io::Result<Self> {
        Self::over(UnixStream::connect(path(address))?)
    }

    pub fn accept(listener: &UnixListener) -> io::Result<Self> {
        Self::over(listener.accept()?.0)
    }

    fn over(socket: UnixStream) -> io::Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        let (own, file) = Own::new(RING);
        Offer::new(RING as u64, file).show(&socket)?;
        let (their_capacity, theirs) = see(&socket)?;
        Ok(Self { socket, own, theirs: theirs.into(), their_capacity, head: 0, tail: 0, rung: 0 })
    }

    /// A word of the other side's.
    pub fn theirs(&self, offset: usize) -> u64 {
        let mut word = [0; 8];
        self.theirs.read_exact_at(&mut word, offset as u64).expect("their memory");
        u64::from_ne_bytes(word)
    }

    pub fn ring_bell(&self) {
        // Of one who has hung up there is nothing to fear.
        let _ = (&self.socket).write(&[0]);
    }

    /// Copies into the ring and says so, as far as there is room; rings if the other side sleeps.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let sent = self.put(bytes);
        fence(Ordering::SeqCst);
        let sleep = self.theirs(WANTS_BYTES);
        if sleep % 2 == 1 && sleep != self.rung {
            self.rung = sleep;
            self.ring_bell();
        }
        sent
    }

    /// The same without a ring.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let used = self.head.saturating_sub(self.theirs(TAIL)) as usize;
        let bytes = &bytes[..bytes.len().min(RING.saturating_sub(used))];
        for (at, byte) in (self.head as usize..).zip(bytes) {
            self.own.ring()[at % RING].store(*byte, Ordering::Relaxed);
        }
        self.head += bytes.len() as u64;
        self.own.word(HEAD).store(self.head, Ordering::Release);
        bytes.len()
    }

    /// Takes what has come.
    pub fn take(&mut self) -> Vec<u8> {
        let head = self.theirs(HEAD);
        let mut bytes = vec![0; (head - self.tail) as usize];
        for (at, byte) in (self.tail..).zip(&mut bytes) {
            let offset = HEADER as u64 + at % self.their_capacity;
            self.theirs.read_exact_at(std::slice::from_mut(byte), offset).expect("their memory");
        }
        self.tail = head;
        self.own.word(TAIL).store(head, Ordering::Release);
        if self.theirs(WANTS_ROOM) % 2 == 1 {
            self.ring_bell();
        }
        bytes
    }

    /// Says hello, and has heard the other's.
    pub fn greet(&mut self) {
        let hello = Greeting::default().bytes();
        assert_eq!(self.send(&hello), hello.len());
        let mut heard = Vec::new();
        let begin = Instant::now();
        while heard.len() < 16 {
            heard.extend(self.take());
            assert!(begin.elapsed() < PATIENCE, "no hello");
            std::thread::yield_now();
        }
    }

    /// Whether the other side hangs up within that time.
    pub fn is_hung_up_on(&self, within: Duration) -> bool {
        let begin = Instant::now();
        self.socket.set_read_timeout(Some(within)).expect("a timeout");
        loop {
            match (&self.socket).read(&mut [0; 256]) {
                Ok(0) => return true,
                Ok(_) if begin.elapsed() < within => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return true,
                _ => return false,
            }
        }
    }
}
