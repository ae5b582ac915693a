//! K, in the middle: a peer that writes what it likes, where and when it likes, and rings or does not.
//!
//! K-07: no mutex lies in shared memory, nor anything else that a dying peer could leave locked. Each word has one side
//! that writes to it, and the other side waits for no word without the socket.

use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf};
use traitwire::{Code, Connector, Endpoint, Peer, RpcError, Wire, async_trait};
use traitwire_core::transport::BusyPoll;

use crate::support::area::{CLOSED, HEAD, HEADER, Own, RING, Side, TAIL, WANTS_ROOM, WORDS, path};
use crate::support::probe::ProbeClient;
use crate::support::raw::{Greeting, PATIENCE, Raw, block, call, frame, kind, ping, varint};
use crate::support::scripted::probe_greeting;
use crate::support::victim::{Place, Victim, everywhere, soon};

/// The other side's end shows within a second.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long noise goes on, and how often.
const A_WHILE: Duration = Duration::from_millis(50);
const ROUNDS: usize = 6;

/// Numbers of methods of the probe, with which the victim's hello begins.
const ECHO: u32 = 2;
const PRODUCE: u32 = 3;

/// What a lie is, and how it is told.
type Lie = (&'static str, fn(&mut Side));

/// What an honest side never does to its words.
const LIES: &[Lie] = &[
    ("more than the ring holds", |side| set(side, HEAD, side.tail_of_theirs() + RING as u64 + 1)),
    ("the largest number", |side| set(side, HEAD, u64::MAX)),
    ("backwards", |side| {
        side.send(&ping(1)[..5]);
        while side.tail_of_theirs() < side.head {
            std::thread::yield_now();
        }
        set(side, HEAD, side.head - 1);
    }),
    ("from the beginning", |side| set(side, HEAD, 0)),
    ("taken more than was sent", |side| {
        side.send(&call(0, PRODUCE, &varint(4 << 20)));
        set(side, TAIL, 1 << 40);
    }),
    ("taken, and not taken", |side| {
        side.send(&call(0, PRODUCE, &varint(4 << 20)));
        let full = side.their_capacity;
        while side.theirs(HEAD) < full {
            std::thread::yield_now();
        }
        side.take();
        // It goes on, so it has looked.
        while side.theirs(HEAD) < 2 * full {
            std::thread::yield_now();
        }
        set(side, TAIL, 0);
    }),
];

impl Side {
    fn tail_of_theirs(&self) -> u64 {
        self.theirs(TAIL)
    }
}

fn set(side: &Side, word: usize, value: u64) {
    side.own.word(word).store(value, Ordering::SeqCst);
    side.ring_bell();
}

#[tokio::test]
async fn k_05_indices_that_cannot_be_end_the_connection() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        for (lie, tell) in LIES {
            println!("{lie}");
            let mut side = Side::dial(&victim.address).expect("a connection");
            side.greet();
            tell(&mut side);
            assert!(side.is_hung_up_on(2 * AT_ONCE), "{lie}");
        }
        victim
    })
    .await;
}

/// A server that answers one client by hand, greeted and with its first call taken.
async fn lied_to(greeting: Greeting, tell: fn(&mut Side)) -> RpcError {
    let address = Place::SharedMemory.address("");
    let listener = UnixListener::bind(path(&address)).expect("a socket");
    let server = std::thread::spawn(move || {
        let mut side = Side::accept(&listener).expect("a connection");
        side.send(&greeting.bytes());
        let begin = Instant::now();
        let mut heard = 0;
        while heard < 30 + Greeting::default().bytes().len() && begin.elapsed() < AT_ONCE {
            heard += side.take().len();
            std::thread::yield_now();
        }
        tell(&mut side);
        side.is_hung_up_on(AT_ONCE)
    });
    let client = soon("connecting", ProbeClient::connect(format!("{address}?reconnect=off"))).await;
    let error = match client {
        Ok(client) => {
            let error = soon("the call", client.echo(vec![7; 4 << 20])).await.expect_err("it ended");
            error.rpc().expect("the framework's").clone()
        }
        Err(error) => error,
    };
    assert!(server.join().expect("no panic"), "it hangs up");
    error
}

