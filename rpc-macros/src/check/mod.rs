//! All rules a service trait must keep. Every breach is reported, none is repaired, and nothing here makes
//! tokens. `item` sees the trait as written, `service` the model.

mod method;
mod transparent;
mod types;
pub(crate) mod wire_type;

use std::collections::HashMap;

use syn::{GenericParam, ItemTrait, TraitItem, Type, TypeParamBound};

use crate::errors::Errors;
use crate::model::{Argument, Kind, Method, Service};
use crate::{args, attributes, names, recognise};

/// Rules on the trait as written.
pub(crate) fn item(item: &ItemTrait, errors: &Errors) {
    modifiers(item, errors);
    generics(item, errors);
    supertraits(item, errors);
    for item in &item.items {
        match item {
            TraitItem::Fn(item) => method::check(item, errors),
            other => not_a_method(other, errors),
        }
    }
}

/// Rules on the model.
pub(crate) fn service(service: &Service, errors: &Errors) {
    for method in &service.methods {
        reserved_name(method, errors);
        oneway_output(method, errors);
        oneway_stream(method, errors);
        defaults(method, errors);
    }
    transparent::check(service, errors);
    wire_names(service, errors);
}

fn modifiers(item: &ItemTrait, errors: &Errors) {
    if let Some(unsafety) = &item.unsafety {
        errors.refuse(
            unsafety,
            "a service trait cannot be `unsafe`",
            "remove `unsafe`: a promise of the implementation cannot be checked from another process",
        );
    }
    if let Some(auto) = &item.modifiers.auto_token {
        errors.refuse(
            auto,
            "a service trait cannot be an `auto` trait",
            "remove `auto`: a service is implemented on purpose",
        );
    }
}

fn generics(item: &ItemTrait, errors: &Errors) {
    for parameter in &item.generics.params {
        let (what, help) = match parameter {
            GenericParam::Lifetime(_) => {
                ("lifetimes", "remove it: a service lives as long as its server, `'static`")
            }
            GenericParam::Type(_) | GenericParam::Const(_) => (
                "generic parameters",
                "write one trait for each type: a peer knows the service by its name alone",
            ),
        };
        errors.refuse(parameter, format!("a service trait cannot have {what}"), help);
    }
    if let Some(clause) = &item.generics.where_clause {
        errors.refuse(
            clause,
            "a service trait cannot have a `where` clause",
            "remove it: `Send + Sync + 'static` is added, and a peer could not know of more",
        );
    }
}

fn supertraits(item: &ItemTrait, errors: &Errors) {
    for bound in &item.supertraits {
        let is_added_anyway = match bound {
            TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
            bound => recognise::is_bound_named(bound, "Send") || recognise::is_bound_named(bound, "Sync"),
        };
        if !is_added_anyway {
            errors.refuse(
                bound,
                "a service trait cannot have supertraits",
                "remove it: `Send + Sync + 'static` is added, and methods of others cannot be called remotely",
            );
        }
    }
}

fn not_a_method(item: &TraitItem, errors: &Errors) {
    let (attributes, what, help) = match item {
        TraitItem::Const(item) => {
            (&item.attrs[..], "associated constants", "make it a method, or a constant outside the trait")
        }
        TraitItem::Type(item) => {
            (&item.attrs[..], "associated types", "name the type in the methods: both sides must know it")
        }
        TraitItem::Macro(item) => (
            &item.attrs[..],
            "macro calls",
            "write its methods out: what it expands to cannot be seen from here",
        ),
        other => {
            errors.refuse(
                other,
                "this is not a method that a service can have",
                "write `async fn name(&self, …) -> …;`, without `pub` or `default`",
            );
            return;
        }
    };
    let mut attributes = attributes.to_vec();
    for attribute in args::take_ipc(&mut attributes, errors) {
        errors.refuse(&attribute, "`#[ipc(…)]` belongs on methods", "remove it here");
    }
    errors.refuse(item, format!("a service trait cannot have {what}"), help);
}

fn reserved_name(method: &Method, errors: &Errors) {
    let name = names::unraw(&method.name);
    if names::is_reserved(&name) {
        errors.refuse(
            &method.name,
            format!("`{name}` is a name that every client has already"),
            format!(
                "rename the method; `#[ipc(name = \"{}\")]` keeps its name on the wire",
                method.wire_name.text
            ),
        );
    }
}

fn oneway_output(method: &Method, errors: &Errors) {
    if method.kind == Kind::Oneway && !is_unit(&method.output.written) {
        errors.refuse(
            &method.output.written,
            "a `oneway` method returns nothing",
            "remove the return type, or `oneway`: nobody waits for what it returns",
        );
    }
}

fn oneway_stream(method: &Method, errors: &Errors) {
    let streamed = method.arguments.iter().find(|argument| argument.streamed().is_some());
    if method.kind == Kind::Oneway
        && let Some(argument) = streamed
    {
        errors.refuse(
            &argument.ty,
            "a `oneway` method takes no stream",
            "remove `oneway`: whoever sends items waits for the call they belong to",
        );
    }
}

/// Arguments match by their position: what an older caller does not send can only be the last ones.
fn defaults(method: &Method, errors: &Errors) {
    let mut defaulted: Option<&Argument> = None;
    for argument in &method.arguments {
        match (&argument.default, argument.is_sent()) {
            (Some(_), false) => errors.refuse(
                &argument.ty,
                format!("`{}` is not sent with the call, so it has no default", argument.name),
                "remove `#[ipc(default)]`",
            ),
            (Some(_), true) => defaulted = Some(argument),
            // Its `None` is its default.
            (None, true) if recognise::is_named(&argument.ty, "Option") => {}
            (None, true) => {
                if let Some(earlier) = defaulted {
                    errors.refuse(
                        &argument.name,
                        format!("`{}` has no default, but `{}` before it has", argument.name, earlier.name),
                        "arguments match by their position: move those with defaults to the end, or make it an `Option`",
                    );
                }
            }
            (None, false) => {}
        }
    }
}

fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn wire_names(service: &Service, errors: &Errors) {
    let mut seen: HashMap<&str, &Method> = HashMap::new();
    for method in &service.methods {
        let name = method.wire_name.text.as_str();
        let Some(other) = seen.insert(name, method) else { continue };
        // Two methods under opposite conditions may share a name; the compiler sees if both are there.
        let is_conditional = |method: &Method| attributes::is_conditional(&method.attributes);
        if is_conditional(other) || is_conditional(method) {
            continue;
        }
        errors.refuse_span(
            method.wire_name.span,
            format!("two methods are named `{name}` on the wire"),
            format!(
                "rename this one, or one of them with `#[ipc(name = \"…\")]`; the other is `{}`",
                other.name
            ),
        );
    }
}
