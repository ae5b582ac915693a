//! Rules on one method as written: its modifiers, receiver, arguments and return. Never looks inside types;
//! that is `types`'s.

use proc_macro2::Ident;
use syn::{
    FnArg, GenericParam, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature, TraitItemFn, Type,
    TypeParamBound,
};

use super::types;
use crate::errors::Errors;
use crate::model::{Items, Output, Passing};
use crate::parse;
use crate::recognise::{self, bare};

pub(super) fn check(item: &TraitItemFn, errors: &Errors) {
    let signature = &item.sig;
    modifiers(signature, errors);
    generics(signature, errors);
    receiver(signature, errors);
    let inputs = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(input) => Some(input),
        FnArg::Receiver(_) => None,
    });
    inputs.clone().for_each(|input| argument(input, errors));
    let is_streamed = |input: &&PatType| matches!(Passing::of(&input.ty), Passing::Streamed(_));
    for (first, second) in pairs(inputs.clone().filter(|input| is_context(&input.ty))) {
        errors.refuse(
            &second.ty,
            "a method has one `&Context` at most",
            format!("use `{}`, the first one", quote::ToTokens::to_token_stream(&first.pat)),
        );
    }
    for (_, second) in pairs(inputs.filter(is_streamed)) {
        errors.refuse(
            &second.ty,
            "a method has one `Streaming` argument at most",
            "send an `#[ipc_type]` enum of what the items may be, or split the method in two",
        );
    }
    returned(signature, errors);
}

/// The first one with each further one.
fn pairs<'a>(
    mut inputs: impl Iterator<Item = &'a PatType>,
) -> impl Iterator<Item = (&'a PatType, &'a PatType)> {
    let first = inputs.next();
    inputs.filter_map(move |input| Some((first?, input)))
}

fn modifiers(signature: &Signature, errors: &Errors) {
    if let Some(constness) = &signature.constness {
        errors.refuse(constness, "a service method cannot be `const`", "write `async fn`: a call takes time");
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.refuse(
            unsafety,
            "a service method cannot be `unsafe`",
            "remove `unsafe`: what the caller promises does not hold in another process",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.refuse(
            abi,
            "a service method cannot have a foreign ABI",
            "remove `extern`: programs of other languages call it through the protocol",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.refuse(
            variadic,
            "a service method has a fixed number of arguments",
            "take a `Vec` or a slice instead",
        );
    }
}

fn generics(signature: &Signature, errors: &Errors) {
    for parameter in &signature.generics.params {
        let (what, help) = match parameter {
            GenericParam::Lifetime(_) => (
                "name lifetimes",
                "leave them out: references among the arguments live until the method returns",
            ),
            GenericParam::Type(_) | GenericParam::Const(_) => {
                ("be generic", "write one method for each type, or an `#[ipc_type]` enum of what it may be")
            }
        };
        errors.refuse(parameter, format!("a service method cannot {what}"), help);
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.refuse(
            clause,
            "a service method cannot have a `where` clause",
            "remove it: a peer could not know of it",
        );
    }
}

fn receiver(signature: &Signature, errors: &Errors) {
    let Some(receiver) = signature.receiver() else {
        errors.refuse(
            &signature.ident,
            "a service method needs a receiver",
            "write `&self` as its first argument: a call is made on an object that is served",
        );
        return;
    };
    let Some(problem) = receiver_problem(receiver) else { return };
    let help = match receiver.kind {
        ReceiverKind::Reference(_, Some(_), None) => "write `&self`",
        _ => "write `&self`: calls run at the same time; keep what changes in a `Mutex` or an atomic",
    };
    errors.refuse(receiver, problem, help);
}

fn receiver_problem(receiver: &Receiver) -> Option<&'static str> {
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => None,
        ReceiverKind::Reference(_, _, Some(_)) => Some("a service method cannot take `&mut self`"),
        ReceiverKind::Reference(_, Some(_), None) => Some("a service method's `&self` names no lifetime"),
        ReceiverKind::Value => Some("a service method cannot take `self` by value"),
        _ => Some("a service method cannot have a typed receiver"),
    }
}