#[tokio::test]
async fn k_05_a_client_says_what_was_wrong() {
    let greeting = probe_greeting().await;
    for (lie, tell) in LIES.iter().take(4) {
        println!("{lie}");
        let error = lied_to(greeting.clone(), *tell).await;
        assert_eq!(error.code(), Code::Unavailable, "{lie}: {error}");
        assert!(error.to_string().contains("an index that cannot be"), "{lie}: {error}");
    }
}

/// Does something again and again in another thread until it is dropped.
struct Meanwhile {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Meanwhile {
    fn start(mut again: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                again();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Meanwhile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
    }
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Connects and sends good frames, again and again, while `again` meddles with the memory. How often it was cut off.
fn disturb(address: &str, again: fn(&Own, u64)) -> usize {
    let greeting = Greeting::default().bytes();
    // Far more than the ring holds, so that ids are free again when they come again.
    let calls: Vec<u8> = (0..200).flat_map(|id| call(id, ECHO, &block(&[id as u8; 5000]))).collect();
    let mut cut_off = 0;
    let mut state = 0x2545_F491_4F6C_DD1D;
    for _ in 0..ROUNDS {
        let mut side = Side::dial(address).expect("a connection");
        side.send(&greeting);
        let (own, mut seed) = (side.own.clone(), random(&mut state));
        let meddling = Meanwhile::start(move || again(&own, random(&mut seed)));
        let round = Instant::now();
        let mut at = 0;
        // Its answers are not looked at, and said to have been taken: some may be to what nobody asked.
        while round.elapsed() < A_WHILE {
            at = (at + side.send(&calls[at..])) % calls.len();
            side.own.word(TAIL).store(side.theirs(HEAD), Ordering::Relaxed);
        }
        drop(meddling);
        // Who breaks a rule may be told why for a second.
        cut_off += usize::from(side.is_hung_up_on(2 * AT_ONCE));
    }
    cut_off
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_04_who_meddles_with_nothing_is_not_cut_off() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let mut side = Side::dial(&victim.address).expect("a connection");
        let quiet = tokio::task::spawn_blocking(move || {
            side.greet();
            let calls: Vec<u8> = (0..200).flat_map(|id| call(id, ECHO, &block(&[id as u8; 5000]))).collect();
            let (mut at, begin) = (0, Instant::now());
            while begin.elapsed() < A_WHILE {
                at = (at + side.send(&calls[at..])) % calls.len();
                side.own.word(TAIL).store(side.theirs(HEAD), Ordering::Relaxed);
                if side.theirs(WANTS_ROOM) % 2 == 1 {
                    side.ring_bell();
                }
            }
            side.is_hung_up_on(A_WHILE)
        });
        assert!(!soon("the calls", quiet).await.expect("no panic"));
        victim
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_04_what_changes_while_it_is_read_is_one_peers_nonsense() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let address = victim.address.clone();
        let disturbing = tokio::task::spawn_blocking(move || {
            disturb(&address, |own, random| {
                let at = random as usize % RING;
                own.ring()[at].store((random >> 32) as u8, Ordering::Relaxed);
            })
        });
        let cut_off = soon("the noise", disturbing).await.expect("no panic");
        assert!(cut_off > 0, "nonsense ends a connection");
        victim
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_05_words_that_never_rest_are_one_peers_nonsense() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        // Anything at all; what looks as if it could be; and an end that comes and goes, with bytes that do.
        for again in [
            (|own, random| own.word(WORDS[random as usize % 5]).store(random, Ordering::Relaxed))
                as fn(&Own, u64),
            |own, random| {
                own.word(WORDS[random as usize % 5]).fetch_add(random % 3, Ordering::Relaxed);
            },
            |own, random| {
                own.word(CLOSED).store(random % 2, Ordering::Relaxed);
                own.word(HEAD).fetch_xor(random % 2, Ordering::Relaxed);
            },
        ] {
            let address = victim.address.clone();
            let disturbing = tokio::task::spawn_blocking(move || disturb(&address, again));
            assert!(soon("the noise", disturbing).await.expect("no panic") > 0);
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn k_08_a_peer_that_rings_all_the_time_is_not_listened_to_for_long() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let mut side = Side::dial(&victim.address).expect("a connection");
        side.greet();
        let ringing = tokio::task::spawn_blocking(move || {
            let mut rings = 0_u64;
            side.socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
            while (&side.socket).write(&[0]).is_ok() {
                rings += 1;
            }
            rings
        });
        let rings = soon("the end", ringing).await.expect("no panic");
        // It takes up to 256 at once, and the socket holds some.
        assert!((1_000..1_000 * 256 + 10_000).contains(&rings), "{rings} rings");
        victim
    })
    .await;
}

#[tokio::test]
async fn k_08_a_peer_that_never_rings_has_fallen_silent() {
    let victim = Victim::start(Place::SharedMemory, "keepalive=200ms").await;
    let mut side = Side::dial(&victim.address).expect("a connection");
    side.greet();
    let begin = Instant::now();
    // It goes on, and lets nobody know.
    let (greeting, mut said) = (probe_greeting().await, Vec::new());
    side.put(&call(0, greeting.method("produce"), &varint(10)));
    let quiet = tokio::task::spawn_blocking(move || {
        while !side.is_hung_up_on(Duration::from_millis(20)) && begin.elapsed() < PATIENCE {
            said.extend(side.take());
        }
        said.extend(side.take());
        said
    });
    let said = soon("the end", quiet).await.expect("no panic");
    assert!((200..5000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert!(String::from_utf8_lossy(&said).contains("no sign of life"), "{said:?}");
    victim.unharmed().await;
}

/// A peer that has always sent one byte more, of what is to be skipped, by the time that anybody looks.
struct Dripping {
    greeting: Vec<u8>,
    until: Instant,
}

struct Drip {
    frame: Vec<u8>,
    at: usize,
    until: Instant,
}

#[async_trait]
impl Connector for Dripping {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let frame = frame(kind::EXTENSION, 0, 0, &[0; 100_000]);
        let drip = Drip { frame, at: 0, until: self.until };
        let reader = AsyncReadExt::chain(Cursor::new(self.greeting.clone()), drip);
        let peer = Peer::new(self.endpoint().clone());
        Ok(Wire::new(reader, tokio::io::sink(), peer).with_busy_poll(Arc::new(Always)))
    }

    fn endpoint(&self) -> &Endpoint {
        static ENDPOINT: LazyLock<Endpoint> =
            LazyLock::new(|| Endpoint::new("dripping", "peer").expect("an address"));
        &ENDPOINT
    }
}

impl AsyncRead for Drip {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if Instant::now() < self.until {
            into.put_slice(&[self.frame[self.at]]);
            self.at = (self.at + 1) % self.frame.len();
        }
        Poll::Ready(Ok(()))
    }
}

struct Always;

impl BusyPoll for Always {
    fn has_bytes(&self) -> bool {
        true
    }

