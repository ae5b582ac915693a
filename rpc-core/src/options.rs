//! What one end of a connection promises and demands: limits on what a peer can cause, and times. Each has a
//! name under which an address or a configuration file sets it. Never reads a file or the environment.

use std::time::Duration;

use crate::error::{Code, RpcError};

/// Limits on what a peer can make this side hold or do, per connection unless said otherwise. Announced in
/// the hello where a well-behaved peer can keep to them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// `max_message`: bytes of the largest argument list or result taken. 16 MiB.
    pub max_message: u32,
    /// `max_frame`: bytes of the largest frame payload taken; larger bodies come in parts. Frames that are
    /// not parts of a body are held to 128 KiB in any case. 512 KiB, at least 1 KiB.
    pub max_frame: u32,
    /// `max_calls`: calls of the peer in flight; a call counts until its handler has ended. 1,024; as an option
    /// at most 65,536.
    pub max_calls: u32,
    /// `max_spawned`: `#[ipc(spawn)]` handlers of one connection that have a thread at once; the others wait for
    /// one. 32. All connections share the runtime's pool of blocking threads, 512 unless it was made otherwise.
    pub max_spawned: u32,
    /// `max_inflight`: bytes of arguments too large for one frame held for calls in flight; a
    /// call with more alone is `TooLarge`. 64 MiB.
    pub max_inflight: u32,
    /// `stream_window`: bytes of a stream's items held before they are read; the sender of more waits. 256 KiB,
    /// at least 1 KiB.
    pub stream_window: u32,
    /// `max_references`: objects of this side that the peer may hold references to: clients passed to it and not
    /// given back. 10,000; one more fails the message that would carry it.
    pub max_references: u32,
    /// `max_versions`: other versions of each of this side's services that the peer may introduce, so that it can call
    /// them. 32, each of at most 512 KiB; all services together take as many bytes as so many of the largest, where each
    /// counts 16 KiB beside its own. A client with one more finds its methods refused.
    pub max_versions: u32,
    /// `max_queued`: bytes of output waiting for the peer to read before no further handler starts. 4 MiB.
    pub max_queued: u32,
    /// `max_depth`: nesting of recursive types in a message that comes. 128. What this side sends is not counted: writing
    /// a value, like dropping it, takes stack for each level that it has.
    pub max_depth: u32,
    /// `max_connections`: connections of one server, over all its addresses. 10,240.
    pub max_connections: u32,
    /// `max_peer_connections`: those among them of one user (local sockets) or from one IP address (`tcp:`). As many
    /// as there may be at all; peers of which the transport knows neither are not counted.
    pub max_peer_connections: u32,
    /// `max_handshakes`: connections of one server that have not sent their hello yet. 128; the oldest is
    /// closed for a new one. Over shared memory as many again may be on their way to introduce themselves.
    pub max_handshakes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 16 << 20,
            max_frame: 512 << 10,
            max_calls: 1024,
            max_spawned: 32,
            max_inflight: 64 << 20,
            stream_window: 256 << 10,
            max_references: 10_000,
            max_versions: 32,
            max_queued: 4 << 20,
            max_depth: 128,
            max_connections: 10_240,
            max_peer_connections: u32::MAX,
            max_handshakes: 128,
        }
    }
}

/// Limits and times of one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What a peer can cause at most.
    pub limits: Limits,
    /// `connect_timeout`: time to open a connection, the exchange of hellos included. 10 s.
    pub connect_timeout: Duration,
    /// `handshake_timeout`: time an accepted connection has for its hello. 5 s.
    pub handshake_timeout: Duration,
    /// `timeout`: time for every call whose client (`with_timeout`) and method (`#[ipc(timeout)]`) set none. None.
    pub timeout: Option<Duration>,
    /// `keepalive`: a ping after this much silence, loss of the connection after as much again. 20 s; `off`
    /// for never.
    pub keepalive: Option<Duration>,
    /// `reconnect`: whether a channel whose connection is lost connects again, by itself and with growing pauses up
    /// to 5 s. Unless it is said, `on`; for `exec:`, whose child it would start again, `off`.
    pub reconnect: Option<bool>,
    /// `low_window`: bytes of low priority that are on their way to the peer at once. More of them is faster over
    /// long distances, less of them is sooner out of the way of what is urgent. 32 KiB, at least 16 KiB.
    pub low_window: u32,
    /// `busy_poll`: how long whoever waits for the peer looks for what comes, in its own thread, before it sleeps. Only
    /// where the peer is on this machine, not over `mem:` nor on the `stdio:` side of `exec:`, and as long as looking has
    /// paid of late. A look holds a thread of the runtime: 50 µs, at most 1 ms; `off` for never.
    pub busy_poll: Option<Duration>,
    /// `wait_for_ready`: whether a call waits, up to its deadline, while the peer cannot be reached, rather than
    /// fail with the first attempt; connecting waits up to `connect_timeout`. `off`.
    pub wait_for_ready: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(5),
            timeout: None,
            keepalive: Some(Duration::from_secs(20)),
            reconnect: None,
            low_window: 32 << 10,
            busy_poll: Some(Duration::from_micros(50)),
            wait_for_ready: false,
        }
    }
}

