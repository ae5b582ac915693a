//! A peer that speaks the protocol by hand. It encodes from the rules (`P-n`) and not with the framework's
//! encoder: a mistake made in both directions by one encoder would never show. Only the opening of a socket
//! is the framework's.
#![allow(dead_code, unreachable_pub, reason = "each program that includes this uses a part of it")]

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use traitwire::{Dial, Wire};

/// P-1.
pub const MAGIC: &[u8; 8] = b"\xFFTWIRE\xFE\n";

/// P-11.
pub mod kind {
    pub const CALL: u8 = 1;
    pub const CALL_DATA: u8 = 2;
    pub const REPLY: u8 = 3;
    pub const REPLY_DATA: u8 = 4;
    pub const CANCEL: u8 = 5;
    pub const PING: u8 = 6;
    pub const PONG: u8 = 7;
    pub const GO_AWAY: u8 = 8;
    pub const CALL_ITEMS: u8 = 9;
    pub const REPLY_ITEMS: u8 = 10;
    pub const CALL_END: u8 = 11;
    pub const CALL_STOP: u8 = 12;
    pub const CALL_CREDIT: u8 = 13;
    pub const REPLY_CREDIT: u8 = 14;
    pub const GIVE: u8 = 15;
    pub const RETURN: u8 = 16;
    pub const TAKEN: u8 = 17;
    pub const EXTENSION: u8 = 0x80;
}

/// P-12.
pub mod flag {
    pub const PARTIAL: u8 = 1;
    pub const DEADLINE: u8 = 2;
    pub const ERROR: u8 = 4;
    pub const OBJECT: u8 = 4;
    pub const FAILURE: u8 = 8;
    pub const BLOCK: u8 = 16;
    pub const PRIORITY: u8 = 64;
    pub const STREAM: u8 = 128;
}

/// The numbers of the codes a failure carries.
pub mod code {
    pub const UNAVAILABLE: u64 = 0;
    pub const DEADLINE_EXCEEDED: u64 = 1;
    pub const CANCELLED: u64 = 2;
    pub const RESOURCE_EXHAUSTED: u64 = 3;
    pub const UNIMPLEMENTED: u64 = 4;
    pub const DECODE: u64 = 6;
    pub const PANICKED: u64 = 9;
    pub const TOO_LARGE: u64 = 10;
}

/// How long an answer is waited for before the peer counts as hung. It bounds a failure; nothing waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// P-13.
pub fn varint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut left = value;
    loop {
        let low = (left % 128) as u8;
        left /= 128;
        if left == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(128 + low);
    }
}

/// A header that claims `length`, whatever follows (P-10).
pub fn header(length: u32, kind: u8, flags: u8, id: u32) -> Vec<u8> {
    [&length.to_le_bytes()[..], &[kind, flags], &id.to_le_bytes()].concat()
}

pub fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    [&header(payload.len() as u32, kind, flags, id), payload].concat()
}

/// A call in one frame (P-20).
pub fn call(id: u32, method: u32, body: &[u8]) -> Vec<u8> {
    frame(kind::CALL, 0, id, &[&varint(method.into()), body].concat())
}

pub fn call_within(id: u32, method: u32, micros: u64, body: &[u8]) -> Vec<u8> {
    frame(kind::CALL, flag::DEADLINE, id, &[&varint(method.into())[..], &varint(micros), body].concat())
}

/// The first part of a call whose body has `total` bytes (P-30).
pub fn call_part(id: u32, method: u32, total: u64, part: &[u8]) -> Vec<u8> {
    frame(kind::CALL, flag::PARTIAL, id, &[&varint(method.into())[..], &varint(total), part].concat())
}

pub fn call_data(id: u32, part: &[u8]) -> Vec<u8> {
    frame(kind::CALL_DATA, 0, id, part)
}

/// A call to which an argument stream belongs (P-36).
pub fn call_streaming(id: u32, method: u32, body: &[u8]) -> Vec<u8> {
    frame(kind::CALL, flag::STREAM, id, &[&varint(method.into()), body].concat())
}

/// A batch of items (P-36).
pub fn items(kind: u8, id: u32, count: u64, items: &[u8]) -> Vec<u8> {
    frame(kind, 0, id, &[&varint(count), items].concat())
}

