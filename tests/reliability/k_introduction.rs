//! K, the beginning: what a peer may show instead of memory that can be trusted.
//!
//! K-02, a kernel that loses a flag: what was asked for is asked after (`Own::create`), by the same check that refuses
//! a peer's memory here; that the seals of our own memory are there and hold is K-01's second test.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{
    FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
    ftruncate, memfd_create, open,
};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use traitwire::{Code, Executed, Server};

use crate::support::area::{HEADER, MAGIC, Offer, Own, RING, Side, memory, path, seals, see, sparse};
use crate::support::probe::{ProbeClient, ProbeServer, Prober};
use crate::support::process::Process;
use crate::support::raw::PATIENCE;
use crate::support::victim::{Place, Victim, eventually, everywhere, soon};

const SIZE: usize = HEADER + RING;

/// What is shown, and words of the refusal.
struct Trick {
    name: &'static str,
    offer: Offer,
    refusal: &'static str,
}

fn reopened(file: &OwnedFd, flags: OFlags) -> OwnedFd {
    open(format!("/proc/self/fd/{}", file.as_raw_fd()), flags | OFlags::CLOEXEC, Mode::empty())
        .expect("it can be opened again")
}

fn opened(path: impl AsRef<std::path::Path>) -> OwnedFd {
    File::open(path).expect("it is there").into()
}

/// Everything but memory as P-92 demands it.
fn tricks() -> Vec<Trick> {
    let good = || Own::new(RING).1;
    let mut tricks = Vec::new();
    let mut shown = |name, refusal, capacity: u64, file: OwnedFd| {
        tricks.push(Trick { name, offer: Offer::new(capacity, file), refusal });
    };
    let ring = RING as u64;

    let unsealed = "not sealed";
    shown("unsealed memory", unsealed, ring, memory(SIZE, SealFlags::empty()));
    for lost in [SealFlags::SHRINK, SealFlags::GROW, SealFlags::FUTURE_WRITE, SealFlags::SEAL] {
        shown("memory with a seal less", unsealed, ring, memory(SIZE, seals() - lost));
    }
    let never = memfd_create("hostile", MemfdFlags::CLOEXEC).expect("memory");
    fallocate(&never, FallocateFlags::empty(), 0, SIZE as u64).expect("memory");
    shown("memory that cannot be sealed", unsealed, ring, never);

    let (pipe, _) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    shown("a pipe", unsealed, ring, pipe);
    shown("a directory", unsealed, ring, opened("/"));
    shown("a device", unsealed, ring, opened("/dev/zero"));
    shown("a socket", unsealed, ring, UnixStream::pair().expect("a pair").0.into());
    shown("a mere place", unsealed, ring, reopened(&good(), OFlags::PATH));
    let mut folders = vec![std::env::temp_dir()];
    folders.extend(Some("/dev/shm".into()).filter(|folder: &std::path::PathBuf| folder.is_dir()));
    for folder in folders {
        let file = tempfile::tempfile_in(folder).expect("a file");
        file.set_len(SIZE as u64).expect("a size");
        shown("a regular file", unsealed, ring, file.into());
    }
    // Where there are no huge pages, there is nothing to show.
    let huge = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
    if let Ok(file) = memfd_create("hostile", huge)
        && ftruncate(&file, 2 << 20).is_ok()
        && fcntl_add_seals(&file, seals()).is_ok()
    {
        shown("huge pages", "memory of another kind", ring, file);
    }

    shown("no bytes", "0 bytes of memory", ring, memory(0, seals()));
    shown("a byte too few", "bytes of memory", ring, memory(SIZE - 1, seals()));
    shown("a byte too many", "bytes of memory", ring, memory(SIZE + 1, seals()));
    shown("a terabyte for a small ring", "bytes of memory", ring, sparse(1 << 40));
    shown("a terabyte", "a ring of 1099511627776 bytes", 1 << 40, sparse((1 << 40) + HEADER as u64));
    shown("holes", "memory with holes", ring, sparse(SIZE as u64));
    shown("memory that can only be read", "cannot be relied on", ring, reopened(&good(), OFlags::RDONLY));
    for capacity in [0, 1, 2048, ring - 1, ring + 1, 128 << 20, u64::MAX - HEADER as u64 + 1, u64::MAX] {
        shown("a ring of an odd size", "a ring of", capacity, good());
    }

    let message = |message: &[u8], files| Offer { message: message.to_vec(), files };
    let told = |capacity: u64| [&MAGIC[..], &capacity.to_le_bytes()].concat();
    tricks.extend([
        Trick { name: "nothing", refusal: "no memory was offered", offer: message(&told(ring), vec![]) },
        Trick { name: "two", refusal: "more than one", offer: message(&told(ring), vec![good(), good()]) },
        Trick {
            name: "four in two messages",
            refusal: "more than one",
            offer: message(&told(ring)[..1], vec![good(), good(), good(), good()]),
        },
        Trick {
            name: "K-12: another layout",
            refusal: "does not speak of shared memory",
            offer: message(b"\xFFTWSHM\x02\n\0\0\x01\0\0\0\0\0", vec![good()]),
        },
    ]);
    tricks
}

