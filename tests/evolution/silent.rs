//! A server of another version that says hello and then nothing more.

use async_trait::async_trait;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex, split};
use traitwire::{Connector, Endpoint, Peer, RpcError, Wire};

/// A way to it.
pub struct Silent(Endpoint);

impl Silent {
    pub fn new() -> Self {
        Self(Endpoint::new("silent", "peer").expect("an address"))
    }
}

/// Magic, versions, limits, no features, a generation, and a shop with one method, of a fingerprint that is nobody's.
const BODY: &[u8] =
    b"\x80\x80\x20\x80\x80\x80\x08\x80\x08\x80\x80\x80\x20\x80\x80\x10\x00\x01\x01\x04Shop\x01\x04list\x01";

#[async_trait]
impl Connector for Silent {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let (here, there) = duplex(1 << 16);
        tokio::spawn(hold(there));
        let (reader, writer) = split(here);
        Ok(Wire::new(reader, writer, Peer::new(self.0.clone())))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

async fn hold(mut end: DuplexStream) {
    let mut hello = b"\xffTWIRE\xfe\n\x01\x00\x01\x00".to_vec();
    hello.extend((BODY.len() as u32).to_le_bytes());
    hello.extend(BODY);
    end.write_all(&hello).await.expect("written");
    std::future::pending::<()>().await;
}
