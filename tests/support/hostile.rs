//! Attacks on a server, each over connections of its own. An attack says what it saw; whether that is right
//! is for the caller to judge.
#![allow(dead_code, unreachable_pub, reason = "each program that includes this uses a part of it")]

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use super::raw::{
    self, Frame, Greeting, Raw, block, call, call_data, call_part, call_within, cancel, flag, frame, header,
    kind, ping, varint,
};

/// What an attack saw on its connection.
#[derive(Default)]
pub struct Seen {
    /// Everything the server said after its hello, its goodbye and the answers to probes left out.
    pub frames: Vec<Frame>,
    /// Why the server ended the connection, if it said so.
    pub goodbye: Option<String>,
    /// Whether the connection still worked at the end.
    pub alive: bool,
}

impl Seen {
    fn of(frames: Vec<Frame>, alive: bool) -> Self {
        let (goodbyes, frames) = frames.into_iter().partition::<Vec<_>, _>(|f| f.kind == kind::GO_AWAY);
        let goodbye = goodbyes.last().map(|frame| String::from_utf8_lossy(&frame.payload).into_owned());
        Self { frames, goodbye, alive }
    }

    /// As `refused`, for those who went on sending until they were cut off: a TCP connection that is closed
    /// with unread bytes is reset, and the reason may be lost on its way.
    pub fn cut_off(&self, words: &[&str]) -> bool {
        !self.alive && (self.goodbye.is_none() || self.refused(words))
    }

    /// Whether the server ended the connection and gave a reason with all these words.
    pub fn refused(&self, words: &[&str]) -> bool {
        let said = self.goodbye.as_deref().unwrap_or_default();
        !self.alive && words.iter().all(|word| said.contains(word))
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, goodbye, alive } = self;
        let first = &frames[..frames.len().min(4)];
        write!(f, "alive: {alive}, goodbye: {goodbye:?}, {} frames, first {first:?}", frames.len())
    }
}

pub type Striking = Pin<Box<dyn Future<Output = io::Result<Seen>> + Send>>;

/// An attack by name, for those who launch it from a command line.
pub struct Attack {
    pub name: &'static str,
    pub about: &'static str,
    pub strike: fn(String) -> Striking,
}

