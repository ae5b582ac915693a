//! Interfaces as text, in the syntax of Rust traits, and single types and methods as people name them.
//!
//! The text of an interface is canonical and complete: equal models give equal text, and `Interface::parse` (feature
//! `text`) gives back the model. `docs/interface-text.md` describes it. The model may be a peer's: nothing in it
//! makes the text endless or puts control characters into it. What no interface can mean, such as an index of no
//! type, is printed as something that is not read back.

pub(crate) mod labels;
pub(crate) mod literal;
mod method;
pub(crate) mod order;
mod ty;

use crate::identifier::{Identifier, Identifiers};
#[cfg(feature = "text")]
use crate::merge::Merged;
use crate::model::{Definition, Field, Interface, Method, Missing, Shape, Type, UnknownFields, Variant};
use labels::{Arguments, Label, labels};
use literal::{doc_lines, literal};
use order::order_of_mention;

/// The text of an interface ends here; no program's comes near.
const MAX_BYTES: usize = 16 << 20;

impl Interface {
    /// The whole interface: the trait, then the types it names. The text ends after 16 MiB.
    pub fn print(&self) -> String {
        let labels = labels(&self.types);
        let mut printer = Printer { labels: Some(&labels), limit: MAX_BYTES, ..Printer::new(&self.types) };
        let is_ordered = !order_of_mention(&self.methods, &self.types).into_iter().eq(0..self.types.len());
        printer.service(&self.name, &self.docs, &self.methods, is_ordered);
        for (definition, label) in self.types.iter().zip(&labels) {
            printer.text("\n");
            printer.definition(definition, label);
        }
        printer.out
    }
}

/// Several interfaces, one after another: each trait, then those of its types that no trait before it names. So a type
/// that they share stands there once, and [`parse`](crate::parse) gives the interfaces back; types that no method mentions
/// are left out then, and the others numbered as they are mentioned. The text ends after 16 MiB.
#[cfg(feature = "text")]
pub fn print_all(interfaces: &[Interface]) -> String {
    if let [interface] = interfaces {
        return interface.print();
    }
    let merged = Merged::new(interfaces);
    let labels = labels(&merged.definitions);
    let mut printer =
        Printer { labels: Some(&labels), limit: MAX_BYTES, ..Printer::new(&merged.definitions) };
    let mut printed = 0;
    for service in &merged.services {
        printer.text(if printer.out.is_empty() { "" } else { "\n" });
        printer.service(&service.name, &service.docs, &service.methods, false);
        for (definition, label) in merged.definitions.iter().zip(&labels).take(service.end).skip(printed) {
            printer.text("\n");
            printer.definition(definition, label);
        }
        printed = service.end;
    }
    printer.out
}

impl Method {
    /// The signature on one line, without docs. `types` holds the named types.
    pub fn print(&self, types: &[Definition]) -> String {
        let mut printer = Printer::new(types);
        printer.signature(self);
        printer.out
    }
}

impl Type {
    /// The type's name. `types` holds the named types.
    pub fn print(&self, types: &[Definition]) -> String {
        let mut printer = Printer::new(types);
        printer.ty(self);
        printer.out
    }
}

/// The beginning of a type's name: at most about `limit` bytes, however long a peer made the names in it.
#[cfg(feature = "wire")]
pub(crate) fn print_short(ty: &Type, types: &[Definition], limit: usize) -> String {
    let mut printer = Printer { limit, ..Printer::new(types) };
    printer.ty(ty);
    printer.out
}

struct Printer<'a> {
    types: &'a [Definition],
    /// What types are called in text that is read back; without them they go by their names.
    labels: Option<&'a [Label]>,
    out: String,
    /// Once the text is this long, it is left as it is.
    limit: usize,
}

/// The keys of an attribute, as far as there are any.
#[derive(Default)]
struct Keys(Vec<String>);

impl Keys {
    fn flag(&mut self, key: &str, is_there: bool) {
        if is_there {
            self.0.push(key.to_owned());
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        self.0.push(format!("{key} = {}", literal(text)));
    }

    /// The name itself, where an identifier stands for it.
    fn name(&mut self, key: &str, name: &str, identifier: &Identifier) {
        if !identifier.is_name {
            self.text(key, name);
        }
    }

    fn aliases(&mut self, aliases: &[String]) {
        aliases.iter().for_each(|alias| self.text("alias", alias));
    }
}

impl<'a> Printer<'a> {
    fn new(types: &'a [Definition]) -> Self {
        Self { types, labels: None, out: String::new(), limit: usize::MAX }
    }

    fn text(&mut self, text: &str) {
        if self.out.len() < self.limit {
            self.out.push_str(text);
        }
    }

    /// A peer's names may hold anything; what they hold must not steer a terminal.
    fn name(&mut self, name: &str) {
        let left = self.limit.saturating_sub(self.out.len());
        let clean = |c: char| if literal::is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
        self.out.extend(name.chars().take(left).map(clean));
    }

    /// The attribute on a line of its own, if it has keys.
    fn attribute(&mut self, indent: &str, attribute: &str, keys: Keys) {
        if !keys.0.is_empty() {
            self.text(&format!("{indent}#[{attribute}({})]\n", keys.0.join(", ")));
        }
    }

