//! Methods as written into the model's: where a stream, a result or a reference may stand. Never knows which types
//! there are.

use super::distinct::Distinct;
use super::problem::Problems;
use super::resolve::Table;
use super::tree::{self, Kind, Trait, Written};
use crate::model::{Argument, Method, Type};

/// The methods of a service, with types that count in the table.
pub(super) fn methods(service: &Trait, table: &Table<'_>, problems: &Problems) -> Vec<Method> {
    let mut names = Distinct::new("method", problems);
    let method = |written: &tree::Method| {
        names.meet(&written.name);
        let arguments = written.arguments.iter().map(|written| argument(written, table)).collect();
        let Output { ty, stream, error } = output(written, table, problems);
        let method = Method {
            name: written.name.text.clone(),
            docs: written.docs.clone(),
            arguments,
            output: ty,
            stream,
            error,
            idempotent: written.idempotent,
            oneway: written.oneway,
        };
        check(&method, written, problems);
        method
    };
    service.methods.iter().map(method).collect()
}

fn argument(written: &tree::Argument, table: &Table<'_>) -> Argument {
    let (name, default) = (written.name.text.clone(), written.default);
    let (ty, stream) = match &written.ty.kind {
        Kind::Reference(inner) => (table.lent(inner), false),
        Kind::Named(name, arguments) if name == "Streaming" => match &arguments[..] {
            [item] => (table.ty(item, &[]), true),
            [value, error] => (table.result(value, error, written.ty.span), true),
            _ => (table.ty(&written.ty, &[]), true),
        },
        _ => (table.ty(&written.ty, &[]), false),
    };
    Argument { name, ty, stream, default }
}

struct Output {
    ty: Type,
    stream: bool,
    error: Option<Type>,
}

fn output(method: &tree::Method, table: &Table<'_>, problems: &Problems) -> Output {
    let mut is_awaited = method.is_async;
    let Some(mut written) = method.output.as_ref() else {
        if !is_awaited {
            not_async(method, problems);
        }
        return Output { ty: Type::Unit, stream: false, error: None };
    };
    if let (Kind::Future(inner), false) = (&written.kind, is_awaited) {
        is_awaited = true;
        written = inner;
    }
    let (value, error) = match &written.kind {
        // In parentheses it is a value.
        Kind::Named(name, arguments) if name == "Result" => match &arguments[..] {
            [value, error] => (value, Some(error)),
            _ => (written, None),
        },
        _ => (written, None),
    };
    let (ty, stream) = match &value.kind {
        Kind::Stream(item) => (table.ty(item, &[]), true),
        _ => (table.ty(value, &[]), false),
    };
    let is_stream_at_once = stream && error.is_none();
    if !is_awaited && !is_stream_at_once {
        not_async(method, problems);
    }
    Output { ty, stream, error: error.map(|error: &Written| table.ty(error, &[])) }
}

fn not_async(method: &tree::Method, problems: &Problems) {
    let message = format!("`{}` is neither `async` nor returns a stream", method.name.text);
    problems.refuse(method.name.span, message, "write `async fn`: a call takes time");
}

/// What no side could make anything of.
fn check(method: &Method, written: &tree::Method, problems: &Problems) {
    let streamed = written.arguments.iter().zip(&method.arguments);
    let mut streamed = streamed.filter(|(_, argument)| argument.stream).map(|(written, _)| written);
    let (first, second) = (streamed.next(), streamed.next());
    if let Some(second) = second {
        problems.refuse(
            second.ty.span,
            "a method has one `Streaming` argument at most",
            "send an enum of what the items may be, or split the method in two",
        );
    }
    if method.oneway {
        let returns = method.stream || method.error.is_some() || method.output != Type::Unit;
        let output = written.output.as_ref().filter(|_| returns);
        if let Some(output) = output {
            problems.refuse(
                output.span,
                "a `oneway` method returns nothing",
                "remove the return type, or `oneway`: nobody waits for what it returns",
            );
        }
        if let Some(first) = first {
            problems.refuse(
                first.ty.span,
                "a `oneway` method takes no stream",
                "remove `oneway`: whoever sends items waits for the call they belong to",
            );
        }
    }
    defaults(method, written, problems);
}

/// Arguments match by their position: what an older caller does not send can only be the last ones.
fn defaults(method: &Method, written: &tree::Method, problems: &Problems) {
    let mut earlier: Option<&str> = None;
    for (argument, written) in method.arguments.iter().zip(&written.arguments) {
        let (name, span) = (&argument.name, written.name.span);
        match (argument.default, argument.stream, earlier) {
            (true, true, _) => problems.refuse(
                span,
                format!("`{name}` is not sent with the call, so it has no default"),
                "remove `default`",
            ),
            (true, false, _) => earlier = Some(name),
            // Its `None` is its default.
            (false, false, Some(_)) if matches!(argument.ty, Type::Option(_)) => {}
            (false, false, Some(earlier)) => problems.refuse(
                span,
                format!("`{name}` has no default, but `{earlier}` before it has"),
                "move those with defaults to the end, or make it an `Option`",
            ),
            _ => {}
        }
    }
}
