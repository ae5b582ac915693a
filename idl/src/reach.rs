//! One method of an interface with the types it needs and no others. Never changes what they are.

use std::collections::HashMap;

use crate::model::{Definition, Interface, Method, Shape, Type};

impl Interface {
    /// The interface with this method alone, and the types that it reaches.
    pub fn only(&self, method: &str) -> Option<Self> {
        let mut method = self.methods.iter().find(|candidate| candidate.name == method)?.clone();
        let mut kept = Kept { types: &self.types, numbers: HashMap::new(), definitions: Vec::new() };
        kept.method(&mut method);
        // What is kept may name what follows: no recursion, a peer's types may lie deep.
        let mut next = 0;
        while next < kept.definitions.len() {
            let mut definition = kept.definitions[next].clone();
            definition.arguments.iter_mut().for_each(|ty| kept.ty(ty));
            kept.shape(&mut definition.shape);
            kept.definitions[next] = definition;
            next += 1;
        }
        let (name, docs) = (self.name.clone(), self.docs.clone());
        Some(Self { name, docs, methods: vec![method], types: kept.definitions })
    }
}

struct Kept<'a> {
    types: &'a [Definition],
    /// New indices by old ones.
    numbers: HashMap<usize, usize>,
    definitions: Vec<Definition>,
}

impl Kept<'_> {
    fn method(&mut self, method: &mut Method) {
        method.arguments.iter_mut().for_each(|argument| self.ty(&mut argument.ty));
        self.ty(&mut method.output);
        method.error.iter_mut().for_each(|error| self.ty(error));
    }

    fn ty(&mut self, ty: &mut Type) {
        match ty {
            Type::Named(index) => {
                let Some(definition) = self.types.get(*index) else { return };
                let next = self.definitions.len();
                let number = *self.numbers.entry(*index).or_insert(next);
                if number == next {
                    self.definitions.push(definition.clone());
                }
                *index = number;
            }
            Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) | Type::Array(inner, _) => {
                self.ty(inner)
            }
            Type::Map(key, value) => {
                self.ty(key);
                self.ty(value);
            }
            Type::Tuple(types) => types.iter_mut().for_each(|ty| self.ty(ty)),
            _ => {}
        }
    }

    fn shape(&mut self, shape: &mut Shape) {
        match shape {
            Shape::Unit => {}
            Shape::Newtype(ty) => self.ty(ty),
            Shape::Tuple(types) => types.iter_mut().for_each(|ty| self.ty(ty)),
            Shape::Struct(fields) => fields.iter_mut().for_each(|field| self.ty(&mut field.ty)),
            Shape::Enum(variants) => variants.iter_mut().for_each(|variant| self.shape(&mut variant.shape)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Definition, Field, Interface, Shape, Type};

    #[test]
    fn one_method_keeps_what_it_reaches_and_its_fingerprint() {
        let list = vec![
            Field::new("head", Type::Named(2)),
            Field::new("tail", Type::Option(Box::new(Type::Named(1)))),
        ];
        let mut interface = Interface::builder("S", "docs")
            .method("a", |m| m.argument::<u8>("x"))
            .method("b", |m| m.argument::<u8>("x").output::<u8>())
            .build();
        interface.types = vec![
            Definition::new("Unused", Shape::Newtype(Type::Named(1))),
            Definition::new("List", Shape::Struct(list)),
            Definition::new("Head", Shape::Unit),
        ];
        interface.methods[1].output = Type::Named(1);
        let only = interface.only("b").expect("it is there");
        assert_eq!((only.methods.len(), only.docs.as_str()), (1, "docs"));
        let names: Vec<_> = only.types.iter().map(|definition| definition.name.as_str()).collect();
        assert_eq!(names, ["List", "Head"]);
        let fingerprint = |interface: &Interface, at: usize| {
            crate::Fingerprint::of_method(&interface.methods[at], &interface.types)
        };
        assert_eq!(fingerprint(&only, 0), fingerprint(&interface, 1));
        assert_eq!(interface.only("c"), None);
    }
}
