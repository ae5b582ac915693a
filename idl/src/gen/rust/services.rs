//! Services as Rust's traits. Never writes a type, but aliases that keep the macros from taking a `Result` apart.

use std::fmt::Write as _;

use super::items::{docs, in_parentheses, put};
use super::names::arguments;
use super::types::At;
use super::{Code, ContextArgument};
use crate::model::{Argument, Method, Type};
use crate::print::literal::literal;

impl Code<'_> {
    /// The trait of the service at this index.
    pub(super) fn service(&self, index: usize, out: &mut String) {
        let service = &self.program.services[index];
        let names = &self.names.services[index];
        let mut aliases = String::new();
        docs(&service.docs, out);
        out.push_str(self.paths.allowed());
        let mut keys = Vec::new();
        if !names.identifier.is_name {
            keys.push(format!("name = {}", literal(&service.name)));
        }
        keys.extend(self.paths.crate_key());
        let keys = (!keys.is_empty()).then(|| keys.join(", "));
        put!(out, "#[{}{}]\n", self.paths.ours("ipc_service"), in_parentheses(keys));
        put!(out, "pub trait {} {{\n", names.identifier.spelled);
        for (method, identifier) in service.methods.iter().zip(&names.methods) {
            docs(&method.docs, out);
            let mut keys = Vec::new();
            if !identifier.is_name {
                keys.push(format!("name = {}", literal(&method.name)));
            }
            keys.extend(method.idempotent.then(|| "idempotent".to_owned()));
            keys.extend(method.oneway.then(|| "oneway".to_owned()));
            if !keys.is_empty() {
                put!(out, "#[ipc({})]\n", keys.join(", "));
            }
            let place = format!("{}.{}", service.name, method.name);
            // A stream that cannot be refused is there at once.
            let is_async = !method.stream || method.error.is_some();
            put!(out, "{}fn {}(&self", if is_async { "async " } else { "" }, identifier.spelled);
            self.arguments(&method.arguments, &place, out);
            put!(out, "){};\n", self.output(method, At::signature(&place), &mut aliases));
        }
        out.push_str("}\n");
        out.push_str(&aliases);
    }

    fn arguments(&self, all: &[Argument], place: &str, out: &mut String) {
        if self.context == ContextArgument::First {
            put!(out, ", context: &{}", self.paths.ours("Context"));
        }
        let identifiers = arguments(all.iter().map(|argument| argument.name.as_str()), self.context);
        for (argument, identifier) in all.iter().zip(&identifiers) {
            let place = format!("{place}.{}", argument.name);
            let default = if argument.default { "#[ipc(default)] " } else { "" };
            let ty = self.argument(argument, At::signature(&place));
            put!(out, ", {default}{}: {ty}", identifier.spelled);
        }
    }

    fn argument(&self, argument: &Argument, at: At<'_>) -> String {
        if argument.stream {
            let items = match self.result(&argument.ty) {
                Some([value, error]) => format!("{}, {}", self.ty(value, at), self.ty(error, at)),
                None => self.ty(&argument.ty, at),
            };
            return format!("{}<{items}>", self.paths.ours("Streaming"));
        }
        match &argument.ty {
            // Lent from the request's bytes.
            Type::String => "&str".to_owned(),
            Type::Sequence(element) if **element == Type::U8 => "&[u8]".to_owned(),
            ty => self.ty(ty, at),
        }
    }

    /// What follows the arguments.
    fn output(&self, method: &Method, at: At<'_>, aliases: &mut String) -> String {
        let error = method.error.as_ref().map(|error| self.ty(error, at));
        let value = match (method.stream, &error) {
            (false, None) if method.output == Type::Unit => return String::new(),
            (true, _) => {
                let item = match (self.result(&method.output), &error) {
                    // A call has one error; this one is part of the items.
                    (Some([_, own]), Some(error)) if self.ty(own, at) != *error => {
                        self.alias(method, "Item", at, aliases)
                    }
                    _ => self.ty(&method.output, at),
                };
                format!("impl {}<Item = {item}>", self.paths.known("Stream"))
            }
            (false, None) if self.result(&method.output).is_some() => {
                self.alias(method, "Output", at, aliases)
            }
            (false, _) => self.ty(&method.output, at),
        };
        match error {
            None => format!(" -> {value}"),
            Some(error) => format!(" -> {}<{value}, {error}>", self.paths.std("::std::result::Result")),
        }
    }

    /// A name for the method's output under which no macro knows it as a `Result`.
    fn alias(&self, method: &Method, kind: &str, at: At<'_>, aliases: &mut String) -> String {
        let name = self.names.add_type(&format!("{}{kind}", super::case::camel(&method.name)));
        put!(
            aliases,
            "/// What `{}` gives; its `Result` is a value like others.\n{}pub type {name} = {};\n",
            method.name.replace(crate::print::literal::is_hidden, ""),
            self.paths.allowed(),
            self.ty(&method.output, at)
        );
        name
    }

    /// `T` and `E`, if the type is the standard library's `Result<T, E>`.
    fn result(&self, ty: &Type) -> Option<[&Type; 2]> {
        let Type::Named(index) = ty else { return None };
        let definition = &self.program.definitions[*index];
        match (&definition.arguments[..], self.standard[*index]) {
            ([value, error], Some(_)) if definition.name == "Result" => Some([value, error]),
            _ => None,
        }
    }
}
