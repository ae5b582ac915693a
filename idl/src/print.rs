//! Interfaces, methods and types as text, in the syntax of Rust traits. Never read back: it is for people and
//! for diffs.
//!
//! Equal models give equal text. Type arguments that go round in circles, which only a peer could send, are cut
//! short.

use crate::model::{Definition, Field, Interface, Method, Missing, Shape, Type, UnknownFields, Variant};

/// How deep, and how many, type arguments are followed. No type of a program comes near; a peer's may go round
/// in circles.
const MAX_ARGUMENT_DEPTH: u32 = 16;
const MAX_ARGUMENTS: u32 = 256;

impl Interface {
    /// The whole interface: the trait, then the types it names.
    pub fn print(&self) -> String {
        let mut printer = Printer::new(&self.types);
        printer.docs("", &self.docs);
        printer.text("trait ");
        printer.name(&self.name);
        printer.text(" {\n");
        for (index, method) in self.methods.iter().enumerate() {
            if index > 0 {
                printer.text("\n");
            }
            printer.docs("    ", &method.docs);
            if method.idempotent {
                printer.text("    #[idempotent]\n");
            }
            if method.oneway {
                printer.text("    #[oneway]\n");
            }
            printer.text("    ");
            printer.method(method);
            printer.text(";\n");
        }
        printer.text("}\n");
        for definition in &self.types {
            printer.text("\n");
            printer.definition(definition);
        }
        printer.out
    }
}

impl Method {
    /// The signature on one line, without docs. `types` holds the named types.
    pub fn print(&self, types: &[Definition]) -> String {
        let mut printer = Printer::new(types);
        printer.method(self);
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
pub(crate) fn print_short(ty: &Type, types: &[Definition], limit: usize) -> String {
    let mut printer = Printer { limit, ..Printer::new(types) };
    printer.ty(ty);
    printer.out
}

struct Printer<'a> {
    types: &'a [Definition],
    out: String,
    /// Once the text is this long, it is left as it is.
    limit: usize,
}

impl<'a> Printer<'a> {
    fn new(types: &'a [Definition]) -> Self {
        Self { types, out: String::new(), limit: usize::MAX }
    }

    fn text(&mut self, text: &str) {
        if self.out.len() < self.limit {
            self.out.push_str(text);
        }
    }

    /// A peer's names may hold anything; what they hold must not steer a terminal.
    fn name(&mut self, name: &str) {
        let left = self.limit.saturating_sub(self.out.len());
        let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        self.out.extend(name.chars().take(left).map(clean));
    }

    fn docs(&mut self, indent: &str, docs: &str) {
        for line in docs.lines() {
            self.text(indent);
            self.text("///");
            if !line.trim().is_empty() {
                self.text(" ");
                self.name(line.trim_end());
            }
            self.text("\n");
        }
    }

