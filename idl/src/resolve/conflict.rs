//! Where two versions of a method do not go together, for the person who has to bring them together. Never decides
//! whether they do.

use std::fmt;

use super::place::{MAX_CHARACTERS, Step, path, short};
use super::remark::{Remark, Remarks};
use crate::model::{Argument, Definition, Interface, Method, Shape, Type};
use crate::print::print_short;

/// A place at which one side cannot read what the other writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The part of the method it is in.
    pub within: Within,
    /// The place: the name of a type or an argument, then what leads on from there, such as `Order.items[].price`.
    pub path: String,
    /// What the caller's side has there.
    pub client: String,
    /// What the callee's side has there.
    pub server: String,
}

/// A part of a method.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Within {
    /// The arguments.
    Arguments,
    /// Items of the argument stream of this name.
    Items(String),
    /// The result.
    Result,
    /// Items of the result stream.
    ResultItems,
    /// The method's own error.
    Error,
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Within::Arguments => f.write_str("the arguments"),
            Within::Items(name) => write!(f, "the items of {}", short(name.clone())),
            Within::Result => f.write_str("the result"),
            Within::ResultItems => f.write_str("the items of the result"),
            Within::Error => f.write_str("the error"),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { within, path, client, server } = self;
        match path.as_str() {
            "" => write!(f, "{within}: {client} on the client, {server} on the server"),
            path => write!(f, "{path}: {client} on the client, {server} on the server (in {within})"),
        }
    }
}

/// The first conflict from a node on.
pub(super) fn first(
    remarks: &Remarks<'_>,
    root: u32,
    within: &Within,
    client_writes: bool,
) -> Option<Conflict> {
    let mut found = None;
    remarks.visit(root, |place, remark| {
        let Remark::Conflict { writer, reader, .. } = remark else { return true };
        let mut steps = place.steps_from_root();
        if let (Some(label), false) = (remarks.label_of(root), steps.is_empty()) {
            steps.insert(0, Step::Name(label));
        }
        let (writer, reader) = (short(writer.clone()), short(reader.clone()));
        let (client, server) = if client_writes { (writer, reader) } else { (reader, writer) };
        found = Some(Conflict { within: within.clone(), path: path(&steps), client, server });
        false
    });
    found
}

type Of<'a> = (&'a Method, &'a Interface);

/// One side takes a stream where the other does not. Its place among the arguments does not matter.
pub(super) fn of_arguments((ours, caller): Of<'_>, (theirs, callee): Of<'_>) -> Option<Conflict> {
    let stream = |method: &'_ Method| method.arguments.iter().find(|argument| argument.stream).cloned();
    let (here, there) = (stream(ours), stream(theirs));
    if here.is_some() == there.is_some() {
        return None;
    }
    let what = |argument: &Option<Argument>, interface: &Interface| match argument {
        Some(argument) => short(stream_of(&argument.ty, interface)),
        None => "missing".to_owned(),
    };
    let (client, server) = (what(&here, caller), what(&there, callee));
    let name = here.or(there).map(|argument| argument.name).unwrap_or_default();
    Some(Conflict { within: Within::Arguments, path: short(name), client, server })
}

/// One side gives a stream where the other does not, or an error where the other has none.
pub(super) fn of_results((ours, caller): Of<'_>, (theirs, callee): Of<'_>) -> Option<Conflict> {
    let conflict = |within, client, server| {
        let (client, server) = (short(client), short(server));
        Some(Conflict { within, path: String::new(), client, server })
    };
    if ours.stream != theirs.stream {
        let what = |method: &Method, interface: &Interface| match method.stream {
            true => stream_of(&method.output, interface),
            false => say(&method.output, &interface.types),
        };
        return conflict(Within::Result, what(ours, caller), what(theirs, callee));
    }
    match (&ours.error, &theirs.error) {
        (None, Some(error)) if !is_never(error, callee) => {
            conflict(Within::Error, "none".to_owned(), say(error, &callee.types))
        }
        _ => None,
    }
}

fn stream_of(ty: &Type, interface: &Interface) -> String {
    format!("a stream of {}", say(ty, &interface.types))
}

/// An enum without variants.
fn is_never(ty: &Type, interface: &Interface) -> bool {
    let Type::Named(index) = ty else { return false };
    let shape = interface.types.get(*index).map(|definition| &definition.shape);
    matches!(shape, Some(Shape::Enum(variants)) if variants.is_empty())
}

/// A type's name, long enough to tell that it has to be shortened.
pub(super) fn say(ty: &Type, types: &[Definition]) -> String {
    print_short(ty, types, 4 * MAX_CHARACTERS + 4)
}

pub(super) fn consists_of(shape: &Shape) -> String {
    match shape {
        Shape::Unit => "no value".to_owned(),
        Shape::Newtype(_) => "one value".to_owned(),
        Shape::Tuple(types) => format!("a tuple of {}", types.len()),
        Shape::Struct(_) => "named fields".to_owned(),
        Shape::Enum(_) => "an enum".to_owned(),
    }
}
