//! Types as text. Never prints what a named type consists of.

use super::Printer;
use super::labels::Arguments;
use super::literal::literal;
use crate::identifier::{is_identifier, spell};
use crate::model::Type;

/// How deep, and how many, type arguments are followed where types go by their names. No type of a program comes
/// near; a peer's may go round in circles.
const MAX_ARGUMENT_DEPTH: u32 = 16;
const MAX_ARGUMENTS: u32 = 256;

impl Printer<'_> {
    /// The type as a text of its own.
    pub(super) fn apart(&self, ty: &Type) -> String {
        let mut printer = Printer { labels: self.labels, limit: self.limit, ..Printer::new(self.types) };
        printer.ty(ty);
        printer.out
    }

    pub(super) fn ty(&mut self, ty: &Type) {
        self.inner(ty, 0, &mut MAX_ARGUMENTS.clone());
    }

    pub(super) fn list(&mut self, open: &str, types: &[Type], close: &str) {
        self.text(open);
        self.inner_list(types, 0, &mut MAX_ARGUMENTS.clone());
        self.text(close);
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
            // `()` is the unit.
            Type::Tuple(elements) if elements.is_empty() => return self.text("(,)"),
            Type::Tuple(elements) => {
                self.text("(");
                self.inner_list(elements, depth, left);
                return self.text(if elements.len() == 1 { ",)" } else { ")" });
            }
            Type::Named(index) => return self.named(*index, depth, left),
            Type::Client(service) => return self.client(service),
        };
        self.text(open);
        for (index, ty) in inner.iter().enumerate() {
            self.text(if index > 0 { ", " } else { "" });
            self.inner(ty, depth, left);
        }
        self.text(if inner.is_empty() { "" } else { ">" });
    }

    fn inner_list(&mut self, types: &[Type], depth: u32, left: &mut u32) {
        for (index, ty) in types.iter().enumerate() {
            self.text(if index > 0 { ", " } else { "" });
            self.inner(ty, depth, left);
        }
    }

    fn named(&mut self, index: usize, depth: u32, left: &mut u32) {
        let types = self.types;
        let Some(definition) = types.get(index) else { return self.text(&format!("?{index}")) };
        match self.labels.map(|labels| &labels[index]) {
            Some(label) => {
                self.text(&label.identifier);
                if label.arguments == Arguments::Mentioned {
                    // Labels see to it that this ends.
                    self.text("<");
                    self.inner_list(&definition.arguments, depth, left);
                    self.text(">");
                }
            }
            None => {
                self.name(&definition.name);
                self.bounded_arguments(&definition.arguments, depth, left);
            }
        }
    }

    /// The service's name as the identifier that it is, else in quotes.
    fn client(&mut self, service: &str) {
        match self.labels {
            Some(_) if is_identifier(service) => self.text(&format!("Client<{}>", spell(service))),
            Some(_) => self.text(&format!("Client<{}>", literal(service))),
            None => {
                self.text("Client<");
                self.name(service);
                self.text(">");
            }
        }
    }

    fn bounded_arguments(&mut self, arguments: &[Type], depth: u32, left: &mut u32) {
        if arguments.is_empty() {
            return;
        }
        let cost = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
        if depth == MAX_ARGUMENT_DEPTH || cost > *left {
            return self.text("<…>");
        }
        *left -= cost;
        self.text("<");
        self.inner_list(arguments, depth + 1, left);
        self.text(">");
    }
}
