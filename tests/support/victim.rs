//! A server under attack, and the rule that holds for every attack: the server lives, a client on another
//! connection never notices, and afterwards nothing is left behind.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use traitwire::{Server, ServerHandle};

use super::probe::{Counts, ProbeClient, ProbeServer, Prober};
use super::process::Process;

/// Where the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Memory,
    Unix,
    Tcp,
    SharedMemory,
}

pub const EVERYWHERE: [Place; 4] = [Place::Unix, Place::Tcp, Place::SharedMemory, Place::Memory];
/// Those where a server has a process of its own.
pub const SOCKETS: [Place; 3] = [Place::Unix, Place::Tcp, Place::SharedMemory];

impl Place {
    /// An address nobody uses.
    pub fn address(self, options: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("traitwire-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        let options = if options.is_empty() { String::new() } else { format!("?{options}") };
        match self {
            Place::Memory => format!("mem:{name}{options}"),
            Place::Unix => format!("unix:{}/{name}{options}", directory().display()),
            Place::SharedMemory => format!("shm:{}/{name}{options}", directory().display()),
            Place::Tcp => format!("tcp://127.0.0.1:0{options}"),
        }
    }
}

/// What the directories of runs are called, before the number of their process.
const DIRECTORIES: &str = "traitwire-tests-";

/// Where the sockets of this run lie. What earlier runs left there, having killed their servers, is removed.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let all = std::env::temp_dir();
        for old in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            let name = old.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix(DIRECTORIES));
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        let own = all.join(format!("{DIRECTORIES}{}", std::process::id()));
        std::fs::create_dir_all(&own).expect("a directory");
        own
    })
}

/// A client that does nothing remarkable, and notices everything.
struct Canary {
    client: ProbeClient,
    stop: Arc<AtomicBool>,
    singing: JoinHandle<Result<u64, String>>,
}

/// A call of the canary that takes longer has been hindered. Far above what a loaded machine needs.
const HINDERED: Duration = Duration::from_secs(5);

impl Canary {
    async fn new(address: &str) -> Self {
        let client = ProbeClient::connect(address).await.expect("the canary connects");
        client.add(1, 1).await.expect("the canary calls");
        let stop = Arc::<AtomicBool>::default();
        let singing = tokio::spawn(sing(client.with_timeout(HINDERED), Arc::clone(&stop)));
        Self { client, stop, singing }
    }
}

async fn sing(client: ProbeClient, stop: Arc<AtomicBool>) -> Result<u64, String> {
    let mut songs = 0;
    let mut beat = tokio::time::interval(Duration::from_millis(5));
    loop {
        beat.tick().await;
        // Once more after the end: the server has to be well then, too.
        let last = stop.load(SeqCst);
        match client.add(songs, 1).await {
            Ok(sum) if sum == songs + 1 => songs += 1,
            other => return Err(format!("after {songs} calls: {other:?}")),
        }
        if last {
            return Ok(songs as u64);
        }
    }
}

enum Home {
    Here(ServerHandle),
    There(Process),
}

pub struct Victim {
    pub address: String,
    home: Home,
    canary: Canary,
    files: usize,
    maps: usize,
    memory: u64,
}

impl Victim {
    pub async fn start(place: Place, options: &str) -> Self {
        let address = place.address(options);
        if place == Place::Memory {
            let service = ProbeServer::new(Prober::default());
            let server = Server::builder().service(service).bind(&address).await.expect("an address");
            let address = server.endpoint().to_string();
            return Self::with(address, Home::Here(server.spawn())).await;
        }
        Self::of(&address, None).await
    }

    /// A server in a process of its own that may have so many descriptors open.
    pub async fn of(address: &str, files: Option<u64>) -> Self {
        let (process, address) = Process::start(&format!("server {address}"), files);
        Self::with(address, Home::There(process)).await
    }

    async fn with(address: String, home: Home) -> Self {
        let canary = Canary::new(&address).await;
        let (files, maps, memory) = match &home {
            Home::Here(_) => (0, 0, 0),
            Home::There(process) => (process.files(), process.maps(), process.memory()),
        };
        Self { address, home, canary, files, maps, memory }
    }

    /// The client whose calls have to go through whatever happens.
    pub fn canary(&self) -> &ProbeClient {
        &self.canary.client
    }

    pub async fn counts(&self) -> Counts {
        self.canary().counts().await.expect("the canary counts")
    }

    /// Waits for the handlers to be as they should, each question being a call.
    pub async fn counted(&self, what: &str, is_it: impl Fn(Counts) -> bool) -> Counts {
        let begin = Instant::now();
        loop {
            let counts = self.counts().await;
            if is_it(counts) {
                return counts;
            }
            assert!(begin.elapsed() < HINDERED, "{what}: {counts:?}");
        }
    }

    /// Bytes the server has grown by since it started. Only a process of its own can be measured.
    pub fn growth(&self) -> u64 {
        match &self.home {
            Home::Here(_) => 0,
            Home::There(process) => process.memory().saturating_sub(self.memory),
        }
    }

    pub fn process(&mut self) -> Option<&mut Process> {
        match &mut self.home {
            Home::Here(_) => None,
            Home::There(process) => Some(process),
        }
    }

    /// The rule: called when every attacker has gone.
    pub async fn unharmed(mut self) {
        self.canary.stop.store(true, SeqCst);
        let songs = (&mut self.canary.singing).await.expect("the canary ran");
        songs.expect("the canary noticed something");
        self.counted("handlers are left", |counts| counts.running == 0).await;
        match &mut self.home {
            Home::Here(handle) => {
                let ended = handle.shutdown(HINDERED).await.expect("an end");
                assert_eq!(ended.cut_off, 0);
            }
            Home::There(process) => {
                let (files, maps) = (self.files, self.maps);
                eventually("descriptors are left", || process.files() <= files).await;
                eventually("mappings are left", || process.maps() <= maps).await;
                assert!(process.is_alive());
            }
        }
    }
}

/// Waits for something outside this process that no event announces.
pub async fn eventually(what: &str, mut is_it: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_it() {
        assert!(begin.elapsed() < HINDERED, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Fails rather than hangs.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("{what} takes too long"))
}

/// Does the same with a server in each place.
pub async fn everywhere<F: Future<Output = Victim>>(
    places: &[Place],
    options: &str,
    attack: impl Fn(Victim) -> F,
) {
    for place in places {
        println!("at {place:?}");
        attack(Victim::start(*place, options).await).await.unharmed().await;
    }
}
