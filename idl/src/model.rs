//! A service as data: methods, and the types they name. Never knows Rust's own types nor any bytes.

use serde::{Deserialize, Serialize};

/// A service: what a trait says, complete in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name on the wire.
    pub name: String,
    /// Its doc comment, without markers.
    pub docs: String,
    /// Its methods, in the trait's order.
    pub methods: Vec<Method>,
    /// The named types its methods reach; [`Type::Named`] counts from here.
    pub types: Vec<Definition>,
}

/// One method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// Its name on the wire.
    pub name: String,
    /// Its doc comment.
    pub docs: String,
    /// What it takes, by position; names are for people.
    pub arguments: Vec<Argument>,
    /// What it gives, or each item of what it gives.
    pub output: Type,
    /// Whether it gives a stream of items.
    pub stream: bool,
    /// Its own error, where it returns a `Result`.
    pub error: Option<Type>,
    /// Whether calling it twice is as good as once.
    pub idempotent: bool,
    /// Whether its caller does not wait for it.
    pub oneway: bool,
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument {
    /// Its name in the trait.
    pub name: String,
    /// Its type, or that of its items.
    pub ty: Type,
    /// Whether it is a stream of items.
    pub stream: bool,
}

/// A type, as serde's data model and postcard's bytes tell types apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names of the scalar types say it all")]
pub enum Type {
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    F32,
    F64,
    Char,
    String,
    Unit,
    /// A value or none.
    Option(Box<Type>),
    /// Any number of elements, in order. Blocks of bytes are sequences of `U8`.
    Sequence(Box<Type>),
    /// Any number of distinct elements; on the wire a sequence.
    Set(Box<Type>),
    /// Keys and values.
    Map(Box<Type>, Box<Type>),
    /// So many elements.
    Array(Box<Type>, u64),
    /// One of each.
    Tuple(Vec<Type>),
    /// The definition at this index of [`Interface::types`].
    Named(usize),
    /// A client of the service with this name; on the wire a number, by which its message says whose it is.
    Client(String),
}

impl Type {
    /// A client of the service with this name.
    pub fn client(service: &str) -> Self {
        Self::Client(service.to_owned())
    }
}

/// A type that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name, without path and arguments.
    pub name: String,
    /// Its type arguments; two instances of a generic type are two definitions.
    pub arguments: Vec<Type>,
    /// Its doc comment.
    pub docs: String,
    /// What it consists of.
    pub shape: Shape,
}

/// What a named type, or a variant, consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// Nothing.
    Unit,
    /// One value without a name.
    Newtype(Type),
    /// Values without names.
    Tuple(Vec<Type>),
    /// Values with names.
    Struct(Vec<Field>),
    /// One of these. Not inside a variant.
    Enum(Vec<Variant>),
}

/// A named value of a struct or variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as serde writes it.
    pub name: String,
    /// Its doc comment.
    pub docs: String,
    /// Its type.
    pub ty: Type,
    /// Whether a reader can do without it (`serde(default)`).
    pub default: bool,
}

impl Field {
    /// A field without docs and without default.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self { name: name.into(), docs: String::new(), ty, default: false }
    }

    /// The same field with its doc comment.
    pub fn docs(mut self, docs: impl Into<String>) -> Self {
        self.docs = docs.into();
        self
    }

    /// The same field, which a reader can do without.
    pub fn optional(mut self) -> Self {
        self.default = true;
        self
    }
}

/// One alternative of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name, as serde writes it.
    pub name: String,
    /// Its doc comment.
    pub docs: String,
    /// What it carries.
    pub shape: Shape,
    /// Whether it stands for variants the reader lacks (`serde(other)`).
    pub other: bool,
}

impl Variant {
    /// A variant without docs.
    pub fn new(name: impl Into<String>, shape: Shape) -> Self {
        Self { name: name.into(), docs: String::new(), shape, other: false }
    }

    /// The same variant with its doc comment.
    pub fn docs(mut self, docs: impl Into<String>) -> Self {
        self.docs = docs.into();
        self
    }

    /// The same variant, standing for all that the reader lacks.
    pub fn other(mut self) -> Self {
        self.other = true;
        self
    }
}
