//! What holds where versions differ: limits, refusals at connect, layers, deadlines, and what a peer may introduce.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use traitwire::{
    Channel, Code, Connector, Endpoint, Executed, Limits, Peer, RpcError, Server, Wire, middleware,
};

use crate::silent::Silent;
use crate::{new, old};

mod deep {
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub struct Chain {
        pub next: Option<Box<Chain>>,
    }

    #[ipc_service]
    pub trait Deep {
        async fn depth(&self, chain: Chain) -> u32;
        async fn make(&self, depth: u32) -> Chain;
    }

    pub struct Impl;

    pub fn chain(depth: u32) -> Chain {
        (1..depth).fold(Chain { next: None }, |chain, _| Chain { next: Some(Box::new(chain)) })
    }

    impl Deep for Impl {
        async fn depth(&self, mut chain: Chain) -> u32 {
            let mut depth = 1;
            while let Some(next) = chain.next {
                (chain, depth) = (*next, depth + 1);
            }
            depth
        }

        async fn make(&self, depth: u32) -> Chain {
            chain(depth)
        }
    }
}

mod deeper {
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub struct Chain {
        pub note: Option<u8>,
        pub next: Option<Box<Chain>>,
    }

    #[ipc_service]
    pub trait Deep {
        async fn depth(&self, chain: Chain) -> u32;
        async fn make(&self, depth: u32) -> Chain;
    }

    pub fn chain(depth: u32) -> Chain {
        (1..depth).fold(Chain { note: None, next: None }, |chain, _| Chain {
            note: Some(1),
            next: Some(Box::new(chain)),
        })
    }
}

fn rpc<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, traitwire::CallError<E>>) -> RpcError {
    result.expect_err("refused").rpc().expect("the framework's").clone()
}

#[tokio::test]
async fn values_of_another_version_nest_no_deeper_than_those_of_ones_own() {
    let server = Server::builder().service(deep::DeepServer::new(deep::Impl));
    let _handle = server.bind("mem:deep").await.expect("an address").spawn();
    let client = deeper::DeepClient::connect("mem:deep").await.expect("it is there");
    assert_eq!(client.depth(deeper::chain(128)).await, Ok(128));
    assert_eq!(rpc(client.depth(deeper::chain(129)).await).code(), Code::Decode);
    assert_eq!(
        client.make(128).await,
        Ok({
            let mut expected = deeper::chain(128);
            let mut at = &mut expected;
            loop {
                at.note = None;
                match &mut at.next {
                    Some(next) => at = next,
                    None => break,
                }
            }
            expected
        })
    );
    assert_eq!(rpc(client.make(129).await).code(), Code::Decode);
}

mod nothing {
    use traitwire::{ipc_service, ipc_type};

    #[ipc_type]
    pub struct Weight {
        pub grams: f64,
    }

    #[ipc_service(name = "Scale")]
    pub trait Old {
        async fn weigh(&self, weight: Weight) -> u8;
        async fn gone(&self);
    }

    pub struct Impl;

    impl Old for Impl {
        async fn weigh(&self, weight: Weight) -> u8 {
            weight.grams as u8
        }

        async fn gone(&self) {}
    }

    pub mod new {
        use traitwire::{ipc_service, ipc_type};

        #[ipc_type]
        pub struct Weight {
            pub grams: u64,
        }

        #[ipc_service(name = "Scale")]
        pub trait New {
            async fn weigh(&self, weight: Weight) -> u8;
            async fn added(&self);
        }
    }
}

