//! Frames: a fixed header, then a payload whose first bytes may be varints. Never keeps bytes and never
//! allocates from a length that is only claimed.

use crate::error::RpcError;
use crate::proto::violation;

/// The first bytes of every connection, in each direction. `FF` and `FE` occur in no UTF-8 text, so what a
/// program prints can never be taken for it (P-1).
pub const MAGIC: [u8; 8] = *b"\xFFTWIRE\xFE\n";

/// Bytes of a frame's header (P-10).
pub const HEADER: usize = 10;

/// Largest payload of a frame that is taken as a whole, whatever `max_frame` says (P-10): what one peer can
/// make this side hold of a frame that never ends.
pub const MAX_WHOLE: u32 = 128 << 10;

/// What a frame is (P-11). Numbers from `0x80` on are extensions: a receiver that does not know one skips it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call: method, deadline, and its arguments or their first part.
    Call,
    /// A further part of a call's arguments.
    CallData,
    /// The reply to a call, or its first part.
    Reply,
    /// A further part of a reply.
    ReplyData,
    /// The caller no longer wants the reply.
    Cancel,
    /// Asks for a pong with the same payload.
    Ping,
    /// Answers a ping.
    Pong,
    /// No further calls are taken; the payload says why.
    GoAway,
    /// Items of a call's argument stream, or the first part of them.
    CallItems,
    /// Items of a call's result stream, or the first part of them.
    ReplyItems,
    /// The argument stream is complete.
    CallEnd,
    /// The callee wants no more of the argument stream.
    CallStop,
    /// The callee has room for more of the argument stream.
    CallCredit,
    /// The caller has room for more of the result stream.
    ReplyCredit,
    /// References that the next message carries.
    Give,
    /// References that are given back.
    Return,
    /// So many bytes of low priority have been taken.
    Taken,
    /// A kind from a later version, to be skipped.
    Extension,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Kind::Call => 1,
            Kind::CallData => 2,
            Kind::Reply => 3,
            Kind::ReplyData => 4,
            Kind::Cancel => 5,
            Kind::Ping => 6,
            Kind::Pong => 7,
            Kind::GoAway => 8,
            Kind::CallItems => 9,
            Kind::ReplyItems => 10,
            Kind::CallEnd => 11,
            Kind::CallStop => 12,
            Kind::CallCredit => 13,
            Kind::ReplyCredit => 14,
            Kind::Give => 15,
            Kind::Return => 16,
            Kind::Taken => 17,
            Kind::Extension => 0x80,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Kind::Call,
            2 => Kind::CallData,
            3 => Kind::Reply,
            4 => Kind::ReplyData,
            5 => Kind::Cancel,
            6 => Kind::Ping,
            7 => Kind::Pong,
            8 => Kind::GoAway,
            9 => Kind::CallItems,
            10 => Kind::ReplyItems,
            11 => Kind::CallEnd,
            12 => Kind::CallStop,
            13 => Kind::CallCredit,
            14 => Kind::ReplyCredit,
            15 => Kind::Give,
            16 => Kind::Return,
            17 => Kind::Taken,
            0x80.. => Kind::Extension,
            _ => return None,
        })
    }

    /// Whether its payload is taken as it arrives instead of as a whole.
    pub(crate) const fn is_data(self) -> bool {
        matches!(self, Kind::CallData | Kind::ReplyData)
    }

    /// Whether it is a message, or its first part: what a `GIVE` comes before.
    pub(crate) const fn is_message(self) -> bool {
        matches!(self, Kind::Call | Kind::Reply | Kind::CallItems | Kind::ReplyItems)
    }

    /// The flags this kind may carry; any other bit is a violation (P-12).
    const fn flags(self) -> u8 {
        match self {
            Kind::Call => {
                flags::PARTIAL
                    | flags::BLOCK
                    | flags::DEADLINE
                    | flags::METADATA
                    | flags::STREAM
                    | flags::OBJECT
                    | flags::PRIORITY
            }
            Kind::CallItems | Kind::ReplyItems => flags::PARTIAL | flags::BLOCK | flags::LOW,
            Kind::Reply => flags::PARTIAL | flags::BLOCK | flags::ERROR | flags::FAILURE | flags::LOW,
            Kind::CallData | Kind::ReplyData => flags::LOW,
            Kind::Extension => 0xFF,
            _ => 0,
        }
    }
}

