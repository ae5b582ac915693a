//! The hello: the first thing each side says, and all that a side must know before its first call. Never
//! depends on the other side's hello: both are sent at once.

use serde::{Deserialize, Serialize};
use traitwire_idl::Fingerprint;

use crate::error::{Code, RpcError};
use crate::options::Limits;
use crate::proto::frame::MAGIC;
use crate::proto::violation;

/// Protocol versions this build speaks, lowest and highest (P-2).
pub const VERSIONS: (u16, u16) = (1, 1);

/// Bytes before the hello's body: magic, two versions, length (P-2).
pub const PREFIX: usize = MAGIC.len() + 2 + 2 + 4;

/// Largest body of a hello: room for about 8,000 methods (P-3).
pub const MAX_HELLO: u32 = 256 << 10;

/// Longest text that is taken for a reason, in bytes (P-1).
const MAX_REASON: usize = 256;

/// Most services and methods in a hello (P-3): a few bytes each on the wire, many times that in memory.
const MAX_ENTRIES: usize = 10_000;

/// What one side tells the other of itself (P-4). Later versions append fields; a reader ignores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Largest frame payload this side takes, in bytes.
    pub max_frame: u32,
    /// Largest body this side takes, in bytes.
    pub max_message: u32,
    /// Calls this side takes at once; call ids are below it.
    pub max_calls: u32,
    /// Bytes of arguments in parts this side takes at once.
    pub max_inflight: u32,
    /// Credit that each stream to this side begins with, in bytes.
    pub stream_window: u32,
    /// Optional parts of the protocol this side can use. None exist yet.
    pub features: u64,
    /// Differs between two starts of one server, so that a client can tell a restart from a lost connection.
    pub generation: u64,
    /// What this side serves. Methods are numbered through all services, in this order.
    pub services: Vec<ServedService>,
}

/// A service in a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedService {
    /// Its name on the wire.
    pub name: String,
    /// Its methods, in order.
    pub methods: Vec<ServedMethod>,
}

/// A method in a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedMethod {
    /// Its name on the wire.
    pub name: String,
    /// The fingerprint of its signature.
    pub fingerprint: Fingerprint,
}

impl Hello {
    /// A hello that announces `limits` and serves nothing yet.
    pub fn new(limits: &Limits, generation: u64) -> Self {
        Self {
            max_frame: limits.max_frame,
            max_message: limits.max_message,
            max_calls: limits.max_calls,
            max_inflight: limits.max_inflight,
            stream_window: limits.stream_window,
            features: 0,
            generation,
            services: Vec::new(),
        }
    }

