//! Rust that is generated from the text of an interface: it compiles without a warning, and its methods have the
//! fingerprints that the text's have.
#![deny(warnings)]

use std::future::pending;
use std::path::Path;

use tokio_stream::pending as silent;
use traitwire::__private::Dispatch;
use traitwire::idl::{Fingerprint, Interface};
use traitwire::{Stream, Streaming, ipc_service};

/// A service that `services.idl` only mentions.
#[ipc_service]
pub trait Log {}

/// Another one.
#[ipc_service(name = "job-done")]
pub trait JobDone {}

#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/calculator.rs"]
mod calculator;
#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/defaults.rs"]
mod defaults;
#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/generics.rs"]
mod generics;
#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/keys.rs"]
mod keys;
#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/names.rs"]
mod names;
#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/recursion.rs"]
mod recursion;
#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/services.rs"]
mod services;
#[rustfmt::skip]
#[path = "../idl/tests/generate/rust/streams.rs"]
mod streams;

/// Serves everything, and answers nothing.
struct Silence;

mod implementations {
    use std::collections::{BTreeSet, HashMap, HashSet};

    use std::ffi::OsString;
    use std::net::{IpAddr, SocketAddr};
    use std::ops::Bound;
    use std::time::{Duration, SystemTime};

    use super::*;

    impl calculator::Calculator for Silence {
        async fn add(&self, _: i64, _: i64) -> i64 {
            pending().await
        }
        async fn divide(&self, _: i64, _: i64) -> Result<i64, calculator::MathError> {
            pending().await
        }
        fn countdown(&self, _: u32) -> impl Stream<Item = u32> {
            silent()
        }
        async fn sum(&self, _: Streaming<i64>) -> i64 {
            pending().await
        }
        async fn note(&self, _: &str) {}
    }

    impl defaults::Defaults for Silence {
        async fn get(
            &self,
            _: defaults::Settings,
            _: u32,
            _: &str,
            _: defaults::Mode,
        ) -> Vec<defaults::Settings> {
            pending().await
        }
    }

    impl generics::Generics for Silence {
        async fn orders(&self) -> generics::PageOrder {
            pending().await
        }
        async fn bytes(&self, _: generics::PageVecU8) -> generics::PagePageOrder {
            pending().await
        }
        async fn pairs(&self, _: generics::PairOrderOptionMapStringArray4U8) -> generics::PairUnitU8I8 {
            pending().await
        }
    }

    impl keys::Keys for Silence {
        async fn maps(
            &self,
            _: HashMap<keys::Id, keys::Price>,
            _: HashMap<(u8, Option<keys::Place>), f64>,
        ) -> HashSet<keys::Id> {
            pending().await
        }
        async fn nested(&self, _: HashMap<BTreeSet<keys::Label>, HashMap<String, u8>>, _: HashSet<Duration>) {
        }
        async fn inside(&self) -> HashSet<keys::Shelf> {
            pending().await
        }
    }

