//! What the fuzz targets do, as functions that tests of the main workspace call too, with the kept corpora.
//! Each takes arbitrary bytes and must return.

mod bodies;
mod connection;

pub use bodies::bodies;
pub use connection::connection;

use traitwire_core::proto::frame::{HEADER, Header, put_varint, take_varint};
use traitwire_core::proto::hello::Hello;

/// Headers and varints at every offset; what is read is written as the same bytes.
pub fn frame(data: &[u8]) {
    for start in 0..data.len() {
        let rest = &data[start..];
        if let Ok(Some(header)) = Header::decode(rest, 1 << 20)
            && rest[4] < 0x80
        {
            assert_eq!(header.encode(), rest[..HEADER]);
        }
        let mut payload = rest;
        if let Ok(value) = take_varint(&mut payload) {
            let taken = rest.len() - payload.len();
            let mut written = Vec::new();
            put_varint(&mut written, value);
            assert!(written.len() <= taken && taken <= 10);
        }
    }
}

/// A hello from a peer; what is understood survives being said again.
pub fn hello(data: &[u8]) {
    if let Ok(Some((hello, length))) = Hello::decode(data) {
        assert!(length <= data.len());
        let said = hello.encode();
        let (again, all) = Hello::decode(&said).expect("understood").expect("complete");
        assert_eq!((&again, all), (&hello, said.len()));
    }
}