#[tokio::test]
async fn k_01_k_03_what_is_no_memory_to_trust_is_refused_and_nothing_kept() {
    let mut victim = Victim::start(Place::SharedMemory, "").await;
    let (files, maps) = victim.process().map(|process| (process.files(), process.maps())).expect("a process");
    // To a client it is a server that it cannot have meant, which is no trick.
    let greeting = Trick {
        name: "a greeting as over a plain socket",
        refusal: "a `shm:` server is here",
        offer: Offer { message: b"\xFFTWIRE\xFE\n\x01\0\x01\0\0\0\0\0".to_vec(), files: vec![] },
    };
    for Trick { name, offer, refusal } in tricks().into_iter().chain([greeting]) {
        println!("{name}");
        let mut socket = UnixStream::connect(path(&victim.address)).expect("the server listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        offer.show(&socket).expect("sent");
        let mut told = Vec::new();
        // Where more was sent than it has read, the end is a reset.
        let _ = socket.read_to_end(&mut told);
        let told = String::from_utf8(told).expect("text");
        assert!(told.contains(refusal), "{name}: {told}");
        assert!(!told.contains('\0') && told.len() <= 256, "{name}: {told:?}");
    }
    let process = victim.process().expect("a process");
    assert!(process.files() <= files && process.maps() <= maps);
    victim.unharmed().await;
}

#[tokio::test]
async fn k_01_k_03_a_client_refuses_the_same() {
    for Trick { name, offer, refusal } in tricks() {
        println!("{name}");
        let address = Place::SharedMemory.address("");
        let listener = UnixListener::bind(path(&address)).expect("a socket");
        let server = tokio::task::spawn_blocking(move || {
            let (mut socket, _) = listener.accept()?;
            offer.show(&socket)?;
            see(&socket)?;
            let mut told = String::new();
            // As above.
            let _ = socket.read_to_string(&mut told);
            io::Result::Ok(told)
        });
        let error = soon("connecting", ProbeClient::connect(&address)).await.expect_err("refused");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{name}");
        assert!(error.to_string().contains(refusal), "{name}: {error}");
        let told = soon("the server", server).await.expect("no panic").expect("a connection");
        assert!(told.contains(refusal), "{name}: {told}");
    }
}

#[tokio::test]
async fn k_01_our_own_memory_cannot_be_cut_nor_written_to_by_the_peer() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let side = Side::dial(&victim.address).expect("a connection");
        let file = side.theirs.as_fd();
        assert!(fcntl_get_seals(file).expect("it can be sealed").contains(seals()));
        // Where the kernel can forbid that it is executed, it is.
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL;
        if memfd_create("traitwire-tests", flags).is_ok() {
            assert!(fcntl_get_seals(file).expect("it can be sealed").contains(SealFlags::EXEC));
        }
        let found = fstat(file).expect("its size");
        assert_eq!(found.st_size as u64, HEADER as u64 + side.their_capacity);
        assert!(found.st_blocks * 512 >= found.st_size, "all of it is there");
        for size in [0, HEADER as u64, found.st_size as u64 * 2] {
            assert_eq!(ftruncate(file, size), Err(Errno::PERM));
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        assert_eq!(fallocate(file, hole, 0, HEADER as u64), Err(Errno::PERM));
        assert_eq!(rustix::io::pwrite(file, b"x", 0), Err(Errno::PERM));
        let refused = memmap2::MmapOptions::new().len(HEADER).map_raw(&side.theirs).expect_err("sealed");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        victim
    })
    .await;
}