macro_rules! attacks {
    ($($(#[doc = $about:literal])+ $name:ident;)+) => {
        /// All attacks that need nothing but an address.
        pub const ATTACKS: &[Attack] = &[$(Attack {
            name: stringify!($name),
            about: concat!($($about),+),
            strike: |address| Box::pin(async move { $name(&address).await }),
        }),+];
    };
}

attacks! {
    /// Connects and says nothing.
    silence;
    /// Says half a hello, then nothing.
    half_hello;
    /// Asks for a web page.
    http;
    /// Begins a TLS handshake.
    tls;
    /// Says a wrong magic.
    wrong_magic;
    /// Speaks only a version that does not exist yet.
    newer_version;
    /// Announces limits of zero.
    zero_limits;
    /// Sends a frame in place of its hello.
    early_frame;
    /// Says hello twice.
    second_hello;
    /// Claims a frame of 4 GiB.
    giant_frame;
    /// Claims a body of 2^64 - 1 bytes.
    giant_body;
    /// Sends frames of a kind that does not exist.
    unknown_kind;
    /// Sends flags that do not exist.
    unknown_flags;
    /// Sends a number that never ends.
    endless_number;
    /// Sends empty parts of a body.
    empty_parts;
    /// Sends parts of bodies nobody has begun, 100,000 times.
    stray_parts;
    /// Sends a million pings.
    ping_flood;
    /// Cancels calls that do not exist, a million times.
    cancel_flood;
    /// Sends frames of later versions, a million times.
    extension_flood;
    /// Calls and cancels at once, 200,000 times.
    rapid_reset;
    /// Uses a call's id twice.
    same_id;
    /// Replies to calls that were never made.
    stray_reply;
    /// Calls with times of nought, a microsecond and half a million years.
    odd_deadlines;
    /// Calls a method that does not exist, with bodies of random bytes.
    random_calls;
}

/// Sends `bytes` in place of a hello.
pub async fn instead_of_hello(address: &str, bytes: &[u8]) -> io::Result<Seen> {
    let mut raw = Raw::open(address).await?;
    raw.send(bytes).await?;
    raw.hello().await?;
    Ok(Seen::of(raw.rest().await?, false))
}

/// Sends `bytes` after the hellos, then looks whether the connection still works.
pub async fn after_hello(address: &str, bytes: &[u8]) -> io::Result<Seen> {
    let (mut raw, _) = Raw::greet(address).await?;
    // Being cut off in the middle is one of the answers.
    let _ = raw.send(bytes).await;
    let (frames, alive) = raw.settle().await?;
    Ok(Seen::of(frames, alive))
}

pub async fn silence(address: &str) -> io::Result<Seen> {
    instead_of_hello(address, b"").await
}

pub async fn half_hello(address: &str) -> io::Result<Seen> {
    let hello = Greeting::default().bytes();
    instead_of_hello(address, &hello[..hello.len() / 2]).await
}

pub async fn http(address: &str) -> io::Result<Seen> {
    instead_of_hello(address, b"GET / HTTP/1.1\r\nHost: example\r\n\r\n").await
}

pub async fn tls(address: &str) -> io::Result<Seen> {
    instead_of_hello(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await
}

pub async fn wrong_magic(address: &str) -> io::Result<Seen> {
    let hello = Greeting { magic: *b"\xFFTWIRE\xFE\r", ..Greeting::default() };
    instead_of_hello(address, &hello.bytes()).await
}

pub async fn newer_version(address: &str) -> io::Result<Seen> {
    version(address, 2, 9).await
}

pub async fn version(address: &str, lowest: u16, highest: u16) -> io::Result<Seen> {
    let hello = Greeting { versions: (lowest, highest), ..Greeting::default() };
    instead_of_hello(address, &hello.bytes()).await
}

pub async fn zero_limits(address: &str) -> io::Result<Seen> {
    limits(address, [0; 5]).await
}

pub async fn limits(address: &str, limits: [u64; 5]) -> io::Result<Seen> {
    let hello = Greeting { limits, ..Greeting::default() };
    instead_of_hello(address, &hello.bytes()).await
}

pub async fn early_frame(address: &str) -> io::Result<Seen> {
    instead_of_hello(address, &call(0, 0, &[])).await
}

pub async fn second_hello(address: &str) -> io::Result<Seen> {
    after_hello(address, &Greeting::default().bytes()).await
}

pub async fn giant_frame(address: &str) -> io::Result<Seen> {
    after_hello(address, &header(u32::MAX, kind::CALL, 0, 0)).await
}

pub async fn giant_body(address: &str) -> io::Result<Seen> {
    after_hello(address, &call_part(0, 0, u64::MAX, b"x")).await
}

pub async fn unknown_kind(address: &str) -> io::Result<Seen> {
    after_hello(address, &frame(15, 0, 0, b"")).await
}

pub async fn unknown_flags(address: &str) -> io::Result<Seen> {
    after_hello(address, &frame(kind::CALL, 0x40, 0, b"\0")).await
}

pub async fn endless_number(address: &str) -> io::Result<Seen> {
    after_hello(address, &frame(kind::CALL, 0, 0, &[0x80; 1000])).await
}

pub async fn empty_parts(address: &str) -> io::Result<Seen> {
    after_hello(address, &[call_part(0, 0, 100, b"x"), call_data(0, b"").repeat(1000)].concat()).await
}

pub async fn stray_parts(address: &str) -> io::Result<Seen> {
    after_hello(address, &call_data(5, b"x").repeat(100_000)).await
}

pub async fn ping_flood(address: &str) -> io::Result<Seen> {
    after_hello(address, &ping(1).repeat(1_000_000)).await
}

pub async fn cancel_flood(address: &str) -> io::Result<Seen> {
    after_hello(address, &cancel(77).repeat(1_000_000)).await
}

pub async fn extension_flood(address: &str) -> io::Result<Seen> {
    after_hello(address, &frame(kind::EXTENSION, 0xFF, 1, b"").repeat(1_000_000)).await
}

pub async fn rapid_reset(address: &str) -> io::Result<Seen> {
    resets(address, 0, 200_000, 1).await
}

/// Calls `method` without arguments and cancels at once, so many times, under `ids` ids in turn.
pub async fn resets(address: &str, method: u32, times: u32, ids: u32) -> io::Result<Seen> {
    let one = |id| [call(id, method, &[]), cancel(id)].concat();
    let bytes: Vec<u8> = (0..times).flat_map(|round| one(round % ids)).collect();
    after_hello(address, &bytes).await
}

pub async fn same_id(address: &str) -> io::Result<Seen> {
    after_hello(address, &call_part(3, 0, 100, b"x").repeat(2)).await
}

pub async fn stray_reply(address: &str) -> io::Result<Seen> {
    after_hello(address, &frame(kind::REPLY, 0, 3, b"")).await
}

pub async fn odd_deadlines(address: &str) -> io::Result<Seen> {
    let times = [0, 1, u64::MAX / 2, u64::MAX];
    let calls: Vec<_> = (0..).zip(times).map(|(id, micros)| call_within(id, 0, micros, &[])).collect();
    after_hello(address, &calls.concat()).await
}

pub async fn random_calls(address: &str) -> io::Result<Seen> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut all = Seen { alive: true, ..Seen::default() };
    for _ in 0..200 {
        let body: Vec<u8> = (0..random() % 40).map(|_| random() as u8).collect();
        let payload = [varint(random() % 64), block(&body)].concat();
        let flags = if random() % 8 == 0 { flag::DEADLINE } else { 0 };
        let seen = after_hello(address, &frame(kind::CALL, flags, 0, &payload)).await?;
        all.frames.extend(seen.frames);
        all.goodbye = seen.goodbye.or(all.goodbye);
        all.alive &= seen.alive;
    }
    Ok(all)
}

/// Sends `bytes` one at a time, each in a write of its own.
pub async fn drip(raw: &mut Raw, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        raw.send(std::slice::from_ref(byte)).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Greets byte by byte, then calls byte by byte.
pub async fn byte_by_byte(address: &str, calls: &[u8]) -> io::Result<Seen> {
    let mut raw = Raw::open(address).await?;
    drip(&mut raw, &Greeting::default().bytes()).await?;
    raw.hello().await?;
    drip(&mut raw, calls).await?;
    let (frames, alive) = raw.settle().await?;
    Ok(Seen::of(frames, alive))
}

/// Holds `count` connections that have said nothing but `bytes`.
pub async fn crowd(address: &str, count: usize, bytes: &[u8]) -> io::Result<Vec<Raw>> {
    let mut crowd = Vec::with_capacity(count);
    for _ in 0..count {
        let mut raw = Raw::open(address).await?;
        // The server may have dropped it for one that came later.
        let _ = raw.send(bytes).await;
        crowd.push(raw);
    }
    Ok(crowd)
}

/// So many frames, never reading what comes back, until the server takes no more or has had them all.
pub async fn deaf(address: &str, bytes: &[u8], times: usize) -> io::Result<Raw> {
    let mut raw = Raw::open(address).await?;
    raw.push(&Greeting::default().bytes(), raw::PATIENCE).await?;
    for _ in 0..times {
        match raw.push(bytes, std::time::Duration::from_secs(1)).await {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
    }
    Ok(raw)
}
