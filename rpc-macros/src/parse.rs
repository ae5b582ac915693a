//! A trait's syntax into the model. Total: what the model has no place for is left out here and refused by
//! `check`, which sees the trait as written.

use proc_macro2::TokenStream;
use syn::{
    FnArg, Ident, Item, ItemTrait, Pat, ReturnType, Signature, TraitItem, TraitItemFn, Type, parse_quote,
};

use crate::errors::Errors;
use crate::model::{Argument, DefaultBody, Kind, Method, Output, Passing, Service, WireName};
use crate::{args, names, recognise};

/// The trait beneath `#[ipc_service]`, if it is one.
pub(crate) fn trait_item(item: TokenStream, errors: &Errors) -> Option<ItemTrait> {
    let refuse = |at: &dyn quote::ToTokens, what: &str| {
        errors.refuse(
            at.to_token_stream(),
            format!("`#[ipc_service]` describes a service by a trait; this is {what}"),
            "put it on `trait Name { async fn …(&self, …) -> …; }`",
        );
        None
    };
    match syn::parse2::<Item>(item) {
        Ok(Item::Trait(item)) => Some(item),
        Ok(Item::Impl(item)) => refuse(&item.impl_token, "an `impl`, which needs no attribute"),
        Ok(Item::Struct(item)) => refuse(&item.struct_token, "a struct (see `#[ipc_type]`)"),
        Ok(Item::Enum(item)) => refuse(&item.enum_token, "an enum (see `#[ipc_type]`)"),
        Ok(Item::Fn(item)) => refuse(&item.sig.fn_token, "a function"),
        Ok(Item::Mod(item)) => refuse(&item.mod_token, "a module"),
        Ok(other) => refuse(&other, "something else"),
        Err(error) => {
            errors.add(error);
            None
        }
    }
}

/// The model of a trait.
pub(crate) fn service(arguments: TokenStream, item: ItemTrait, errors: &Errors) -> Service {
    let arguments = args::service(arguments, errors);
    let mut attributes = item.attrs;
    for attribute in args::take_ipc(&mut attributes, errors) {
        errors.refuse(
            &attribute,
            "`#[ipc(…)]` belongs on methods",
            "what concerns the whole service goes into `#[ipc_service(…)]`",
        );
    }
    let methods = item.items.into_iter().filter_map(|item| match item {
        TraitItem::Fn(item) => Some(method(item, errors)),
        _ => None,
    });
    Service {
        attributes,
        visibility: item.vis,
        wire_name: arguments.name.unwrap_or_else(|| wire_name(&item.ident)),
        name: item.ident,
        krate: arguments.krate,
        is_transparent: arguments.transparent,
        methods: methods.collect(),
    }
}

fn method(item: TraitItemFn, errors: &Errors) -> Method {
    let mut attributes = item.attrs;
    let arguments = args::method(&mut attributes, errors);
    let is_async = item.sig.asyncness.is_some();
    Method {
        attributes,
        wire_name: arguments.name.unwrap_or_else(|| wire_name(&item.sig.ident)),
        kind: if arguments.oneway { Kind::Oneway } else { Kind::Call },
        idempotent: arguments.idempotent,
        spawn: arguments.spawn,
        timeout: arguments.timeout,
        priority: arguments.priority,
        arguments: item.sig.inputs.iter().filter_map(|input| argument(input, errors)).collect(),
        output: Output::of(&output(&item.sig), is_async),
        default: item.default.map(|block| DefaultBody { block, is_async }),
        name: item.sig.ident,
    }
}

fn argument(input: &FnArg, errors: &Errors) -> Option<Argument> {
    let FnArg::Typed(input) = input else { return None };
    let name = argument_name(&input.pat)?.clone();
    let default = args::argument(&input.attrs, errors);
    Some(Argument { name, passing: Passing::of(&input.ty), ty: (*input.ty).clone(), default })
}

/// The name of an argument that is a plain name.
pub(crate) fn argument_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => Some(&pattern.ident),
        _ => None,
    }
}

/// What a call of the method yields: the type after the arrow, or the output of the future it returns.
pub(crate) fn output(signature: &Signature) -> Type {
    match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) if signature.asyncness.is_some() => (**ty).clone(),
        ReturnType::Type(_, ty) => recognise::future_output(ty).unwrap_or(ty).clone(),
    }
}

fn wire_name(ident: &Ident) -> WireName {
    WireName { text: names::unraw(ident), span: ident.span() }
}