/// Bits of a header's flags (P-12).
pub mod flags {
    /// The payload holds the body's total length and only its first part.
    pub const PARTIAL: u8 = 1;
    /// A call: the payload holds the time left, in µs.
    pub const DEADLINE: u8 = 2;
    /// A reply: the body is the method's own error.
    pub const ERROR: u8 = 4;
    /// A call: the payload begins with the object that is called (P-38).
    pub const OBJECT: u8 = 4;
    /// A reply: the body is an `RpcError`.
    pub const FAILURE: u8 = 8;
    /// With `PARTIAL`: what follows the first part is the content of one block of bytes (P-33).
    pub const BLOCK: u8 = 16;
    /// A call: the payload holds metadata (P-29).
    pub const METADATA: u8 = 32;
    /// A call: the payload holds its priority (P-20).
    pub const PRIORITY: u8 = 64;
    /// What else has a body: it is of low priority, and its receiver says when it has taken it (P-46).
    pub const LOW: u8 = 64;
    /// A call: an argument stream belongs to it (P-36).
    pub const STREAM: u8 = 128;
}

/// The fixed part of a frame (P-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of payload that follow.
    pub length: u32,
    /// What the frame is.
    pub kind: Kind,
    /// See [`flags`].
    pub flags: u8,
    /// The call it belongs to; 0 where it belongs to none.
    pub id: u32,
}

impl Header {
    /// The header's bytes.
    pub fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4] = self.kind.number();
        bytes[5] = self.flags;
        bytes[6..].copy_from_slice(&self.id.to_le_bytes());
        bytes
    }

    /// The header at the start of `input`; `None` while it is incomplete.
    ///
    /// # Errors
    /// A violation: payload above `max_frame`, unknown kind, unknown flags.
    pub fn decode(input: &[u8], max_frame: u32) -> Result<Option<Self>, RpcError> {
        let Some(bytes) = input.first_chunk::<HEADER>() else { return Ok(None) };
        let [l0, l1, l2, l3, kind, flags, i0, i1, i2, i3] = *bytes;
        let (length, id) = (u32::from_le_bytes([l0, l1, l2, l3]), u32::from_le_bytes([i0, i1, i2, i3]));
        // What most frames are, and what can be wrong with none of them.
        if flags == 0 && length <= max_frame.min(MAX_WHOLE) {
            match kind {
                1 => return Ok(Some(Self { length, kind: Kind::Call, flags, id })),
                3 => return Ok(Some(Self { length, kind: Kind::Reply, flags, id })),
                _ => {}
            }
        }
        let Some(kind) = Kind::from_number(kind) else {
            return Err(violation("P-11", format_args!("unknown frame kind {kind}")));
        };
        let max = if kind.is_data() { max_frame } else { max_frame.min(MAX_WHOLE) };
        if length > max {
            let message = format_args!("a frame of {length} bytes, above the limit of {max}");
            return Err(violation("P-10", message));
        }
        let block_alone = flags & (self::flags::BLOCK | self::flags::PARTIAL) == self::flags::BLOCK
            && kind != Kind::Extension;
        if flags & !kind.flags() != 0 || block_alone {
            return Err(violation("P-12", format_args!("flags {flags:#04x} on a frame of kind {kind:?}")));
        }
        Ok(Some(Self { length, kind, flags, id }))
    }

    /// Whether a flag is set.
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends `value` as a varint: seven bits a byte, lowest first (P-13).
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a varint off the front of a payload (P-13).
///
/// # Errors
/// A violation: it is cut short, longer than ten bytes, or above 64 bits.
pub fn take_varint(payload: &mut &[u8]) -> Result<u64, RpcError> {
    let mut value = 0u64;
    for (index, &byte) in payload.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7F);
        if index == 9 && bits > 1 {
            break;
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            *payload = &payload[index + 1..];
            return Ok(value);
        }
    }
    Err(violation("P-13", "a malformed varint"))
}