    fn disarm(&self) {}

    fn arm(&self) -> bool {
        false
    }

    fn untaken(&self) -> usize {
        0
    }
}

#[tokio::test]
async fn k_08_a_single_thread_is_not_held_by_a_peer_that_never_stops_sending() {
    let greeting = probe_greeting().await.bytes();
    let peer = Dripping { greeting, until: Instant::now() + 5 * AT_ONCE };
    let client = ProbeClient::connect(peer).await.expect("a connection");
    let begin = Instant::now();
    let error = client.with_timeout(Duration::from_millis(100)).add(1, 2).await.expect_err("nobody answers");
    assert_eq!(error.rpc().map(RpcError::code), Some(Code::DeadlineExceeded), "{error}");
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
}

/// A peer that is reached once.
struct Passing(Mutex<Option<(DuplexStream, Arc<Always>)>>);

#[async_trait]
impl Connector for Passing {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let Some((reader, busy_poll)) = self.0.lock().expect("nobody panics with it").take() else {
            return Err(RpcError::new(Code::Unavailable, "it was here and has gone"));
        };
        let peer = Peer::new(self.endpoint().clone());
        Ok(Wire::new(reader, tokio::io::sink(), peer).with_busy_poll(busy_poll))
    }

    fn endpoint(&self) -> &Endpoint {
        static ENDPOINT: LazyLock<Endpoint> =
            LazyLock::new(|| Endpoint::new("passing", "peer").expect("an address"));
        &ENDPOINT
    }
}

