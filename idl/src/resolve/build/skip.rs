//! What is passed over: a writer's type by itself. Never meets the reader's.

use super::super::TooLarge;
use super::super::form::{Alternatives, Form};
use super::super::plan::{Choice, Node, Op};
use super::Builder;
use super::scalar::scalar;
use crate::model::Type;

impl<'a> Builder<'a> {
    /// What is passed over has the same parts as what is kept, and leads nowhere.
    pub(super) fn skip(&mut self, node: u32, form: Form<'a>) -> Result<(), TooLarge> {
        let made = match form {
            Form::Never => Node::Never,
            Form::Unit => Node::Bytes(0),
            Form::Scalar(ty) => scalar(ty, ty).unwrap_or(Node::Never),
            Form::Option(inner) => Node::Option(self.skipped(inner)),
            Form::Sequence(Type::U8) => Node::Text,
            Form::Sequence(element) | Form::Set(element) => Node::Sequence(self.skipped(element)),
            Form::Array(element, count) => Node::Array(self.skipped(element), count),
            Form::Map(key, value) => {
                let ops = vec![Op::Keep(self.skipped(key)), Op::Keep(self.skipped(value))];
                let ops = self.ops(ops);
                Node::Sequence(self.push(Node::Record(ops)))
            }
            Form::Tuple(types) => {
                self.spend(types.len())?;
                let ops = types.iter().map(|ty| Op::Keep(self.skipped(ty))).collect();
                Node::Record(self.ops(ops))
            }
            Form::Struct(fields, _) => {
                self.spend(fields.len())?;
                let ops = fields.iter().map(|field| Op::Keep(self.skipped(&field.ty))).collect();
                Node::Record(self.ops(ops))
            }
            Form::Enum(Alternatives { variants, .. }) => {
                self.spend(variants.len())?;
                let choices: Vec<_> = variants
                    .iter()
                    .zip(0..)
                    .map(|(variant, tag)| Choice::Known { tag, inside: self.skipped_variant(&variant.shape) })
                    .collect();
                let start = self.table.choices.len() as u32;
                self.table.choices.extend(choices);
                Node::Enum((start, self.table.choices.len() as u32))
            }
        };
        self.table.nodes[node as usize] = made;
        Ok(())
    }
}
