//! What the fuzz targets do, as functions that tests of the main workspace call too, with the kept corpora.
//! Each takes arbitrary bytes and must return.

mod bodies;
mod connection;
mod evolution;
#[cfg(feature = "json")]
mod json;

pub use bodies::bodies;
pub use connection::connection;
pub use evolution::evolution;
#[cfg(feature = "json")]
pub use json::json;

use traitwire_core::proto::frame::{HEADER, Header, put_varint, take_varint};
use traitwire_core::proto::hello::Hello;

/// Headers and varints at every offset; what is read is written as the same bytes, or as fewer that mean the
/// same. What is cut short is incomplete, or malformed for a varint, but never something else.
pub fn frame(data: &[u8]) {
    for start in 0..data.len() {
        let rest = &data[start..];
        for max_frame in [1 << 10, 1 << 20, u32::MAX] {
            let decoded = Header::decode(rest, max_frame);
            if rest.len() < HEADER {
                assert!(matches!(decoded, Ok(None)), "an incomplete header");
            } else if let Ok(header) = decoded {
                let header = header.expect("complete");
                assert!(header.length <= max_frame);
                let said = header.encode();
                let known = rest[4] < 0x80;
                assert!(if known { said == rest[..HEADER] } else { said[4] == 0x80 });
                let again = Header::decode(&said, max_frame).expect("understood");
                assert_eq!(again, Some(header));
            }
        }
        let mut payload = rest;
        match take_varint(&mut payload) {
            Ok(value) => {
                let taken = rest.len() - payload.len();
                assert!((1..=10).contains(&taken) && payload == &rest[taken..]);
                let mut written = Vec::new();
                put_varint(&mut written, value);
                assert!(written.len() <= taken);
                assert!(take_varint(&mut &rest[..taken - 1]).is_err(), "it ends where it ended");
                let mut again = written.as_slice();
                assert_eq!(take_varint(&mut again).expect("a varint"), value);
                assert!(again.is_empty());
            }
            Err(_) => assert_eq!(payload, rest, "nothing is taken"),
        }
    }
}

/// A hello from a peer: what is understood survives being said again, no beginning of it is an error, and
/// what follows it does not matter.
pub fn hello(data: &[u8]) {
    let Ok(Some((hello, length))) = Hello::decode(data) else { return };
    assert!(length <= data.len());
    for cut in (0..length).step_by(1 + length / 64).chain([length - 1]) {
        assert!(matches!(Hello::decode(&data[..cut]), Ok(None)), "cut short at {cut}");
    }
    assert_eq!(Hello::decode(&data[..length]).expect("understood"), Some((hello.clone(), length)));
    let said = hello.encode().expect("what was understood can be said");
    assert!(said.len() <= length);
    assert_eq!(Hello::decode(&said).expect("understood"), Some((hello, said.len())));
}
