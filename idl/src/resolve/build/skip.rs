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
                let entry = self.skip_all([key, value].into_iter())?;
                Node::Sequence(self.push(entry))
            }
            Form::Tuple(types) => self.skip_all(types.iter())?,
            Form::Struct(fields, _) => self.skip_all(fields.iter().map(|field| &field.ty))?,
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

    /// Parts that follow one another. Those without bytes are left out: a peer's types may have any number of them.
    fn skip_all(&mut self, types: impl ExactSizeIterator<Item = &'a Type>) -> Result<Node, TooLarge> {
        self.spend(types.len())?;
        let mut ops = Vec::new();
        for ty in types {
            ops.extend(self.skipped_op(ty, Op::Keep));
        }
        Ok(Node::Record(self.ops(ops)))
    }

    /// How a value is passed over, if there is anything of it.
    pub(super) fn skipped_op(&mut self, ty: &'a Type, op: fn(u32) -> Op) -> Option<Op> {
        (self.writer.sizes.of(ty).least > 0).then(|| op(self.skipped(ty)))
    }
}