#[tokio::test]
async fn k_06_whoever_holds_a_client_does_not_hold_what_its_connection_had() {
    let busy_poll = Arc::new(Always);
    let held = Arc::downgrade(&busy_poll);
    let (mut peer, reader) = tokio::io::duplex(1 << 16);
    peer.write_all(&probe_greeting().await.bytes()).await.expect("there is room");
    let passing = Passing(Mutex::new(Some((reader, busy_poll))));
    let client = ProbeClient::connect(passing).await.expect("a connection");
    drop(peer);
    let gone = async {
        while held.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the end of the connection", gone).await;
    client.add(1, 2).await.expect_err("nobody is there");
}

#[tokio::test]
async fn k_11_connections_outlive_their_socket_file() {
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let file = path(&victim.address);
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let aside = file.with_extension("aside");
        std::fs::rename(&file, &aside).expect("renamed");
        assert_eq!(client.add(1, 2).await, Ok(3));
        let error = ProbeClient::connect(&victim.address).await.expect_err("nothing is there");
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains("no server listens here"), "{error}");
        std::fs::rename(&aside, &file).expect("renamed");
        victim
    })
    .await;
}

#[tokio::test]
async fn k_13_a_peer_sees_what_was_sent_to_it_and_nothing_else() {
    const SECRET: &[u8; 16] = b"the 3rd is Judas";
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let spy = Side::dial(&victim.address).expect("a connection");
        let client = ProbeClient::connect(&victim.address).await.expect("a connection");
        let secret = SECRET.repeat(1000);
        assert_eq!(client.echo(secret.clone()).await, Ok(secret));
        drop(client);
        // One who was there, one who comes while the other's memory may be given away again, and one after that.
        for spy in [Ok(spy), Side::dial(&victim.address), Side::dial(&victim.address)] {
            let spy = spy.expect("a connection");
            let mut all = vec![0; HEADER + spy.their_capacity as usize];
            spy.theirs.read_exact_at(&mut all, 0).expect("their memory");
            assert!(!all.windows(SECRET.len()).any(|found| found == SECRET));
            let sent = HEADER + spy.theirs(HEAD) as usize;
            assert!(all[sent..].iter().all(|byte| *byte == 0), "beyond what was sent nothing was ever");
        }
        victim
    })
    .await;
}

#[tokio::test]
async fn k_05_frames_by_hand_are_answered_as_anywhere() {
    // So that the refusals above are for what they are named after.
    everywhere(&[Place::SharedMemory], "", |victim| async move {
        let (mut raw, greeting) = Raw::greet(&victim.address).await.expect("a connection");
        raw.send(&call(0, greeting.method("add"), &[2, 4])).await.expect("sent");
        assert_eq!(raw.frame().await.expect("an answer").expect("an answer").payload, [6]);
        let mut side = Side::dial(&victim.address).expect("a connection");
        side.greet();
        side.send(&ping(0x1234_5678));
        let mut heard = Vec::new();
        let begin = Instant::now();
        while !heard.ends_with(&0x1234_5678_u64.to_le_bytes()) {
            heard.extend(side.take());
            assert!(begin.elapsed() < PATIENCE, "no pong");
        }
        // Each ring is one byte, which is zero.
        side.socket.set_nonblocking(true).expect("a flag");
        let mut rings = [1; 64];
        let rung = (&side.socket).read(&mut rings).unwrap_or_default();
        assert!(rings[..rung].iter().all(|byte| *byte == 0));
        victim
    })
    .await;
}
