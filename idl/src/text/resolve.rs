//! What the names of a text mean: from types as written to the model's, over one table of definitions for the whole
//! text. Never knows methods.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use proc_macro2::Span;

use super::known::{Known, Mentioned};
use super::problem::Problems;
use super::standard::{self, standard};
use super::tree::{File, Item, Kind, Trait, Written, is_transparent};
use super::unknown;
use crate::model::{Definition, Shape, Type};
use crate::print::labels::BUILT_IN;

/// Instances of generic types may have arguments that are instances, so deep. More are made only by types that
/// contain ever larger instances of themselves.
const MAX_DEPTH: u32 = 32;
/// So many types may be in the arguments of an instance: a type that contains an instance with each argument twice
/// doubles them with each step.
const MAX_TYPES: usize = 256;
/// So many instances may be made: a type that contains instances with its arguments in other orders makes one for each
/// order there is.
const MAX_INSTANCES: usize = 10_000;

/// What the parameters of a generic type stand for.
pub(super) type Scope<'s> = &'s [(&'s str, &'s Type)];

/// The definitions of a text, made as they are asked for. A `Type::Named` counts in this table.
pub(super) struct Table<'a> {
    pub(super) file: &'a File,
    pub(super) problems: &'a Problems,
    pub(super) known: RefCell<Known<'a>>,
    /// The service of each trait, by what its client is called.
    clients: HashMap<String, &'a str>,
    pub(super) made: RefCell<Made>,
}

/// Where a definition comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// An item, and what the parameters of a generic one stand for.
    Item(usize, Vec<Type>),
    Standard(String, Vec<Type>),
}

/// What has been made.
#[derive(Debug, Default)]
pub(super) struct Made {
    known: HashMap<Source, usize>,
    pub(super) definitions: Vec<Definition>,
    /// How deep instances lie in the arguments of each.
    depths: Vec<u32>,
    /// Definitions with arguments.
    instances: usize,
    /// Definitions that do not yet say what they consist of.
    pub(super) waiting: VecDeque<(Source, usize)>,
}

impl<'a> Table<'a> {
    pub(super) fn new(file: &'a File, problems: &'a Problems) -> Self {
        let client = |service: &'a Trait| (format!("{}Client", service.identifier.text), &*service.name);
        let clients = file.traits.iter().map(client).collect();
        let known = RefCell::new(Known::names(file));
        Self { file, problems, known, clients, made: RefCell::default() }
    }

    /// Are all arguments names of nothing else, and so parameters?
    pub(super) fn is_generic(&self, item: &Item) -> bool {
        let known = self.known.borrow();
        let is_parameter = |ty: &Written| {
            ty.as_identifier().is_some_and(|name| {
                let is_type = BUILT_IN.contains(&name) || known.has(name);
                !is_type && standard::arity(name).is_none() && !self.clients.contains_key(name)
            })
        };
        !item.arguments.is_empty() && item.arguments.iter().all(is_parameter)
    }

    /// The model's type for one as written.
    pub(super) fn ty(&self, written: &Written, scope: Scope<'_>) -> Type {
        let refuse = |message: &str, help: &str| {
            self.problems.refuse(written.span, message, help);
            Type::Unit
        };
        match &written.kind {
            Kind::Named(name, arguments) => self.named(name, arguments, written.span, scope),
            Kind::Unit => Type::Unit,
            Kind::Array(element, length) => Type::Array(Box::new(self.ty(element, scope)), *length),
            Kind::Tuple(elements) => {
                Type::Tuple(elements.iter().map(|element| self.ty(element, scope)).collect())
            }
            Kind::Parenthesised(inner) => self.ty(inner, scope),
            Kind::Reference(_) => refuse(
                "a reference is only the whole type of an argument",
                "write what it points to: `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`",
            ),
            Kind::Slice(_) => refuse("`[T]` stands only behind `&`", "write `Vec<T>`"),
            Kind::Stream(_) => refuse(
                "a stream is what a method returns, or the whole of an argument",
                "write `-> impl Stream<Item = T>`, or `name: Streaming<T>`",
            ),
            Kind::Future(_) => refuse("a future is only what a method returns", "write the type it yields"),
            Kind::Quoted(_) => {
                refuse("a text is no type", "in quotes stands a service's name: `Client<\"…\">`")
            }
        }
    }

    /// The types in a reference, for an argument that is one.
    pub(super) fn lent(&self, written: &Written) -> Type {
        match &written.kind {
            Kind::Slice(element) => Type::Sequence(Box::new(self.ty(element, &[]))),
            _ => self.ty(written, &[]),
        }
    }

    /// `Result` of two types, as the item of a stream.
    pub(super) fn result(&self, value: &Written, error: &Written, span: Span) -> Type {
        self.named("Result", &[value.clone(), error.clone()], span, &[])
    }

