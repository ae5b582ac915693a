//! A service as data: methods, and the types they name. Never knows Rust's own types nor any bytes.

#[cfg(feature = "wire")]
use serde::{Deserialize, Serialize};

/// A service: what a trait says, complete in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct Interface {
    /// Its name on the wire.
    pub name: String,
    /// Its doc comment, without markers.
    pub docs: String,
    /// Its methods, in the trait's order.
    pub methods: Vec<Method>,
    /// The named types its methods reach; [`Type::Named`] counts from here.
    #[cfg_attr(feature = "wire", serde(with = "crate::extension"))]
    pub types: Vec<Definition>,
}

impl Interface {
    /// An interface of these methods, whose types count in `types`, without docs.
    pub fn new(name: impl Into<String>, methods: Vec<Method>, types: Vec<Definition>) -> Self {
        Self { name: name.into(), docs: String::new(), methods, types }
    }

    /// The same interface without its doc comments: what another version of it has to be compared with.
    pub fn without_docs(&self) -> Self {
        let mut bare = self.clone();
        bare.docs.clear();
        bare.methods.iter_mut().for_each(|method| method.docs.clear());
        for definition in &mut bare.types {
            definition.docs.clear();
            definition.shape.clear_docs();
        }
        bare
    }
}

/// One method.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
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
    #[cfg_attr(feature = "wire", serde(with = "crate::extension"))]
    pub oneway: bool,
}

impl Method {
    /// A method without docs and error, which gives one value.
    pub fn new(name: impl Into<String>, arguments: Vec<Argument>, output: Type) -> Self {
        Self {
            name: name.into(),
            docs: String::new(),
            arguments,
            output,
            stream: false,
            error: None,
            idempotent: false,
            oneway: false,
        }
    }
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct Argument {
    /// Its name in the trait.
    pub name: String,
    /// Its type, or that of its items.
    pub ty: Type,
    /// Whether it is a stream of items.
    pub stream: bool,
    /// Whether a callee can do without it (`#[ipc(default)]`): an older caller need not send it.
    #[cfg_attr(feature = "wire", serde(with = "crate::extension"))]
    pub default: bool,
}

impl Argument {
    /// An argument with one value, which every caller sends.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self { name: name.into(), ty, stream: false, default: false }
    }
}

/// A type, as serde's data model and postcard's bytes tell types apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
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
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct Definition {
    /// Its name, without path and arguments.
    pub name: String,
    /// Its type arguments; two instances of a generic type are two definitions.
    pub arguments: Vec<Type>,
    /// Its doc comment.
    pub docs: String,
    /// What it consists of.
    pub shape: Shape,
    /// What its reader makes of fields that it does not know, those of its variants included.
    #[cfg_attr(feature = "wire", serde(with = "crate::extension"))]
    pub unknown_fields: UnknownFields,
}

impl Definition {
    /// A definition without arguments and docs, whose reader ignores unknown fields.
    pub fn new(name: impl Into<String>, shape: Shape) -> Self {
        let (arguments, docs) = (Vec::new(), String::new());
        Self { name: name.into(), arguments, docs, shape, unknown_fields: UnknownFields::Ignored }
    }
}

/// What a reader makes of a field that it does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum UnknownFields {
    /// It reads the value without it.
    #[default]
    Ignored,
    /// It refuses the value (`serde(deny_unknown_fields)`).
    Refused,
}

/// What a named type, or a variant, consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
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

impl Shape {
    fn clear_docs(&mut self) {
        match self {
            Shape::Struct(fields) => fields.iter_mut().for_each(|field| field.docs.clear()),
            Shape::Enum(variants) => {
                for variant in variants {
                    variant.docs.clear();
                    variant.shape.clear_docs();
                }
            }
            Shape::Unit | Shape::Newtype(_) | Shape::Tuple(_) => {}
        }
    }
}

/// A named value of a struct or variant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct Field {
    /// Its name, as serde writes it.
    pub name: String,
    /// Its doc comment.
    pub docs: String,
    /// Its type.
    pub ty: Type,
    /// What its reader makes of a value without it.
    pub missing: Missing,
    /// Further names under which its reader finds it (`serde(alias)`).
    #[cfg_attr(feature = "wire", serde(with = "crate::extension"))]
    pub aliases: Vec<String>,
}

/// What a reader makes of a value in which a field is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Missing {
    /// It refuses the value.
    #[default]
    Refused,
    /// The field is `None`, as serde has it for an `Option`.
    None,
    /// The field has the default that the reader's own type says (`serde(default)`).
    Default,
}

impl Field {
    /// A field without docs, aliases and default.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        let (docs, aliases) = (String::new(), Vec::new());
        Self { name: name.into(), docs, ty, missing: Missing::Refused, aliases }
    }

    /// The same field with its doc comment.
    pub fn docs(mut self, docs: impl Into<String>) -> Self {
        self.docs = docs.into();
        self
    }

    /// The same field, which is `None` where it is missing.
    pub fn optional(mut self) -> Self {
        self.missing = Missing::None;
        self
    }

    /// The same field, which has a default where it is missing.
    pub fn with_default(mut self) -> Self {
        self.missing = Missing::Default;
        self
    }

    /// The same field, found under a further name.
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }
}

/// One alternative of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct Variant {
    /// Its name, as serde writes it.
    pub name: String,
    /// Its doc comment.
    pub docs: String,
    /// What it carries.
    pub shape: Shape,
    /// Whether it stands for variants the reader lacks (`serde(other)`).
    pub other: bool,
    /// Further names under which its reader finds it (`serde(alias)`).
    #[cfg_attr(feature = "wire", serde(with = "crate::extension"))]
    pub aliases: Vec<String>,
}

impl Variant {
    /// A variant without docs.
    pub fn new(name: impl Into<String>, shape: Shape) -> Self {
        Self { name: name.into(), docs: String::new(), shape, other: false, aliases: Vec::new() }
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

    /// The same variant, found under a further name.
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }
}