fn argument(input: &PatType, errors: &Errors) {
    for attribute in &input.attrs {
        argument_attribute(attribute, errors);
    }
    match parse::argument_name(&input.pat) {
        None => errors.refuse(
            &input.pat,
            "an argument of a service method is a plain name",
            "name it, and take it apart in the implementation",
        ),
        Some(name) => mutable(name, input, errors),
    }
    if recognise::is_named(&input.ty, "Context") {
        errors.refuse(
            &input.ty,
            "`Context` is lent to a method, not given",
            "write `&Context`; it can be cloned",
        );
        return;
    }
    if recognise::is_named(&input.ty, "Streaming") {
        types::streaming(&input.ty, errors);
        return;
    }
    types::argument(&input.ty, errors);
}

/// What `#[ipc(…)]` says here is read by `args`.
fn argument_attribute(attribute: &syn::Attribute, errors: &Errors) {
    if !attribute.path().is_ident("ipc") {
        errors.refuse(
            attribute,
            "an argument of a service method has no attributes but `#[ipc(default)]`",
            "put it on the implementation's argument, or `#[cfg(…)]` on two methods",
        );
    }
}

fn mutable(name: &Ident, input: &PatType, errors: &Errors) {
    if let syn::Pat::Ident(pattern) = &*input.pat
        && let Some(mutability) = &pattern.mutability
    {
        errors.refuse(
            mutability,
            "an argument of a service method is not `mut`",
            format!("write `{name}`, and `mut {name}` in the implementation if it needs that"),
        );
    }
}

fn is_context(ty: &Type) -> bool {
    matches!(Passing::of(ty), Passing::Context)
}

fn returned(signature: &Signature, errors: &Errors) {
    let output = Output::of(&parse::output(signature), signature.asyncness.is_some());
    if let Some(items) = &output.items {
        stream(&output, items, errors);
        return;
    }
    if signature.asyncness.is_none() && !returns_future(signature, errors) {
        return;
    }
    types::output(&output.written, errors);
}

/// A stream, or a `Result` of one.
fn stream(output: &Output, items: &Items, errors: &Errors) {
    only_send_beside("Stream", &output.value, errors);
    types::item(&items.value, items.error.as_ref(), errors);
    let Some(error) = &output.error else { return };
    types::output(error, errors);
    if !output.is_awaited {
        errors.refuse(
            &output.written,
            "a method that may refuse its stream is `async`",
            "write `async fn`, or return `impl Stream<Item = Result<T, E>>`",
        );
    }
    if let Some(other) = &items.error
        && quote::ToTokens::to_token_stream(error).to_string()
            != quote::ToTokens::to_token_stream(other).to_string()
    {
        errors.refuse(
            other,
            "a call has one error type: this one is not that of the `Result` around the stream",
            "use the same type in both places",
        );
    }
}

/// A plain `fn` must return `impl Future<Output = T>`, with nothing beside it but `Send`.
fn returns_future(signature: &Signature, errors: &Errors) -> bool {
    let ReturnType::Type(_, ty) = &signature.output else {
        not_async(signature, errors);
        return false;
    };
    if let Type::ImplTrait(stream) = bare(ty)
        && stream.bounds.iter().any(|bound| recognise::is_bound_named(bound, "Stream"))
    {
        errors.refuse(ty, "the items of this stream cannot be seen", "write `impl Stream<Item = T>`");
        return false;
    }
    if recognise::future_output(ty).is_none() {
        not_async(signature, errors);
        return false;
    }
    only_send_beside("Future", ty, errors);
    true
}

fn only_send_beside(name: &str, ty: &Type, errors: &Errors) {
    let Type::ImplTrait(ty) = bare(ty) else { return };
    let is_expected = |bound: &&TypeParamBound| {
        recognise::is_bound_named(bound, name) || recognise::is_bound_named(bound, "Send")
    };
    let help = match name {
        "Future" => "remove it, or write `async fn`: the future borrows the arguments and `&self`",
        _ => "remove it: the stream borrows the arguments and `&self`",
    };
    for bound in ty.bounds.iter().filter(|bound| !is_expected(bound)) {
        errors.refuse(bound, format!("only `Send` may stand beside `{name}` here"), help);
    }
}

fn not_async(signature: &Signature, errors: &Errors) {
    errors.refuse(
        signature.fn_token,
        format!("`{}` is neither `async` nor returns `impl Future` or `impl Stream`", signature.ident),
        "write `async fn`: a call to another process takes time",
    );
}
