//! Arguments of another version of a service: of one that is known, and of one that the input makes up.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use traitwire::idl::{DecodeLimits, Fingerprint, Interface, Transcoded, resolve_arguments, resolve_results};
use traitwire::{ipc_service, ipc_type};
use traitwire_core::service::{Dispatch, introduced, poll_evolved};

/// As callers have it.
mod before {
    use super::*;

    /// Contains itself in every way there is.
    #[ipc_type]
    pub enum Tree {
        Leaf,
        Wrapped(Box<Tree>),
        Branch(Vec<Tree>),
        Named { children: BTreeMap<String, Tree>, note: Option<String> },
        Gone(u8, Vec<()>),
    }

    #[ipc_type]
    pub struct Empty {}

    #[ipc_type]
    pub struct Pair<A, B> {
        pub first: A,
        pub second: B,
    }

    #[ipc_service]
    pub trait Kinds {
        async fn numbers(&self, a: u8, b: i8, c: u16, d: u32, e: i64, f: f32);
        async fn tree(&self, tree: Tree) -> Result<Tree, Tree>;
        async fn pairs(&self, pairs: Vec<Pair<Empty, Pair<u8, String>>>) -> u64;
        async fn added(&self, first: String) -> String;
        async fn left_out(&self, first: u8, #[ipc(default)] second: Vec<Tree>);
    }

    struct Nobody;

    impl Kinds for Nobody {
        async fn numbers(&self, _: u8, _: i8, _: u16, _: u32, _: i64, _: f32) {}

        async fn tree(&self, tree: Tree) -> Result<Tree, Tree> {
            Ok(tree)
        }

        async fn pairs(&self, _: Vec<Pair<Empty, Pair<u8, String>>>) -> u64 {
            0
        }

        async fn added(&self, first: String) -> String {
            first
        }

        async fn left_out(&self, _: u8, _: Vec<Tree>) {}
    }

    pub fn interface() -> Interface {
        KindsServer::new(Nobody).description().interface().clone()
    }
}

/// As it is served.
mod after {
    use super::*;

    #[ipc_type]
    pub enum Tree {
        Named {
            #[serde(default)]
            front: u8,
            note: Option<String>,
            children: BTreeMap<String, Tree>,
        },
        Branch(Vec<Tree>),
        #[serde(alias = "Wrapped")]
        Boxed(Box<Tree>),
        #[serde(other)]
        Leaf,
    }

    #[ipc_type]
    #[serde(default)]
    pub struct Empty {
        pub front: Option<Box<Empty>>,
        pub number: u32,
    }

    impl Default for Empty {
        fn default() -> Self {
            Self { front: Some(Box::new(Self { front: None, number: 1 })), number: 2 }
        }
    }

    #[ipc_type]
    pub struct Pair<A, B> {
        pub second: B,
        #[serde(default)]
        pub front: u8,
        pub first: A,
    }

    #[ipc_service]
    pub trait Kinds {
        async fn numbers(&self, a: i16, b: i128, c: u64, d: Option<u32>, e: i128, f: f64);
        async fn tree(&self, tree: Tree) -> Result<Tree, Tree>;
        async fn pairs(&self, pairs: Vec<Pair<Empty, Pair<u8, String>>>) -> u64;
        async fn added(
            &self,
            first: &str,
            #[ipc(default = "x")] second: &str,
            #[ipc(default)] third: Empty,
        ) -> String;
        async fn left_out(&self, first: u8);
    }

    pub struct Implementation;

    impl Kinds for Implementation {
        async fn numbers(&self, _: i16, _: i128, _: u64, _: Option<u32>, _: i128, _: f64) {}

        async fn tree(&self, tree: Tree) -> Result<Tree, Tree> {
            if tree == Tree::Leaf { Err(tree) } else { Ok(tree) }
        }

        async fn pairs(&self, pairs: Vec<Pair<Empty, Pair<u8, String>>>) -> u64 {
            for pair in &pairs {
                assert_eq!((pair.front, pair.second.front, &pair.first), (0, 0, &Empty::default()));
            }
            pairs.len() as u64
        }

        async fn added(&self, first: &str, second: &str, third: Empty) -> String {
            assert_eq!((second, third), ("x", Empty::default()));
            first.to_owned()
        }

        async fn left_out(&self, _: u8) {}
    }
}

/// The first byte chooses. Where it is even: a method of the known version, whose arguments the rest is. They are
/// understood as the version that is served has them, or refused. Where it is odd: a length, a version of the
/// interface, and arguments and results of that.
pub fn evolution(data: &[u8]) {
    static BEFORE: OnceLock<Interface> = OnceLock::new();
    let Some((first, rest)) = data.split_first() else { return };
    let service = after::KindsServer::new(after::Implementation);
    if first % 2 == 0 {
        let before = BEFORE.get_or_init(before::interface);
        let _ = poll_evolved(&service, before, u32::from(first / 2 % 5), rest);
        return;
    }
    let Some((length, rest)) = rest.split_first_chunk() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (schema, body) = rest.split_at(length);
    let Some(peers) = introduced(schema) else { return };
    let ours = service.description().interface();
    // Of however many methods there are, those that are served too.
    for own in &ours.methods {
        let Some(method) = peers.methods.iter().position(|method| method.name == own.name) else { continue };
        let _ = poll_evolved(&service, &peers, method as u32, body);
        let theirs = &peers.methods[method];
        let agree = Fingerprint::agree((own, &ours.types), (theirs, &peers.types));
        let fingerprint = Fingerprint::of_method(theirs, &peers.types);
        assert_eq!(agree, fingerprint == Fingerprint::of_method(own, &ours.types));
    }
    let plans = |interface: &Interface| {
        let arguments =
            resolve_arguments(interface, ours).unwrap_or_default().into_iter().flatten().flatten();
        let arguments = arguments.flat_map(|it| std::iter::once(it.values).chain(it.items));
        let results = resolve_results(ours, interface).unwrap_or_default().into_iter().flatten().flatten();
        let results = results.flat_map(|it| std::iter::once(it.output).chain(it.error));
        arguments.chain(results).collect::<Vec<_>>()
    };
    for plan in plans(&peers) {
        let mut read = Transcoded::default();
        if let Ok(taken) = plan.transcode(body, DecodeLimits::default(), &mut read) {
            assert!(taken <= body.len());
            assert!(read.gaps.iter().is_sorted_by_key(|gap| gap.at));
            assert!(read.gaps.iter().all(|gap| gap.at as usize <= read.bytes.len()));
        }
    }
    let _ = traitwire::idl::compat::compare(&peers, ours);
}