    fn method(&mut self, method: &Method) {
        // A method whose stream cannot be refused is called without waiting for anything.
        let waits = !method.stream || method.error.is_some();
        self.text(if waits { "async fn " } else { "fn " });
        self.name(&method.name);
        self.text("(&self");
        for argument in &method.arguments {
            self.text(", ");
            self.text(if argument.default { "#[ipc(default)] " } else { "" });
            self.name(&argument.name);
            self.text(": ");
            let (before, after) = if argument.stream { ("Streaming<", ">") } else { ("", "") };
            self.text(before);
            self.ty(&argument.ty);
            self.text(after);
        }
        self.text(")");
        let (before, after) = if method.stream { ("impl Stream<Item = ", ">") } else { ("", "") };
        match (&method.output, &method.error) {
            (Type::Unit, None) if !method.stream => {}
            (output, None) => {
                self.text(" -> ");
                self.text(before);
                self.ty(output);
                self.text(after);
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

    fn definition(&mut self, definition: &Definition) {
        self.docs("", &definition.docs);
        if definition.unknown_fields == UnknownFields::Refused {
            self.text("#[serde(deny_unknown_fields)]\n");
        }
        self.text(if matches!(definition.shape, Shape::Enum(_)) { "enum " } else { "struct " });
        self.name(&definition.name);
        self.arguments(&definition.arguments, 0, &mut MAX_ARGUMENTS.clone());
        match &definition.shape {
            Shape::Enum(variants) => {
                self.text(" {\n");
                variants.iter().for_each(|variant| self.variant(variant));
                self.text("}\n");
            }
            shape @ Shape::Struct(_) => {
                self.shape("", shape);
                self.text("\n");
            }
            shape => {
                self.shape("", shape);
                self.text(";\n");
            }
        }
    }

    fn variant(&mut self, variant: &Variant) {
        self.docs("    ", &variant.docs);
        self.aliases("    ", &variant.aliases);
        if variant.other {
            self.text("    #[serde(other)]\n");
        }
        self.text("    ");
        self.name(&variant.name);
        self.shape("    ", &variant.shape);
        self.text(",\n");
    }

    fn shape(&mut self, indent: &str, shape: &Shape) {
        match shape {
            Shape::Unit => {}
            Shape::Newtype(ty) => {
                self.text("(");
                self.ty(ty);
                self.text(")");
            }
            Shape::Tuple(types) => {
                self.text("(");
                self.list(types, 0, &mut MAX_ARGUMENTS.clone());
                self.text(")");
            }
            Shape::Struct(fields) if fields.is_empty() => self.text(" {}"),
            Shape::Struct(fields) => {
                self.text(" {\n");
                fields.iter().for_each(|field| self.field(indent, field));
                self.text(indent);
                self.text("}");
            }
            // No program says this, only a peer could.
            Shape::Enum(_) => self.text("(enum)"),
        }
    }

    fn field(&mut self, indent: &str, field: &Field) {
        let indent = format!("{indent}    ");
        self.docs(&indent, &field.docs);
        self.aliases(&indent, &field.aliases);
        // What is `None` where it is missing shows by its type.
        if field.missing == Missing::Default {
            self.text(&indent);
            self.text("#[serde(default)]\n");
        }
        self.text(&indent);
        self.name(&field.name);
        self.text(": ");
        self.ty(&field.ty);
        self.text(",\n");
    }

    fn aliases(&mut self, indent: &str, aliases: &[String]) {
        for alias in aliases {
            self.text(indent);
            self.text("#[serde(alias = \"");
            self.name(alias);
            self.text("\")]\n");
        }
    }

    fn ty(&mut self, ty: &Type) {
        self.inner(ty, 0, &mut MAX_ARGUMENTS.clone());
    }

    fn inner(&mut self, ty: &Type, depth: u32, left: &mut u32) {
        let (open, inner): (&str, &[&Type]) = match ty {
            Type::Bool => ("bool", &[]),
            Type::U8 => ("u8", &[]),
            Type::U16 => ("u16", &[]),
            Type::U32 => ("u32", &[]),
            Type::U64 => ("u64", &[]),
            Type::U128 => ("u128", &[]),
            Type::I8 => ("i8", &[]),
            Type::I16 => ("i16", &[]),
            Type::I32 => ("i32", &[]),
            Type::I64 => ("i64", &[]),
            Type::I128 => ("i128", &[]),
            Type::F32 => ("f32", &[]),
            Type::F64 => ("f64", &[]),
            Type::Char => ("char", &[]),
            Type::String => ("String", &[]),
            Type::Unit => ("()", &[]),
            Type::Option(inner) => ("Option<", &[inner]),
            Type::Sequence(inner) => ("Vec<", &[inner]),
            Type::Set(inner) => ("HashSet<", &[inner]),
            Type::Map(key, value) => ("HashMap<", &[key, value]),
            Type::Array(element, length) => {
                self.text("[");
                self.inner(element, depth, left);
                return self.text(&format!("; {length}]"));
            }
            Type::Tuple(elements) => {
                self.text("(");
                self.list(elements, depth, left);
                return self.text(if elements.len() == 1 { ",)" } else { ")" });
            }
            Type::Named(index) => return self.named(*index, depth, left),
            Type::Client(service) => {
                self.text("Client<");
                self.name(service);
                return self.text(">");
            }
        };
        self.text(open);
        for (index, ty) in inner.iter().enumerate() {
            if index > 0 {
                self.text(", ");
            }
            self.inner(ty, depth, left);
        }
        if !inner.is_empty() {
            self.text(">");
        }
    }

    fn list(&mut self, types: &[Type], depth: u32, left: &mut u32) {
        for (index, ty) in types.iter().enumerate() {
            if index > 0 {
                self.text(", ");
            }
            self.inner(ty, depth, left);
        }
    }

    fn named(&mut self, index: usize, depth: u32, left: &mut u32) {
        let types = self.types;
        match types.get(index) {
            None => self.text(&format!("?{index}")),
            Some(definition) => {
                self.name(&definition.name);
                self.arguments(&definition.arguments, depth, left);
            }
        }
    }

    fn arguments(&mut self, arguments: &[Type], depth: u32, left: &mut u32) {
        if arguments.is_empty() {
            return;
        }
        let cost = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
        if depth == MAX_ARGUMENT_DEPTH || cost > *left {
            return self.text("<…>");
        }
        *left -= cost;
        self.text("<");
        self.list(arguments, depth + 1, left);
        self.text(">");
    }
}