#[tokio::test]
async fn k_03_our_own_memory_shown_back_is_a_peer_that_says_what_we_say() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        // It shows its memory to who has shown some, and this is that of another connection.
        let side = Side::dial(&victim.address).expect("a connection");
        let socket = UnixStream::connect(path(&victim.address)).expect("the server listens");
        let file = side.theirs.try_clone().expect("a copy");
        Offer::new(side.their_capacity, file).show(&socket).expect("sent");
        see(&socket).expect("its introduction");
        // It finds its own hello; what follows is as with any peer that says the same.
        drop(socket);
        victim
    })
    .await;
}

#[tokio::test]
async fn k_03_those_who_never_introduce_themselves_hold_up_nobody() {
    let mut victim = Victim::start(Place::SharedMemory, "handshake_timeout=1m&ring=64MiB").await;
    let maps = victim.process().expect("a process").maps();
    let mut silent = Vec::new();
    for _ in 0..4 {
        for _ in 0..100 {
            silent.push(UnixStream::connect(path(&victim.address)).expect("the server listens"));
        }
        // Well before the time is up that each of them has.
        let client = ProbeClient::connect(&format!("{}?connect_timeout=2s", victim.address)).await;
        assert_eq!(client.expect("a connection").add(1, 2).await, Ok(3));
        // Who has shown nothing is shown nothing: the client after them was, and it has gone again.
        let process = victim.process().expect("a process");
        eventually("memory is taken for the silent", || process.maps() <= maps).await;
    }
    let mut oldest = &silent[0];
    oldest.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    assert_eq!(oldest.read(&mut [0]).expect("an end"), 0, "the oldest has given way");
    drop(silent);
    victim.unharmed().await;
}

#[tokio::test]
async fn k_03_a_refusal_is_one_whenever_it_is_heard() {
    for introduces in [false, true] {
        let address = Place::SharedMemory.address("");
        let listener = UnixListener::bind(path(&address)).expect("a socket");
        let server = std::thread::spawn(move || {
            let socket = match introduces {
                true => Side::accept(&listener)?.socket,
                false => listener.accept()?.0,
            };
            (&socket).write_all(b"too many of you")?;
            // It has read it by the time that it leaves.
            socket.set_read_timeout(Some(PATIENCE))?;
            io::copy(&mut &socket, &mut io::sink())
        });
        let connecting = ProbeClient::connect(format!("{address}?reconnect=off"));
        let error = soon("connecting", connecting).await.expect_err("refused");
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::No), "{error}");
        assert!(error.to_string().contains("the peer refuses: too many of you"), "{error}");
        assert!(!error.to_string().contains("no server listens"), "{error}");
        server.join().expect("no panic").expect("an end");
    }
}