#[tokio::test]
async fn connecting_fails_where_no_method_can_be_called_and_says_why() {
    let server = Server::builder().service(nothing::OldServer::new(nothing::Impl));
    let _handle = server.bind("mem:scale").await.expect("an address").spawn();
    let error = nothing::new::NewClient::connect("mem:scale").await.expect_err("nothing fits");
    assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::No));
    assert_eq!((error.method(), error.address()), (Some("Scale.weigh"), Some("mem:scale")));
    let place = "Weight.grams: u64 on the client, f64 on the server (in the arguments)";
    assert!(error.message().contains(place), "{error}");

    let channel = Channel::connect("mem:scale").await.expect("connected");
    let client = nothing::new::NewClient::new(channel);
    let error = rpc(client.weigh(nothing::new::Weight { grams: 1 }).await);
    assert!(error.code() == Code::SchemaMismatch && error.message().contains(place), "{error}");
}

#[tokio::test]
async fn layers_on_both_sides_see_calls_of_other_versions_as_their_own() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    let seen = Arc::new(AtomicU32::new(0));
    let count = |seen: &Arc<AtomicU32>| {
        let seen = Arc::clone(seen);
        middleware::intercept(move |request: &mut middleware::Request| {
            assert_eq!(request.service(), "Shop");
            assert!(["Shop.list", "Shop.watch", "Shop.put"].contains(&request.method()), "{request:?}");
            seen.fetch_add(1, SeqCst);
            Ok(())
        })
    };
    let server = Server::builder().layer(count(&seen)).service(new::ShopServer::new(new::Impl));
    let _handle = server.bind("mem:layers").await.expect("an address").spawn();
    let channel = Channel::connect("mem:layers").await.expect("connected").layer(count(&seen));
    let shop = old::ShopClient::new(channel);
    assert_eq!(shop.list(3).await.expect("a list"), [3, 10]);
    assert!(shop.put(old::order()).await.is_ok());
    assert_eq!(shop.watch(1).next().await.expect("an item").expect("no error").at, 0);
    assert_eq!(seen.load(SeqCst), 6);
}

#[tokio::test]
async fn a_peer_introduces_no_more_versions_than_it_may() {
    let server = Server::builder().service(new::ShopServer::new(new::Impl));
    let server = server.bind("mem:introduced?max_versions=1").await.expect("an address");
    let _handle = server.spawn();
    let channel = Channel::connect("mem:introduced").await.expect("connected");
    // The same version again is the same.
    for _ in 0..3 {
        assert_eq!(old::ShopClient::new(channel.clone()).list(3).await.expect("a list"), [3, 10]);
    }
    let error = rpc(between::ShopClient::new(channel.clone()).list().await);
    assert_eq!(error.code(), Code::SchemaMismatch);
    assert!(error.message().contains("max_versions"), "{error}");
    assert_eq!(old::ShopClient::new(channel).list(3).await.expect("a list"), [3, 10]);
    assert_eq!(Limits::default().max_versions, 32);
}

mod between {
    #[traitwire::ipc_service]
    pub trait Shop {
        async fn list(&self) -> Vec<u32>;
        async fn same(&self, a: i64) -> i64;
    }
}

mod further {
    use traitwire::ipc_service;

    #[ipc_service(name = "Further")]
    pub trait Older {
        async fn changed(&self) -> u8;
    }

    #[ipc_service(name = "Further")]
    pub trait Newer {
        async fn changed(&self) -> u16;
    }

    pub struct Impl;

    impl Older for Impl {
        async fn changed(&self) -> u8 {
            7
        }
    }
}

#[tokio::test]
async fn the_versions_of_one_service_are_not_those_of_another() {
    let server = Server::builder()
        .service(new::ShopServer::new(new::Impl))
        .service(further::OlderServer::new(further::Impl));
    let server = server.bind("mem:introduced-further?max_versions=1").await.expect("an address");
    let _handle = server.spawn();
    let channel = Channel::connect("mem:introduced-further").await.expect("connected");
    assert_eq!(old::ShopClient::new(channel.clone()).list(3).await.expect("a list"), [3, 10]);
    assert_eq!(further::NewerClient::new(channel).changed().await, Ok(7));
}

mod incomparable {
    use traitwire::ipc_service;