    /// The docs as a comment; as a key, where a comment would say something else.
    fn docs(&mut self, indent: &str, docs: &str, keys: &mut Keys) {
        if docs.is_empty() {
            return;
        }
        let Some(lines) = doc_lines(docs) else { return keys.text("docs", docs) };
        for line in lines {
            self.text(indent);
            self.text(if line.is_empty() { "///" } else { "/// " });
            self.text(line);
            self.text("\n");
        }
    }

    fn service(&mut self, name: &str, docs: &str, methods: &[Method], is_ordered: bool) {
        let identifier = Identifiers::default().add(name);
        let (mut service, mut keys) = (Keys::default(), Keys::default());
        service.name("name", name, &identifier);
        keys.flag("ordered", is_ordered);
        self.docs("", docs, &mut keys);
        self.attribute("", "ipc_service", service);
        self.attribute("", "ipc", keys);
        self.text(&format!("trait {} {{\n", identifier.spelled));
        let mut identifiers = Identifiers::default();
        for (index, method) in methods.iter().enumerate() {
            self.text(if index > 0 { "\n" } else { "" });
            let identifier = identifiers.add(&method.name);
            let mut keys = Keys::default();
            keys.name("name", &method.name, &identifier);
            keys.flag("idempotent", method.idempotent);
            keys.flag("oneway", method.oneway);
            self.docs("    ", &method.docs, &mut keys);
            self.attribute("    ", "ipc", keys);
            self.text("    ");
            self.canonical_signature(method, &identifier);
            self.text(";\n");
        }
        self.text("}\n");
    }

    fn definition(&mut self, definition: &Definition, label: &Label) {
        let (mut serde, mut keys) = (Keys::default(), Keys::default());
        if !label.is_name {
            serde.text("rename", &definition.name);
        }
        serde.flag("deny_unknown_fields", definition.unknown_fields == UnknownFields::Refused);
        if label.arguments == Arguments::Listed {
            let listed = definition.arguments.iter().map(|ty| self.apart(ty)).collect::<Vec<_>>();
            keys.0.push(format!("arguments({})", listed.join(", ")));
        }
        self.docs("", &definition.docs, &mut keys);
        self.attribute("", "serde", serde);
        self.attribute("", "ipc", keys);
        self.text(if matches!(definition.shape, Shape::Enum(_)) { "enum " } else { "struct " });
        self.text(&label.identifier);
        if label.arguments == Arguments::Mentioned {
            self.list("<", &definition.arguments, ">");
        }
        match &definition.shape {
            Shape::Enum(variants) if variants.is_empty() => self.text(" {}\n"),
            Shape::Enum(variants) => {
                self.text(" {\n");
                let mut identifiers = Identifiers::default();
                for variant in variants {
                    self.variant(variant, &identifiers.add(&variant.name));
                }
                self.text("}\n");
            }
            shape => {
                self.shape("", shape);
                self.text(if matches!(shape, Shape::Struct(_)) { "\n" } else { ";\n" });
            }
        }
    }

    fn variant(&mut self, variant: &Variant, identifier: &Identifier) {
        let (mut serde, mut keys) = (Keys::default(), Keys::default());
        serde.name("rename", &variant.name, identifier);
        serde.aliases(&variant.aliases);
        serde.flag("other", variant.other);
        self.docs("    ", &variant.docs, &mut keys);
        self.attribute("    ", "serde", serde);
        self.attribute("    ", "ipc", keys);
        self.text("    ");
        self.text(&identifier.spelled);
        self.shape("    ", &variant.shape);
        self.text(",\n");
    }

    fn shape(&mut self, indent: &str, shape: &Shape) {
        match shape {
            Shape::Unit => {}
            Shape::Newtype(ty) => self.list("(", std::slice::from_ref(ty), ")"),
            Shape::Tuple(types) => self.list("(", types, if types.len() == 1 { ",)" } else { ")" }),
            Shape::Struct(fields) if fields.is_empty() => self.text(" {}"),
            Shape::Struct(fields) => {
                self.text(" {\n");
                let mut identifiers = Identifiers::default();
                for field in fields {
                    self.field(&format!("{indent}    "), field, &identifiers.add(&field.name));
                }
                self.text(indent);
                self.text("}");
            }
            // No program says this, only a peer could.
            Shape::Enum(_) => self.text("(enum)"),
        }
    }

    fn field(&mut self, indent: &str, field: &Field, identifier: &Identifier) {
        let (mut serde, mut keys) = (Keys::default(), Keys::default());
        serde.name("rename", &field.name, identifier);
        serde.aliases(&field.aliases);
        serde.flag("default", field.missing == Missing::Default);
        // What else is missing is `None`, if the type is an option.
        let is_option = matches!(field.ty, Type::Option(_));
        keys.flag("optional", field.missing == Missing::None && !is_option);
        keys.flag("required", field.missing == Missing::Refused && is_option);
        self.docs(indent, &field.docs, &mut keys);
        self.attribute(indent, "serde", serde);
        self.attribute(indent, "ipc", keys);
        self.text(indent);
        self.text(&identifier.spelled);
        self.text(": ");
        self.ty(&field.ty);
        self.text(",\n");
    }
}