/// Threads that allocate a file again and again, each of which the kernel makes wait for the others.
struct Busy {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Busy {
    /// So many threads, or none where this machine does not start as many.
    fn start(file: OwnedFd, size: usize, threads: usize) -> io::Result<Self> {
        // One descriptor for all: a process has fewer of them than threads.
        let file = Arc::new(file);
        // There before the first thread is: whatever fails later, it stops them.
        let mut busy = Self { stop: Arc::default(), threads: Vec::new() };
        for _ in 0..threads {
            let (file, stop) = (Arc::clone(&file), Arc::clone(&busy.stop));
            let allocate = move || {
                while !stop.load(Ordering::Relaxed) {
                    let _ = fallocate(&*file, FallocateFlags::empty(), 0, size as u64);
                }
            };
            busy.threads.push(std::thread::Builder::new().spawn(allocate)?);
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().expect("no panic"));
    }
}

#[tokio::test]
async fn k_03_a_file_that_its_peer_is_busy_with_holds_up_that_peer_alone() {
    const LARGE: usize = 64 << 20;
    // From which on it can be told whether the thread was held.
    const LONG: Duration = Duration::from_millis(200);
    // In this thread, which runs nothing else then.
    let address = Place::SharedMemory.address("");
    let service = ProbeServer::new(Prober::default());
    let server = Server::builder().service(service).bind(&address).await.expect("an address").spawn();
    let mut threads = 300;
    loop {
        let socket = UnixStream::connect(path(&address)).expect("the server listens");
        let (_own, file) = Own::new(LARGE);
        let copy = file.try_clone().expect("a copy");
        let busy = match Busy::start(file, HEADER + LARGE, threads) {
            Ok(busy) => busy,
            Err(error) => {
                println!("skipped: this machine does not start {threads} threads: {error}");
                break;
            }
        };
        Offer::new(LARGE as u64, copy).show(&socket).expect("sent");
        let seen = tokio::task::spawn_blocking(move || see(&socket).map(drop));
        let (begin, mut longest) = (Instant::now(), Duration::ZERO);
        while !seen.is_finished() && begin.elapsed() < PATIENCE {
            let turn = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest = longest.max(turn.elapsed());
        }
        let waited = begin.elapsed();
        drop(busy);
        println!("{waited:?} with {threads} threads, of which the thread was held {longest:?}");
        seen.await.expect("no panic").expect("its introduction");
        if waited >= LONG {
            assert!(longest < waited / 4, "{longest:?} of {waited:?}");
            break;
        }
        // Nobody was held up, and nothing is known: the kernel was too fast for so few.
        threads *= 2;
        if threads > 1_200 {
            println!("skipped: on this kernel a file cannot be kept so busy that who maps it waits");
            break;
        }
    }
    server.shutdown(PATIENCE).await.expect("an end");
}

#[tokio::test]
async fn k_12_an_introduction_in_pieces_is_one_all_the_same() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let (_own, file) = Own::new(RING);
        let Offer { message, files } = Offer::new(RING as u64, file);
        for at in 0..message.len() {
            let socket = UnixStream::connect(path(&victim.address)).expect("the server listens");
            socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            let file = files[0].try_clone().expect("a copy");
            Offer { message: message[..at].to_vec(), files: vec![] }.show(&socket).expect("sent");
            Offer { message: message[at..=at].to_vec(), files: vec![file] }.show(&socket).expect("sent");
            if at % 2 == 1 {
                // Leaves in the middle, or has nothing more to say.
                continue;
            }
            Offer { message: message[at + 1..].to_vec(), files: vec![] }.show(&socket).expect("sent");
            see(&socket).expect("its introduction");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn j_02_a_client_runs_out_of_descriptors_anywhere() {
    let (_server, address) = Process::start(&format!("server {}", Place::SharedMemory.address("")), None);
    let (mut client, two_more) = Process::start(&format!("client {address} starved"), None);
    assert_eq!(two_more, "connected");
    // The socket and its own memory, which it has shown by the time that the other's comes.
    assert_eq!(client.word(), "connected");
    for left in [1, 0] {
        let error = client.word();
        assert!(error.contains("Unavailable") && error.contains("Too many open files"), "{left}: {error}");
    }
}

#[tokio::test]
async fn j_02_no_descriptor_is_left_for_what_the_peer_shows() {
    let address = Place::SharedMemory.address("");
    let listener = UnixListener::bind(path(&address)).expect("a socket");
    let (mut client, limit) = Process::start(&format!("client {address} devouring"), None);
    let (socket, _) = listener.accept().expect("it comes");
    see(&socket).expect("its introduction");
    let limit: usize = limit.parse().expect("a number");
    // What this program was started with may have a higher number.
    let places = || (0..limit).map(|file| format!("/proc/{}/fd/{file}", client.id().as_raw_pid()));
    let is_lasting = |file: std::path::PathBuf| {
        let file = file.to_string_lossy();
        !file.contains("memfd:") && !file.ends_with("/maps")
    };
    eventually("it has taken them all", || {
        places().all(|place| std::fs::read_link(place).is_ok_and(is_lasting))
    })
    .await;
    let (_own, file) = Own::new(RING);
    Offer::new(RING as u64, file).show(&socket).expect("sent");
    let error = client.word();
    assert!(error.contains("Unavailable") && error.contains("Too many open files"), "{error}");
    assert_eq!(client.maps(), 0);
}

#[tokio::test]
async fn j_05_no_memory_for_a_ring_is_an_error() {
    let (server, address) = Process::start(&format!("server {}", Place::SharedMemory.address("")), None);
    let (mut client, word) = Process::start(&format!("client {address} cramped"), None);
    assert_eq!(word, "there", "it fails, and no signal ends the process");
    client.kill();
    drop(server);
}
