//! Arguments of a generated service: types that recurse, that take no bytes, that lend.

use std::collections::{BTreeMap, HashMap, HashSet};

use traitwire::{ipc_service, ipc_type};
use traitwire_core::service::poll_unconnected;

/// A type that contains itself in every way there is.
#[ipc_type]
pub enum Tree {
    /// An end.
    Leaf,
    /// One below.
    Wrapped(Box<Tree>),
    /// Some below.
    Branch(Vec<Tree>),
    /// Some below, by name.
    Named {
        /// Whatever is below.
        children: BTreeMap<String, Tree>,
        /// Something beside.
        note: Option<String>,
    },
}

/// A generic type.
#[ipc_type]
pub struct Pair<A, B> {
    /// One.
    pub first: A,
    /// The other.
    pub second: B,
}

/// Something of every kind.
#[ipc_service]
pub trait Kinds {
    /// Numbers.
    async fn numbers(&self, a: u8, b: i16, c: u32, d: i64, e: u128, f: f32, g: f64, h: bool, i: char);
    /// Lent arguments.
    async fn lent(&self, text: &str, bytes: &[u8], numbers: &[u16]) -> String;
    /// Blocks of bytes.
    async fn bytes(&self, bytes: Vec<u8>, more: Option<Vec<u8>>) -> Vec<u8>;
    /// Trees, as an argument and as a result.
    async fn tree(&self, tree: Tree) -> Result<Tree, Tree>;
    /// Elements without bytes.
    async fn nothing(&self, a: Vec<()>, b: HashMap<(), u8>, c: [(); 4]);
    /// Nested containers.
    async fn nested(&self, a: Vec<Option<Pair<String, HashSet<u8>>>>, b: Result<[u8; 3], Box<str>>);
}

struct Implementation;

impl Kinds for Implementation {
    async fn numbers(&self, _: u8, _: i16, _: u32, _: i64, _: u128, _: f32, _: f64, _: bool, _: char) {}

    async fn lent(&self, text: &str, bytes: &[u8], numbers: &[u16]) -> String {
        format!("{text}{}{}", bytes.len(), numbers.len())
    }

    async fn bytes(&self, bytes: Vec<u8>, _: Option<Vec<u8>>) -> Vec<u8> {
        bytes
    }

    async fn tree(&self, tree: Tree) -> Result<Tree, Tree> {
        if tree == Tree::Leaf { Err(tree) } else { Ok(tree) }
    }

    async fn nothing(&self, _: Vec<()>, _: HashMap<(), u8>, _: [(); 4]) {}

    async fn nested(&self, _: Vec<Option<Pair<String, HashSet<u8>>>>, _: Result<[u8; 3], Box<str>>) {}
}

/// The first byte chooses the method; the rest is its arguments. They are understood or refused, and what a
/// tree gives back is what was sent.
pub fn bodies(data: &[u8]) {
    let Some((method, body)) = data.split_first() else { return };
    let _ = poll_unconnected(&KindsServer::new(Implementation), u32::from(method % 7), body);
}
