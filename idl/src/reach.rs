//! One method of an interface with the types it needs and no others. Never changes what they are.

use std::collections::HashMap;

use crate::model::Interface;
use crate::walk::{each_index, each_index_of_method};

impl Interface {
    /// The interface with this method alone, and the types that it reaches.
    pub fn only(&self, method: &str) -> Option<Self> {
        let mut method = self.methods.iter().find(|candidate| candidate.name == method)?.clone();
        let mut reached = Reached { count: self.types.len(), numbers: HashMap::new(), order: Vec::new() };
        each_index_of_method(&mut method, &mut |index| reached.number(index));
        // What is reached may name what follows: no recursion, a peer's types may lie deep.
        let mut types = Vec::new();
        while let Some(index) = reached.order.get(types.len()) {
            let mut definition = self.types[*index].clone();
            each_index(&mut definition, &mut |index| reached.number(index));
            types.push(definition);
        }
        let (name, docs) = (self.name.clone(), self.docs.clone());
        Some(Self { name, docs, methods: vec![method], types })
    }
}

/// The definitions that were mentioned so far.
struct Reached {
    /// How many there are.
    count: usize,
    /// New indices by old ones.
    numbers: HashMap<usize, usize>,
    /// Old indices by new ones.
    order: Vec<usize>,
}

impl Reached {
    /// Gives a mention its new index.
    fn number(&mut self, index: &mut usize) {
        if *index < self.count {
            let old = *index;
            let next = self.order.len();
            *index = *self.numbers.entry(old).or_insert(next);
            if *index == next {
                self.order.push(old);
            }
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