impl Options {
    /// The names that [`set`](Self::set) knows.
    pub const NAMES: &[&str] = &[
        "busy_poll",
        "connect_timeout",
        "handshake_timeout",
        "keepalive",
        "low_window",
        "max_calls",
        "max_connections",
        "max_depth",
        "max_frame",
        "max_handshakes",
        "max_inflight",
        "max_message",
        "max_peer_connections",
        "max_queued",
        "max_references",
        "max_spawned",
        "max_versions",
        "reconnect",
        "stream_window",
        "timeout",
        "wait_for_ready",
    ];

    /// Sets one option from its text: times as `2s` or `500ms`, sizes as `65536` or `64KiB`. `false` if
    /// there is no option of this name.
    ///
    /// # Errors
    /// `InvalidArgument` for a value that cannot be read or is out of range.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, RpcError> {
        let limits = &mut self.limits;
        match name {
            "max_message" => limits.max_message = size(name, value, 1)?,
            "max_frame" => limits.max_frame = size(name, value, 1024)?,
            "max_calls" => limits.max_calls = count(name, value, MAX_CALLS)?,
            "max_spawned" => limits.max_spawned = count(name, value, MAX_CALLS)?,
            "max_inflight" => limits.max_inflight = size(name, value, 1)?,
            "stream_window" => limits.stream_window = size(name, value, 1024)?,
            "max_references" => limits.max_references = size(name, value, 1)?,
            "max_versions" => limits.max_versions = size(name, value, 1)?,
            "max_queued" => limits.max_queued = size(name, value, 1024)?,
            "max_depth" => limits.max_depth = size(name, value, 1)?,
            "max_connections" => limits.max_connections = size(name, value, 1)?,
            "max_peer_connections" => limits.max_peer_connections = size(name, value, 1)?,
            "max_handshakes" => limits.max_handshakes = size(name, value, 1)?,
            "low_window" => self.low_window = size(name, value, 16 << 10)?,
            "connect_timeout" => self.connect_timeout = time(name, value)?,
            "handshake_timeout" => self.handshake_timeout = time(name, value)?,
            "timeout" => self.timeout = optional_time(name, value)?,
            "keepalive" => self.keepalive = optional_time(name, value)?,
            "busy_poll" => match optional_time(name, value)? {
                Some(longest) if longest > MAX_BUSY_POLL => {
                    return Err(invalid(name, value, "off, or a time of 1ms at most"));
                }
                longest => self.busy_poll = longest,
            },
            "reconnect" => self.reconnect = Some(switch(name, value)?),
            "wait_for_ready" => self.wait_for_ready = switch(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Most that `busy_poll` can be: whatever else the thread has to do waits for so long.
pub(crate) const MAX_BUSY_POLL: Duration = Duration::from_millis(1);

/// Most that `max_calls` can be: a peer that uses the highest id costs memory for all below it.
const MAX_CALLS: u32 = 1 << 16;

fn count(name: &str, value: &str, most: u32) -> Result<u32, RpcError> {
    match value.parse() {
        Ok(count) if (1..=most).contains(&count) => Ok(count),
        _ => Err(invalid(name, value, &format!("a number from 1 to {most}"))),
    }
}

fn size(name: &str, value: &str, least: u32) -> Result<u32, RpcError> {
    let bytes = value.parse::<bytesize::ByteSize>().map(|size| size.as_u64());
    match bytes.ok().and_then(|bytes| u32::try_from(bytes).ok()) {
        Some(size) if size >= least => Ok(size),
        _ => Err(invalid(
            name,
            value,
            &format!("a number such as 65536 or 64KiB, from {least} to {}", u32::MAX),
        )),
    }
}

fn time(name: &str, value: &str) -> Result<Duration, RpcError> {
    match humantime::parse_duration(value) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(invalid(name, value, "a time such as 2s or 500ms, above zero")),
    }
}

fn optional_time(name: &str, value: &str) -> Result<Option<Duration>, RpcError> {
    if value == "off" { Ok(None) } else { time(name, value).map(Some) }
}

fn switch(name: &str, value: &str) -> Result<bool, RpcError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(invalid(name, value, "on or off")),
    }
}

fn invalid(name: &str, value: &str, expected: &str) -> RpcError {
    RpcError::new(Code::InvalidArgument, format!("option {name}={value}: expected {expected}"))
}
