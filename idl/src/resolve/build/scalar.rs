//! Numbers, texts and the like: which of them are read as which. Never of what has parts.

use super::super::plan::{Node, Widened};
use crate::model::Type;

/// What is done with a scalar that is read as another, if anything can be: integers become wider ones that hold all
/// their values, and `f32` becomes `f64`.
pub(super) fn scalar(writer: &Type, reader: &Type) -> Option<Node> {
    if writer == reader {
        return Some(match writer {
            Type::Bool | Type::U8 | Type::I8 => Node::Bytes(1),
            Type::F32 => Node::Bytes(4),
            Type::F64 => Node::Bytes(8),
            Type::Char | Type::String => Node::Text,
            Type::Client(_) => Node::Varint(32),
            integer => Node::Varint(bits(integer)?.1),
        });
    }
    if let (Type::F32, Type::F64) = (writer, reader) {
        return Some(Node::Float);
    }
    let ((from_signed, from), (to_signed, to)) = (bits(writer)?, bits(reader)?);
    if from >= to {
        return None;
    }
    Some(match (from_signed, to_signed, from) {
        (true, false, _) => return None,
        (true, true, 8) => Node::Widen(Widened::SignedByte),
        (false, false, 8) => Node::Widen(Widened::Byte),
        (false, true, 8) => Node::Widen(Widened::ByteToSigned),
        (false, true, _) => Node::Widen(Widened::ToSigned(from)),
        // A varint does not say of how many bits its type was.
        (true, true, _) | (false, false, _) => Node::Varint(from),
    })
}

/// Whether an integer is signed, and its bits.
fn bits(ty: &Type) -> Option<(bool, u8)> {
    Some(match ty {
        Type::U8 => (false, 8),
        Type::U16 => (false, 16),
        Type::U32 => (false, 32),
        Type::U64 => (false, 64),
        Type::U128 => (false, 128),
        Type::I8 => (true, 8),
        Type::I16 => (true, 16),
        Type::I32 => (true, 32),
        Type::I64 => (true, 64),
        Type::I128 => (true, 128),
        _ => return None,
    })
}