    fn named(&self, name: &str, arguments: &[Written], span: Span, scope: Scope<'_>) -> Type {
        if let (Some((_, ty)), []) = (scope.iter().find(|(parameter, _)| *parameter == name), arguments) {
            return (*ty).clone();
        }
        if name == "Client" {
            return self.client(arguments, span);
        }
        let arguments: Vec<Type> = arguments.iter().map(|ty| self.ty(ty, scope)).collect();
        if let Some(ty) = built_in(name, &arguments) {
            return ty;
        }
        if let Some(source) = self.source(name, &arguments) {
            return self.instance(source, span);
        }
        match self.clients.get(name) {
            Some(service) if arguments.is_empty() => Type::client(service),
            _ => {
                let mut arities = self.known.borrow().arities(name);
                arities.extend(standard::arity(name));
                let (message, help) = unknown::explain(name, arguments.len(), &arities);
                self.problems.refuse(span, message, help);
                Type::Unit
            }
        }
    }

    /// `Client<Service>` or `Client<"service">`.
    fn client(&self, arguments: &[Written], span: Span) -> Type {
        let service = match arguments {
            [Written { kind: Kind::Quoted(service), .. }] => Some(&**service),
            [only] => only.as_identifier(),
            _ => None,
        };
        service.map(Type::client).unwrap_or_else(|| {
            self.problems.refuse(
                span,
                "a client is written with the name of its service",
                "write `Client<Service>`, or `Client<\"service\">` for a name that is no identifier",
            );
            Type::Unit
        })
    }

    /// Which definition is meant: one that is written with these arguments, a generic one, the standard library's.
    fn source(&self, name: &str, arguments: &[Type]) -> Option<Source> {
        match self.known.borrow().find(name, arguments) {
            Some(Mentioned::AsWritten(index)) => Some(Source::Item(index, Vec::new())),
            Some(Mentioned::Generic(index)) => Some(Source::Item(index, arguments.to_vec())),
            None => standard(name, arguments).map(|_| Source::Standard(name.to_owned(), arguments.to_vec())),
        }
    }

    /// The definition from this source.
    pub(super) fn instance(&self, source: Source, span: Span) -> Type {
        let mut made = self.made.borrow_mut();
        if let Some(index) = made.known.get(&source) {
            return Type::Named(*index);
        }
        let arguments = match &source {
            Source::Item(_, arguments) | Source::Standard(_, arguments) => arguments,
        };
        let depth = arguments.iter().map(|ty| made.depth(ty)).max().map_or(0, |depth| depth + 1);
        let types: usize = arguments.iter().map(types).sum();
        let refuse = |message: &str| {
            self.problems.refuse(span, message, "let it contain itself with the arguments that it has");
            Type::Unit
        };
        if depth > MAX_DEPTH || types > MAX_TYPES {
            return refuse("this generic type contains ever larger instances of itself");
        }
        if !arguments.is_empty() {
            if made.instances == MAX_INSTANCES {
                return refuse("this generic type contains ever more instances of itself");
            }
            made.instances += 1;
        }
        let index = made.definitions.len();
        made.known.insert(source.clone(), index);
        made.definitions.push(Definition::new("", Shape::Unit));
        made.depths.push(depth);
        made.waiting.push_back((source, index));
        Type::Named(index)
    }
}

impl Made {
    /// How deep instances lie in one another in a type.
    fn depth(&self, ty: &Type) -> u32 {
        match ty {
            Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) | Type::Array(inner, _) => {
                self.depth(inner) + 1
            }
            Type::Map(key, value) => self.depth(key).max(self.depth(value)) + 1,
            Type::Tuple(elements) => elements.iter().map(|ty| self.depth(ty) + 1).max().unwrap_or_default(),
            Type::Named(index) => self.depths[*index],
            _ => 0,
        }
    }
}

/// How many types a type consists of, itself included.
fn types(ty: &Type) -> usize {
    1 + match ty {
        Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) | Type::Array(inner, _) => {
            types(inner)
        }
        Type::Map(key, value) => types(key) + types(value),
        Type::Tuple(elements) => elements.iter().map(types).sum(),
        _ => 0,
    }
}

/// What the text means by itself.
fn built_in(name: &str, arguments: &[Type]) -> Option<Type> {
    let one = |ty: &Type| Box::new(ty.clone());
    Some(match (name, arguments) {
        ("bool", []) => Type::Bool,
        ("u8", []) => Type::U8,
        ("u16", []) => Type::U16,
        ("u32", []) => Type::U32,
        ("u64" | "usize", []) => Type::U64,
        ("u128", []) => Type::U128,
        ("i8", []) => Type::I8,
        ("i16", []) => Type::I16,
        ("i32", []) => Type::I32,
        ("i64" | "isize", []) => Type::I64,
        ("i128", []) => Type::I128,
        ("f32", []) => Type::F32,
        ("f64", []) => Type::F64,
        ("char", []) => Type::Char,
        ("String" | "str" | "PathBuf" | "Path", []) => Type::String,
        ("Option", [inner]) => Type::Option(one(inner)),
        ("Vec" | "VecDeque", [inner]) => Type::Sequence(one(inner)),
        ("HashSet" | "BTreeSet", [inner]) => Type::Set(one(inner)),
        ("HashMap" | "BTreeMap", [key, value]) => Type::Map(one(key), one(value)),
        (name, [inner]) if is_transparent(name) => inner.clone(),
        _ => return None,
    })
}
