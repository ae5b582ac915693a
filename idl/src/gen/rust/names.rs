//! What everything is called in Rust: in Rust's case, each name once in its scope, and out of the way of what code in
//! scope, the macros and the compiler mean by a name. Never decides what is generated.

use std::cell::RefCell;
use std::collections::HashMap;

use super::super::problem::Problems;
use super::super::program::Program;
use super::ContextArgument;
use super::case::{camel, snake};
use crate::identifier::{Identifier, Identifiers, identifier_like, unraw};
use crate::model::{Definition, Method, Type};
use crate::walk::each_type;

/// Types and traits that are in scope everywhere, and those that the macros know by name.
const TAKEN: &[&str] = &[
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "BTreeMap",
    "BTreeSet",
    "Box",
    "Clone",
    "Context",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "HashMap",
    "HashSet",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Path",
    "Result",
    "Schema",
    "Send",
    "Sized",
    "Stream",
    "Streaming",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// Methods that every client has already; see the macro's own list.
const CLIENTS_OWN: &[&str] = &["new", "connect", "local", "channel", "clone"];

/// The names of a program.
#[derive(Debug)]
pub(super) struct Names {
    /// Of each definition, if it is generated.
    pub(super) types: Vec<Identifier>,
    pub(super) services: Vec<ServiceNames>,
    /// The client of each service, by the service's name.
    clients: HashMap<String, String>,
    /// The clients of services that are not generated.
    pub(super) foreign: Vec<String>,
    /// What else is taken where the types stand.
    scope: RefCell<Identifiers>,
}

#[derive(Debug)]
pub(super) struct ServiceNames {
    pub(super) identifier: Identifier,
    pub(super) methods: Vec<Identifier>,
}

impl Names {
    pub(super) fn new(program: &Program, standard: &[Option<&'static str>], problems: &Problems) -> Self {
        let used = standard.iter().flatten().filter_map(|path| path.rsplit("::").next());
        let mut scope = Identifiers::without(TAKEN.iter().copied().chain(used));
        let mut clients = HashMap::new();
        let mut services = Vec::new();
        for service in &program.services {
            wire_name(&service.name, &service.name, problems);
            let identifier = family(&mut scope, &service.name);
            clients.insert(service.name.clone(), format!("{}Client", unraw(&identifier.spelled)));
            let mut methods = Identifiers::default();
            let method = |method: &Method| {
                wire_name(&format!("{}.{}", service.name, method.name), &method.name, problems);
                let wanted = snake(&method.name);
                let is_taken = CLIENTS_OWN.contains(&wanted.as_str()) || wanted.starts_with("with_");
                as_named(
                    &mut methods,
                    &method.name,
                    &if is_taken { format!("call_{wanted}") } else { wanted },
                )
            };
            let methods = service.methods.iter().map(method).collect();
            services.push(ServiceNames { identifier, methods });
        }
        let mut foreign = Vec::new();
        for service in foreign_services(program) {
            clients.entry(service.to_owned()).or_insert_with(|| {
                let identifier = family(&mut scope, service);
                let client = format!("{}Client", unraw(&identifier.spelled));
                foreign.push(client.clone());
                client
            });
        }
        let name = |(definition, standard): (&Definition, &Option<&str>)| match standard {
            // It is not generated, so its name is never asked for.
            Some(path) => Identifier { spelled: (*path).to_owned(), is_name: true },
            None => as_named(&mut scope, &definition.name, &readable(definition, program, 0)),
        };
        let types = program.definitions.iter().zip(standard).map(name).collect();
        Self { types, services, clients, foreign, scope: RefCell::new(scope) }
    }

    /// The client of a service.
    pub(super) fn client(&self, service: &str) -> &str {
        self.clients.get(service).map_or("Client", String::as_str)
    }

    /// One more type.
    pub(super) fn add_type(&self, wanted: &str) -> String {
        self.scope.borrow_mut().add_as("", wanted).spelled
    }
}

/// The identifiers of the arguments of a method.
pub(super) fn arguments<'n>(
    names: impl Iterator<Item = &'n str>,
    context: ContextArgument,
) -> Vec<Identifier> {
    let mut scope = Identifiers::default();
    if context == ContextArgument::First {
        scope.add("context");
    }
    names.map(|name| as_named(&mut scope, name, &snake(name))).collect()
}

/// The identifiers of fields.
pub(super) fn fields<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Identifier> {
    arguments(names, ContextArgument::Without)
}

/// The identifiers of variants.
pub(super) fn variants<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Identifier> {
    let mut scope = Identifiers::default();
    names.map(|name| as_named(&mut scope, name, &camel(name))).collect()
}

/// An identifier like `wanted` for a name. Rust may write one with other letters than ASCII's in other ones.
fn as_named(scope: &mut Identifiers, name: &str, wanted: &str) -> Identifier {
    let wanted = identifier_like(wanted);
    let identifier = scope.add_as(name, &wanted);
    Identifier { is_name: identifier.is_name && name.is_ascii(), ..identifier }
}

/// The identifier of a trait whose client and server have names too.
fn family(scope: &mut Identifiers, name: &str) -> Identifier {
    let wanted = camel(name);
    loop {
        let identifier = as_named(scope, name, &wanted);
        let plain = unraw(&identifier.spelled).to_owned();
        let others = [format!("{plain}Client"), format!("{plain}Server")];
        if others.iter().all(|other| scope.is_free(other)) {
            others.iter().for_each(|other| drop(scope.add(other)));
            return identifier;
        }
    }
}

/// The services whose clients are mentioned and that are not generated.
fn foreign_services(program: &Program) -> Vec<&str> {
    let mut found = Vec::new();
    for service in &program.services {
        for method in &service.methods {
            let arguments = method.arguments.iter().map(|argument| &argument.ty);
            arguments.chain([&method.output]).chain(&method.error).for_each(|ty| clients_in(ty, &mut found));
        }
    }
    for definition in &program.definitions {
        each_type(&definition.shape, &mut |ty| clients_in(ty, &mut found));
    }
    found
}

fn clients_in<'a>(ty: &'a Type, found: &mut Vec<&'a str>) {
    match ty {
        Type::Client(service) => found.push(service),
        Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) | Type::Array(inner, _) => {
            clients_in(inner, found);
        }
        Type::Map(key, value) => {
            clients_in(key, found);
            clients_in(value, found);
        }
        Type::Tuple(elements) => elements.iter().for_each(|ty| clients_in(ty, found)),
        _ => {}
    }
}