    /// Its bytes, magic and versions included.
    ///
    /// # Errors
    /// `InvalidArgument`, where it serves so much that no peer would take it (P-3).
    pub fn encode(&self) -> Result<Vec<u8>, RpcError> {
        let too_much = |what| {
            let message = format!("one side cannot serve {what}: split the services between servers");
            RpcError::new(Code::InvalidArgument, message)
        };
        if self.entries() > MAX_ENTRIES {
            return Err(too_much(format!("more than {MAX_ENTRIES} services and methods")));
        }
        let body = postcard::to_stdvec(self).map_err(|error| {
            RpcError::new(Code::Internal, "the hello cannot be encoded").with_source(&error)
        })?;
        if body.len() > MAX_HELLO as usize {
            return Err(too_much(format!(
                "services whose names fill {} bytes, above {MAX_HELLO}",
                body.len()
            )));
        }
        let mut bytes = Vec::with_capacity(PREFIX + body.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSIONS.0.to_le_bytes());
        bytes.extend_from_slice(&VERSIONS.1.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// The hello at the start of `input` and its length in bytes; `None` while it is incomplete. A wrong
    /// first byte is an error at once.
    ///
    /// # Errors
    /// `Protocol`: what is there is not a hello, speaks no common version, or announces impossible limits.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, RpcError> {
        let seen = input.len().min(MAGIC.len());
        if input[..seen] != MAGIC[..seen] {
            return Err(not_a_hello(input));
        }
        let Some(prefix) = input.first_chunk::<PREFIX>() else { return Ok(None) };
        let [.., a0, a1, b0, b1, l0, l1, l2, l3] = *prefix;
        let (lowest, highest) = (u16::from_le_bytes([a0, a1]), u16::from_le_bytes([b0, b1]));
        if lowest > VERSIONS.1 || highest < VERSIONS.0 || lowest > highest {
            let message = format!(
                "the peer speaks protocol versions {lowest} to {highest}, this side {} to {}",
                VERSIONS.0, VERSIONS.1
            );
            return Err(RpcError::new(Code::Protocol, message));
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length > MAX_HELLO {
            return Err(violation("P-3", format_args!("a hello of {length} bytes")));
        }
        let end = PREFIX + length as usize;
        let Some(body) = input.get(PREFIX..end) else { return Ok(None) };
        let (hello, _later_fields) = postcard::take_from_bytes::<Self>(body)
            .map_err(|error| violation("P-4", format_args!("an unreadable hello: {error}")))?;
        hello.check()?;
        Ok(Some((hello, end)))
    }

    /// Services and methods together.
    fn entries(&self) -> usize {
        self.services.iter().map(|service| 1 + service.methods.len()).sum()
    }

    fn check(&self) -> Result<(), RpcError> {
        let entries = self.entries();
        if entries > MAX_ENTRIES {
            return Err(violation("P-3", format_args!("a hello of {entries} services and methods")));
        }
        let least = [
            ("max_frame", self.max_frame, 1024),
            ("max_message", self.max_message, 1),
            ("max_calls", self.max_calls, 1),
            ("max_inflight", self.max_inflight, 1),
            ("stream_window", self.stream_window, 1),
        ];
        match least.iter().find(|(_, announced, least)| announced < least) {
            None => Ok(()),
            Some((name, announced, _)) => Err(violation("P-5", format_args!("{name} of {announced}"))),
        }
    }
}

/// Says what was seen instead of a hello: the answer to "what is listening there?".
fn not_a_hello(input: &[u8]) -> RpcError {
    let shown = &input[..input.len().min(32)];
    let guess = match shown {
        [0x16, 0x03, ..] => " (a TLS handshake)",
        _ if shown.starts_with(b"HTTP/") => " (an HTTP response)",
        _ if [&b"GET "[..], b"POST", b"PRI ", b"HEAD", b"PUT "]
            .iter()
            .any(|verb| shown.starts_with(verb)) =>
        {
            " (an HTTP request)"
        }
        _ => "",
    };
    if let (true, Some(reason)) = (guess.is_empty(), reason(input)) {
        return RpcError::new(Code::Protocol, format!("the peer says, in place of a hello: {reason}"));
    }
    let message =
        format!("the peer does not speak this protocol: it began with \"{}\"{guess}", shown.escape_ascii());
    RpcError::new(Code::Protocol, message)
}

/// Why the peer refuses, if all that it has said is text without characters that steer a terminal or hide, and not too long
/// for a reason (P-1).
pub fn reason(said: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(said).ok()?;
    (text.len() <= MAX_REASON && !text.contains(traitwire_idl::is_hidden)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_place_of_a_hello_is_why_the_peer_refuses() {
        let (longest, longer) = ("a".repeat(MAX_REASON), "a".repeat(MAX_REASON + 1));
        // By bytes, not characters.
        let (wide, wider) = (format!("{}é", "a".repeat(254)), format!("{}é", "a".repeat(255)));
        let table: [(&[u8], bool); 10] = [
            (b"go away", true),
            (longest.as_bytes(), true),
            (longer.as_bytes(), false),
            (wide.as_bytes(), true),
            (wider.as_bytes(), false),
            (b"one line\nand another", false),
            (b"with its end\n", false),
            (b"a\x1b[2Jscreen", false),
            ("a\u{85}line of other systems".as_bytes(), false),
            // A sequence that goes on in what has not come yet.
            (b"caf\xc3", false),
        ];
        for (said, is_reason) in table {
            let error = Hello::decode(said).expect_err("no hello");
            let text = String::from_utf8_lossy(said);
            assert_eq!(error.code(), Code::Protocol);
            match is_reason {
                true => {
                    assert_eq!(error.message(), format!("the peer says, in place of a hello: {text}"));
                }
                false => assert!(error.message().contains("it began with"), "{error}"),
            }
        }
        // What is known to be another protocol is called by its name.
        let error = Hello::decode(b"HTTP/1.1 400 Bad Request").expect_err("no hello");
        assert!(error.message().ends_with("(an HTTP response)"), "{error}");
    }
}
