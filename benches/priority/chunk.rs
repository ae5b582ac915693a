//! A client by hand that sends a large body as one chunk and a small call behind it: what priorities are compared to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// Bytes of the large call.
pub(crate) const BODY: usize = 100 << 20;

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// A hello that serves nothing, as in PROTOCOL.md.
const HELLO: &[u8] = b"\xFFTWIRE\xFE\n\x01\0\x01\0\x13\0\0\0\x80\x80\x20\x80\x80\x80\x08\x80\x08\x80\x80\x80\x20\x80\x80\x10\0\0\0";

/// Nanoseconds from the first byte of the chunk to the reply to the small call, which stands behind it.
pub(crate) fn measure(address: &str) -> u64 {
    let mut stream: Box<dyn Stream> = match (address.strip_prefix("unix:"), address.strip_prefix("tcp://")) {
        (Some(path), _) => Box::new(UnixStream::connect(path).expect("the server is there")),
        (_, Some(target)) => {
            let stream = TcpStream::connect(target).expect("the server is there");
            stream.set_nodelay(true).expect("a socket of TCP");
            Box::new(stream)
        }
        _ => panic!("{address} is neither unix: nor tcp:"),
    };
    stream.write_all(HELLO).expect("written");
    let mut prefix = [0; 16];
    stream.read_exact(&mut prefix).expect("a hello");
    let length = u32::from_le_bytes([prefix[12], prefix[13], prefix[14], prefix[15]]);
    stream.read_exact(&mut vec![0; length as usize]).expect("a hello");

    // The body is the varint of the block's length, which is the first part, and the block.
    let block = varint(BODY as u64);
    let total = varint((block.len() + BODY) as u64);
    let first = [&[1][..], &total, &block].concat();
    let (partial_block, call, data) = (0x11, 1, 2);
    let begin = [&header(first.len(), call, partial_block, 0)[..], &first].concat();
    stream.write_all(&begin).expect("written");
    let chunk = vec![7; BODY];
    let small = [&header(3, call, 0, 1)[..], &[0, 4, 6]].concat();
    let start = Instant::now();
    stream.write_all(&header(BODY, data, 0, 0)).expect("written");
    stream.write_all(&chunk).expect("written");
    stream.write_all(&small).expect("written");
    loop {
        let mut header = [0; 10];
        stream.read_exact(&mut header).expect("a reply");
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        stream.read_exact(&mut vec![0; length as usize]).expect("a reply");
        if header[4] == 3 && header[6] == 1 {
            return start.elapsed().as_nanos() as u64;
        }
    }
}

fn header(length: usize, kind: u8, flags: u8, id: u8) -> [u8; 10] {
    let [a, b, c, d] = (length as u32).to_le_bytes();
    [a, b, c, d, kind, flags, id, 0, 0, 0]
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