    impl names::OddNames for Silence {
        async fn camel_case(&self, _: u8, _: u8, _: u8) -> names::Größe {
            pending().await
        }
        async fn camel_case2(&self, _: u8, _: u8) {}
        async fn call_new(&self) -> names::Vec2 {
            pending().await
        }
        async fn call_with_tea(&self) -> names::Result2 {
            pending().await
        }
        async fn call_connect(&self, _: names::OddNamesClient2, _: names::OddNames2) {}
        async fn r#async(&self) -> names::LowerCase {
            pending().await
        }
        async fn docs(&self) -> names::Twice {
            pending().await
        }
        async fn again(&self) -> names::Twice2 {
            pending().await
        }
    }

    impl recursion::Recursion for Silence {
        async fn list(&self, _: recursion::List) -> recursion::Tree {
            pending().await
        }
        async fn even(&self, _: recursion::Even) -> Result<recursion::Wrapped, recursion::Chain> {
            pending().await
        }
        async fn through(&self) -> recursion::Outcome {
            pending().await
        }
    }

    impl services::Worker for Silence {
        async fn run(
            &self,
            _: services::Job,
            _: services::ProgressClient,
            _: LogClient,
        ) -> Vec<JobDoneClient> {
            pending().await
        }
    }

    impl services::Progress for Silence {
        async fn report(&self, _: services::Job, _: u8) {}
    }

    impl services::Empty for Silence {}

    impl streams::Streams for Silence {
        fn plain(&self, _: &str, _: &[u8]) -> impl Stream<Item = Vec<u8>> {
            silent()
        }
        fn fallible(
            &self,
            _: Streaming<String, streams::Trouble>,
        ) -> impl Stream<Item = Result<String, streams::Trouble>> {
            silent()
        }
        async fn refusable(&self) -> Result<impl Stream<Item = u8>, streams::Trouble> {
            Ok(silent())
        }
        async fn both(&self) -> Result<impl Stream<Item = Result<u8, streams::Trouble>>, streams::Trouble> {
            Ok(silent())
        }
        async fn differing(&self) -> Result<impl Stream<Item = Result<u8, u8>>, streams::Trouble> {
            Ok(silent())
        }
        async fn value(&self) -> streams::ValueOutput {
            pending().await
        }
        async fn nested(&self) -> Result<Result<u8, streams::Trouble>, streams::Trouble> {
            pending().await
        }
        async fn standard(
            &self,
            _: SystemTime,
            _: Bound<u8>,
            _: OsString,
            _: SocketAddr,
        ) -> Option<Result<IpAddr, streams::Infallible>> {
            pending().await
        }
        async fn unit(&self, _: ()) -> Result<(), ()> {
            pending().await
        }
        fn units(&self) -> impl Stream<Item = ()> {
            silent()
        }
    }
}

/// What counts: names, docs and fingerprints of the methods.
fn essence(interface: &Interface) -> (String, String, Vec<(String, String, Fingerprint)>) {
    let methods = interface.methods.iter().map(|method| {
        let fingerprint = Fingerprint::of_method(method, &interface.types);
        (method.name.clone(), method.docs.clone(), fingerprint)
    });
    (interface.name.clone(), interface.docs.clone(), methods.collect())
}

#[track_caller]
fn agree(case: &str, generated: &[&dyn Dispatch]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("idl/tests/generate/{case}.idl"));
    let interfaces = traitwire::idl::parse(&std::fs::read_to_string(source).unwrap()).unwrap();
    assert_eq!(interfaces.len(), generated.len());
    for (interface, generated) in interfaces.iter().zip(generated) {
        assert_eq!(essence(interface), essence(generated.description().interface()));
    }
}

#[test]
fn generated_services_are_those_of_the_text() {
    agree("calculator", &[&calculator::CalculatorServer::new(Silence)]);
    agree("defaults", &[&defaults::DefaultsServer::new(Silence)]);
    agree("generics", &[&generics::GenericsServer::new(Silence)]);
    agree("keys", &[&keys::KeysServer::new(Silence)]);
    agree("recursion", &[&recursion::RecursionServer::new(Silence)]);
    agree("streams", &[&streams::StreamsServer::new(Silence)]);
    let (worker, progress) = (services::WorkerServer::new(Silence), services::ProgressServer::new(Silence));
    agree("services", &[&worker, &progress, &services::EmptyServer::new(Silence)]);
}

#[test]
fn names_that_are_not_rusts_are_kept_on_the_wire() {
    let server = names::OddNamesServer::new(Silence);
    let interface = server.description().interface();
    let methods: Vec<_> = interface.methods.iter().map(|method| method.name.as_str()).collect();
    let expected = ["camelCase", "camel_case", "new", "with_tea", "Connect", "async", "docs", "again"];
    assert_eq!((interface.name.as_str(), &methods[..]), ("odd-names", &expected[..]));
    let types: Vec<_> = interface.types.iter().map(|definition| definition.name.as_str()).collect();
    let expected = ["Größe", "Vec", "Result", "OddNamesClient", "OddNames", "lower_case", "Twice", "Twice"];
    assert_eq!(types, expected);
}
