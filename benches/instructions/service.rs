//! The service that is called, and its one call as bytes.

use traitwire::ipc_service;
use traitwire_core::Limits;
use traitwire_core::codec::Encoder;
use traitwire_core::proto::frame::{Header, Kind};
use traitwire_core::proto::hello::{Hello, ServedMethod, ServedService};
use traitwire_core::service::Dispatch;

/// One small method.
#[ipc_service]
pub(crate) trait Adder {
    /// Adds.
    async fn add(&self, a: i32, b: i32) -> i32;
}

pub(crate) struct Plain;

impl Adder for Plain {
    async fn add(&self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }
}

/// The service as callers of other versions have it.
pub(crate) mod versions {
    use traitwire::ipc_service;

    /// Its method as it is, and one more.
    pub(crate) mod grown {
        use super::*;

        #[ipc_service]
        pub(crate) trait Adder {
            /// Adds.
            async fn add(&self, a: i32, b: i32) -> i32;
            /// Subtracts.
            async fn subtract(&self, a: i32, b: i32) -> i32;
        }
    }

    /// Its method with another argument and another result.
    pub(crate) mod changed {
        use super::*;

        #[ipc_service]
        pub(crate) trait Adder {
            /// Adds.
            async fn add(&self, a: i16, b: i32) -> i64;
        }
    }
}

/// What a server of the service says first.
pub(crate) fn server_hello() -> Vec<u8> {
    let server = AdderServer::new(Plain);
    let description = server.description();
    let methods = description.methods().iter().zip(&description.interface().methods);
    let methods = methods
        .map(|(method, model)| ServedMethod { name: model.name.clone(), fingerprint: method.fingerprint });
    let service = ServedService { name: description.name().to_owned(), methods: methods.collect() };
    encoded(&Hello { services: vec![service], ..Hello::new(&Limits::default(), 0) })
}

/// What a client says first.
pub(crate) fn client_hello() -> Vec<u8> {
    encoded(&Hello::new(&Limits::default(), 0))
}

fn encoded(hello: &Hello) -> Vec<u8> {
    hello.encode().expect("it is small")
}

/// The frame of `add(2, 3)`.
pub(crate) fn call() -> Vec<u8> {
    // The method's number, then the arguments.
    let mut payload = vec![0];
    let mut arguments = Encoder::new();
    arguments.value(&2i32).value(&3i32);
    payload.extend_from_slice(arguments.finish().expect("numbers can be encoded").as_contiguous());
    frame(Kind::Call, &payload)
}

/// The frame of its reply.
pub(crate) fn reply() -> Vec<u8> {
    let mut result = Encoder::new();
    result.value(&5i32);
    frame(Kind::Reply, result.finish().expect("numbers can be encoded").as_contiguous())
}

fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let header = Header { length: payload.len() as u32, kind, flags: 0, id: 0 };
    [&header.encode(), payload].concat()
}