pub fn credit(kind: u8, id: u32, bytes: u64) -> Vec<u8> {
    frame(kind, 0, id, &varint(bytes))
}

pub fn cancel(id: u32) -> Vec<u8> {
    frame(kind::CANCEL, 0, id, &[])
}

pub fn ping(number: u64) -> Vec<u8> {
    frame(kind::PING, 0, 0, &number.to_le_bytes())
}

/// A body that is one block of bytes.
pub fn block(bytes: &[u8]) -> Vec<u8> {
    [&varint(bytes.len() as u64), bytes].concat()
}

/// What a hello says (P-2, P-4).
#[derive(Debug, Clone)]
pub struct Greeting {
    pub magic: [u8; 8],
    pub versions: (u16, u16),
    /// max_frame, max_message, max_calls, max_inflight, stream_window.
    pub limits: [u64; 5],
    /// Services and the names and fingerprints of their methods.
    pub services: Vec<(String, Vec<(String, u64)>)>,
    /// Appended to the body: fields of a later version.
    pub appended: Vec<u8>,
}

impl Default for Greeting {
    fn default() -> Self {
        Self {
            magic: *MAGIC,
            versions: (1, 1),
            limits: [1 << 17, 16 << 20, 1024, 64 << 20, 256 << 10],
            services: Vec::new(),
            appended: Vec::new(),
        }
    }
}

impl Greeting {
    pub fn bytes(&self) -> Vec<u8> {
        let mut body: Vec<u8> = self.limits.iter().flat_map(|limit| varint(*limit)).collect();
        body.extend([varint(0), varint(7)].concat());
        body.extend(varint(self.services.len() as u64));
        for (name, methods) in &self.services {
            body.extend(block(name.as_bytes()));
            body.extend(varint(methods.len() as u64));
            for (name, fingerprint) in methods {
                body.extend(block(name.as_bytes()));
                body.extend(varint(*fingerprint));
            }
        }
        body.extend(&self.appended);
        let length = (body.len() as u32).to_le_bytes();
        let (lowest, highest) = self.versions;
        [&self.magic[..], &lowest.to_le_bytes(), &highest.to_le_bytes(), &length, &body].concat()
    }

    /// Reads the body of a hello.
    fn parse(mut body: &[u8]) -> Option<Self> {
        let body = &mut body;
        let mut limits = [0; 5];
        for limit in &mut limits {
            *limit = take_varint(body)?;
        }
        let (_features, _generation) = (take_varint(body)?, take_varint(body)?);
        let mut services = Vec::new();
        for _ in 0..take_varint(body)? {
            let name = take_text(body)?;
            let mut methods = Vec::new();
            for _ in 0..take_varint(body)? {
                methods.push((take_text(body)?, take_varint(body)?));
            }
            services.push((name, methods));
        }
        Some(Self { limits, services, appended: body.to_vec(), ..Self::default() })
    }

    /// The number of a method: they are counted through all services.
    pub fn method(&self, name: &str) -> u32 {
        let mut names = self.services.iter().flat_map(|(_, methods)| methods);
        let at = names.position(|(candidate, _)| candidate == name);
        at.unwrap_or_else(|| panic!("the peer has no method {name}")) as u32
    }
}

pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte % 128) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

pub fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let length = take_varint(bytes)? as usize;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub id: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of a failure, the number of its answer to "did it run?" (no, maybe, yes), and its message.
    pub fn failure(&self) -> Option<(u64, u64, String)> {
        if self.kind != kind::REPLY || self.flags & flag::FAILURE == 0 {
            return None;
        }
        let mut payload = &self.payload[..];
        Some((take_varint(&mut payload)?, take_varint(&mut payload)?, take_text(&mut payload)?))
    }

    pub fn failure_code(&self) -> Option<u64> {
        self.failure().map(|(code, ..)| code)
    }

    /// Whether it is the whole value of the call.
    pub fn is_value(&self, id: u32) -> bool {
        (self.kind, self.flags, self.id) == (kind::REPLY, 0, id)
    }
}

/// One connection, spoken by hand.
pub struct Raw {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    input: Vec<u8>,
    ended: bool,
}

