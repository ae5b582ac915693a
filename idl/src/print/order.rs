//! In which order the methods of an interface mention its types. Never recurses from definition to definition: a
//! peer's may be many.

use crate::model::{Definition, Method, Type};
use crate::walk::each_type;

/// The indices of the definitions in the order in which a walk through the methods meets them: arguments, output,
/// error; of each definition its arguments, then what it consists of. It is the order in which a trait's own types
/// are entered into an interface.
pub(crate) fn order_of_mention(methods: &[Method], types: &[Definition]) -> Vec<usize> {
    let mut met = vec![false; types.len()];
    let mut order = Vec::new();
    let mut waiting: Vec<&Type> = Vec::new();
    for method in methods {
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
                    if let Some(definition) = types.get(*index)
                        && !std::mem::replace(&mut met[*index], true)
                    {
                        order.push(*index);
                        waiting.extend(&definition.arguments);
                        each_type(&definition.shape, &mut |ty| waiting.push(ty));
                    }
                }
                _ => {}
            }
            waiting[before..].reverse();
        }
    }
    order
}