/// Instances whose arguments are written into their names, so deep.
const MAX_DEPTH: u32 = 3;

/// A name for a definition that tells its arguments: `PageOrder` for `Page<Order>`.
fn readable(definition: &Definition, program: &Program, depth: u32) -> String {
    let mut name = camel(&definition.name);
    if depth < MAX_DEPTH {
        definition.arguments.iter().for_each(|ty| name += &readable_type(ty, program, depth + 1));
    }
    name
}

fn readable_type(ty: &Type, program: &Program, depth: u32) -> String {
    let inner = |ty: &Type| readable_type(ty, program, depth);
    match ty {
        Type::Option(ty) => format!("Option{}", inner(ty)),
        Type::Sequence(ty) => format!("Vec{}", inner(ty)),
        Type::Set(ty) => format!("Set{}", inner(ty)),
        Type::Map(key, value) => format!("Map{}{}", inner(key), inner(value)),
        Type::Array(ty, length) => format!("Array{length}{}", inner(ty)),
        Type::Tuple(elements) => elements.iter().map(inner).collect(),
        Type::Named(index) => readable(&program.definitions[*index], program, depth),
        Type::Client(service) => format!("{}Client", camel(service)),
        scalar => camel(&format!("{scalar:?}")),
    }
}

/// Names of services and methods have letters, digits, `_` and `-` where the macros take them.
fn wire_name(place: &str, name: &str, problems: &Problems) {
    let is_plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    if name.is_empty() || !name.chars().all(is_plain) {
        problems.refuse(
            place,
            "a name on the wire has letters, digits, `_` and `-` in Rust",
            "call it otherwise",
        );
    }
}