impl Raw {
    /// Connects and says nothing.
    pub async fn open(address: &str) -> io::Result<Self> {
        let connector = address.dial().map_err(io::Error::other)?;
        let opened = tokio::time::timeout(PATIENCE, connector.connect()).await?;
        Ok(Self::over(opened.map_err(io::Error::other)?))
    }

    pub fn over(wire: Wire) -> Self {
        Self { reader: wire.reader, writer: wire.writer, input: Vec::new(), ended: false }
    }

    /// Connects and exchanges hellos.
    pub async fn greet(address: &str) -> io::Result<(Self, Greeting)> {
        let mut raw = Self::open(address).await?;
        raw.send(&Greeting::default().bytes()).await?;
        let greeting = raw.hello().await?;
        Ok((raw, greeting))
    }

    /// Sends, and reads meanwhile, so that two full pipes never face each other.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = async {
            let mut left = bytes;
            while !left.is_empty() {
                tokio::select! {
                    written = self.writer.write(left) => match written? {
                        0 => return Err(io::ErrorKind::WriteZero.into()),
                        count => left = &left[count..],
                    },
                    read = self.reader.read_buf(&mut self.input), if !self.ended => {
                        self.ended = !read.is_ok_and(|count| count > 0);
                    }
                }
            }
            self.writer.flush().await
        };
        tokio::time::timeout(PATIENCE, sent).await?
    }

    /// Sends without ever reading; `false` when the peer takes no more for now.
    pub async fn push(&mut self, bytes: &[u8], patience: Duration) -> io::Result<bool> {
        match tokio::time::timeout(patience, self.writer.write_all(bytes)).await {
            Ok(written) => written.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    async fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let read = tokio::time::timeout(PATIENCE, self.reader.read_buf(&mut self.input)).await?;
        // A reset is an end like any other here.
        self.ended = !read.is_ok_and(|count| count > 0);
        Ok(!self.ended)
    }

    /// The peer's hello.
    pub async fn hello(&mut self) -> io::Result<Greeting> {
        loop {
            if self.input.len() >= 16 {
                assert_eq!(&self.input[..8], MAGIC, "P-1");
                let length = u32::from_le_bytes([12, 13, 14, 15].map(|at| self.input[at])) as usize;
                if let Some(body) = self.input.get(16..16 + length) {
                    let greeting = Greeting::parse(body).ok_or(io::ErrorKind::InvalidData)?;
                    self.input.drain(..16 + length);
                    return Ok(greeting);
                }
            }
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next frame, or `None` at the end of the connection.
    pub async fn frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(head) = self.input.first_chunk::<10>() {
                let (kind, flags) = (head[4], head[5]);
                let [length, id] =
                    [[0, 1, 2, 3], [6, 7, 8, 9]].map(|at| u32::from_le_bytes(at.map(|at| head[at])));
                let end = 10 + length as usize;
                if let Some(payload) = self.input.get(10..end) {
                    let payload = payload.to_vec();
                    self.input.drain(..end);
                    return Ok(Some(Frame { kind, flags, id, payload }));
                }
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    /// All frames up to the end of the connection.
    pub async fn rest(&mut self) -> io::Result<Vec<Frame>> {
        let mut frames = Vec::new();
        while let Some(frame) = self.frame().await? {
            frames.push(frame);
        }
        Ok(frames)
    }

    /// What the peer has to say to what it was sent so far, and whether the connection still works. Pongs
    /// may overtake replies, so it is asked twice: replies to the first batch come before the second pong.
    pub async fn settle(&mut self) -> io::Result<(Vec<Frame>, bool)> {
        let mut frames = Vec::new();
        for number in [0x5E_771E, 0x5E_771F] {
            // The peer may have closed already; what it said before is still there to be read.
            let _ = self.send(&ping(number)).await;
            loop {
                match self.frame().await? {
                    None => return Ok((frames, false)),
                    Some(pong) if pong.kind == kind::PONG && pong.payload == number.to_le_bytes() => break,
                    Some(frame) => frames.push(frame),
                }
            }
        }
        Ok((frames, true))
    }

    /// The end of what this side says; the other side may still speak.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }
}
