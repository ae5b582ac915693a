//! In which order the methods of an interface mention its types. Never recurses from definition to definition: a
//! peer's may be many.

use crate::model::{Interface, Shape, Type};

/// The indices of the definitions in the order in which a walk through the methods meets them: arguments, output,
/// error; of each definition its arguments, then what it consists of. It is the order in which a trait's own types
/// are entered into an interface.
pub(crate) fn order_of_mention(interface: &Interface) -> Vec<usize> {
    let mut met = vec![false; interface.types.len()];
    let mut order = Vec::new();
    let mut waiting: Vec<&Type> = Vec::new();
    for method in &interface.methods {
        let arguments = method.arguments.iter().map(|argument| &argument.ty);
        waiting.extend(arguments.chain([&method.output]).chain(&method.error));
        waiting.reverse();
        while let Some(ty) = waiting.pop() {
            let before = waiting.len();
            match ty {
                Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) | Type::Array(inner, _) => {
                    waiting.push(inner);
                }
                Type::Map(key, value) => waiting.extend([&**key, &**value]),
                Type::Tuple(elements) => waiting.extend(elements),
                Type::Named(index) => {
                    if let Some(definition) = interface.types.get(*index)
                        && !std::mem::replace(&mut met[*index], true)
                    {
                        order.push(*index);
                        waiting.extend(&definition.arguments);
                        push_shape(&mut waiting, &definition.shape);
                    }
                }
                _ => {}
            }
            waiting[before..].reverse();
        }
    }
    order
}

/// Appends the types in a shape, in their order.
fn push_shape<'a>(types: &mut Vec<&'a Type>, shape: &'a Shape) {
    match shape {
        Shape::Unit => {}
        Shape::Newtype(ty) => types.push(ty),
        Shape::Tuple(elements) => types.extend(elements),
        Shape::Struct(fields) => types.extend(fields.iter().map(|field| &field.ty)),
        Shape::Enum(variants) => {
            for variant in variants {
                // Enums in variants, which only a peer could have sent, are not followed.
                if !matches!(variant.shape, Shape::Enum(_)) {
                    push_shape(types, &variant.shape);
                }
            }
        }
    }
}
