//! Signatures as text. Never prints a method's attributes and docs.

use super::{Keys, Printer};
use crate::identifier::{Identifier, Identifiers};
use crate::model::{Argument, Method, Type};

impl Printer<'_> {
    /// The signature, everything in it by its name.
    pub(super) fn signature(&mut self, method: &Method) {
        self.opening(method);
        self.name(&method.name);
        self.text("(&self");
        for argument in &method.arguments {
            self.text(if argument.default { ", #[ipc(default)] " } else { ", " });
            self.name(&argument.name);
            self.argument_type(argument);
        }
        self.text(")");
        self.output(method);
    }

    /// The signature with identifiers, which attributes take back to names.
    pub(super) fn canonical_signature(&mut self, method: &Method, identifier: &Identifier) {
        self.opening(method);
        self.text(&identifier.spelled);
        self.text("(&self");
        let mut identifiers = Identifiers::default();
        for argument in &method.arguments {
            let identifier = identifiers.add(&argument.name);
            let mut keys = Keys::default();
            keys.name("name", &argument.name, &identifier);
            keys.flag("default", argument.default);
            self.text(", ");
            if !keys.0.is_empty() {
                self.text(&format!("#[ipc({})] ", keys.0.join(", ")));
            }
            self.text(&identifier.spelled);
            self.argument_type(argument);
        }
        self.text(")");
        self.output(method);
    }

    fn opening(&mut self, method: &Method) {
        // A method whose stream cannot be refused is called without waiting for anything.
        let waits = !method.stream || method.error.is_some();
        self.text(if waits { "async fn " } else { "fn " });
    }

    fn argument_type(&mut self, argument: &Argument) {
        let (before, after) = if argument.stream { (": Streaming<", ">") } else { (": ", "") };
        self.text(before);
        self.ty(&argument.ty);
        self.text(after);
    }

    fn output(&mut self, method: &Method) {
        let (before, after) = if method.stream { ("impl Stream<Item = ", ">") } else { ("", "") };
        match (&method.output, &method.error) {
            (Type::Unit, None) if !method.stream => {}
            (output, None) => {
                self.text(" -> ");
                // In parentheses it is a value, and the method has no error.
                let is_value = !method.stream && self.is_result(output);
                self.text(if is_value { "(" } else { before });
                self.ty(output);
                self.text(if is_value { ")" } else { after });
            }
            (output, Some(error)) => {
                self.text(" -> Result<");
                self.text(before);
                self.ty(output);
                self.text(after);
                self.text(", ");
                self.ty(error);
                self.text(">");
            }
        }
    }

    /// Would the type be read as a result and an error?
    fn is_result(&self, ty: &Type) -> bool {
        let Type::Named(index) = ty else { return false };
        let Some(definition) = self.types.get(*index) else { return false };
        definition.name == "Result" && definition.arguments.len() == 2
    }
}