    #[ipc_service(name = "Far")]
    pub trait Older {
        async fn same(&self, a: u8) -> u8;
        async fn changed(&self, a: Vec<Option<Vec<Option<u8>>>>);
    }

    #[ipc_service(name = "Far")]
    pub trait Newer {
        async fn same(&self, a: u8) -> u8;
        async fn changed(&self, a: Vec<u8>);
    }

    pub struct Impl;

    impl Newer for Impl {
        async fn same(&self, a: u8) -> u8 {
            a
        }

        async fn changed(&self, _: Vec<u8>) {}
    }

    impl Older for Impl {
        async fn same(&self, a: u8) -> u8 {
            a
        }

        async fn changed(&self, _: Vec<Option<Vec<Option<u8>>>>) {}
    }
}

#[tokio::test]
async fn what_cannot_be_compared_costs_only_the_methods_that_differ() {
    let server = Server::builder().service(incomparable::OlderServer::new(incomparable::Impl));
    let _handle = server.bind("mem:incomparable").await.expect("an address").spawn();
    // The peer's schema lies deeper than is read here.
    let client =
        incomparable::NewerClient::connect("mem:incomparable?max_depth=2").await.expect("one method");
    assert_eq!(client.same(3).await, Ok(3));
    let error = rpc(client.changed(Vec::new()).await);
    assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::No));
    assert!(error.message().contains("cannot be compared: values are nested"), "{error}");
}

/// A way to a server, which counts the bytes that go there.
struct Counted {
    endpoint: Endpoint,
    sent: Arc<AtomicUsize>,
}

#[async_trait]
impl Connector for Counted {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let socket = tokio::net::UnixStream::connect(self.endpoint.target_str().expect("a path")).await;
        let (theirs, mut to_server) = socket.expect("a server").into_split();
        let (mut begun, ours) = tokio::io::duplex(1 << 16);
        let sent = Arc::clone(&self.sent);
        tokio::spawn(async move {
            let mut bytes = vec![0; 1 << 16];
            loop {
                match begun.read(&mut bytes).await {
                    Ok(read) if read > 0 => {
                        sent.fetch_add(read, SeqCst);
                        to_server.write_all(&bytes[..read]).await.expect("written");
                    }
                    _ => return,
                }
            }
        });
        Ok(Wire::new(theirs, ours, Peer::new(self.endpoint.clone())))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_compared_is_asked_about_once_and_is_in_no_others_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder()
        .service(incomparable::NewerServer::new(incomparable::Impl))
        .service(further::OlderServer::new(further::Impl));
    // The client's schema lies deeper than is read here.
    let address = format!("unix:{}?max_depth=2&max_versions=1", folder.path().join("s").display());
    let server = server.bind(address.as_str()).await.expect("an address");
    let sent = Arc::new(AtomicUsize::new(0));
    let way = Counted { endpoint: server.endpoint().clone(), sent: Arc::clone(&sent) };
    let _handle = server.spawn();
    let channel = Channel::connect(way).await.expect("connected");
    let mut before = None;
    for _ in 0..1000 {
        let error = rpc(incomparable::OlderClient::new(channel.clone()).changed(Vec::new()).await);
        assert_eq!((error.code(), error.executed()), (Code::SchemaMismatch, Executed::No));
        assert!(error.message().contains("cannot be compared: values are nested"), "{error}");
        assert_eq!(*before.get_or_insert(sent.load(SeqCst)), sent.load(SeqCst), "it was asked again");
    }
    assert_eq!(further::NewerClient::new(channel).changed().await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn asking_how_versions_differ_is_part_of_the_calls_time() {
    let channel = Channel::connect(Silent::new()).await.expect("connected");
    let client = old::ShopClient::new(channel);
    let client = client.with_timeout(Duration::from_secs(1));
    let started = tokio::time::Instant::now();
    let error = rpc(client.list(3).await);
    assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::No));
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}
