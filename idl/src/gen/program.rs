//! Several interfaces as one program, if any side of a connection could make something of them. Knows no language.

use std::collections::HashSet;

use super::problem::Problems;
use crate::merge::Merged;
pub(super) use crate::merge::Service;
use crate::model::{Definition, Interface, Shape, Type, Variant};
use crate::walk::{each_index, each_index_of_method};

/// What is to be generated. A `Type::Named` counts in `definitions`.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) services: Vec<Service>,
    pub(super) definitions: Vec<Definition>,
    /// Those that an interface has twice, word for word: two types all the same.
    pub(super) doubles: HashSet<usize>,
}

impl Program {
    /// The program of these interfaces. What no side of a connection could make anything of is noted, and there is no
    /// program then.
    pub(super) fn new(interfaces: &[Interface], problems: &Problems) -> Option<Self> {
        interfaces.iter().for_each(|interface| check(interface, problems));
        for (index, interface) in interfaces.iter().enumerate() {
            if interfaces[..index].iter().any(|other| other.name == interface.name) {
                let message = "two of the services have this name";
                problems.refuse(&interface.name, message, "generate them apart");
            }
        }
        problems.check().ok()?;
        let Merged { services, definitions, doubles } = Merged::new(interfaces);
        Some(Self { services, definitions, doubles })
    }
}

/// What only a peer could say, and no side could make anything of.
fn check(interface: &Interface, problems: &Problems) {
    let mut names = HashSet::new();
    for method in &interface.methods {
        let place = format!("{}.{}", interface.name, method.name);
        if !names.insert(&method.name) {
            problems.refuse(&place, "two methods have this name", "call one of them otherwise");
        }
        let returns = method.output != Type::Unit || method.stream || method.error.is_some();
        let streams = method.arguments.iter().filter(|argument| argument.stream).count();
        if method.oneway && (returns || streams > 0) {
            let message = "a `oneway` method returns nothing and takes no stream";
            problems.refuse(&place, message, "let callers wait for it");
        }
        if streams > 1 {
            problems.refuse(&place, "a method has one stream of arguments at most", "split it in two");
        }
        let mut is_wrong = false;
        let show = &mut |named: &mut usize| is_wrong |= *named >= interface.types.len();
        each_index_of_method(&mut method.clone(), show);
        if is_wrong {
            problems.refuse(
                &place,
                "it mentions a type that is not there",
                "ask its server for a sound interface",
            );
        }
    }
    for definition in &interface.types {
        let mut is_wrong = has_enum_inside(&definition.shape);
        let show = &mut |named: &mut usize| is_wrong |= *named >= interface.types.len();
        each_index(&mut definition.clone(), show);
        if is_wrong {
            problems.refuse(
                &definition.name,
                "it mentions a type that is not there, or an enum inside a variant",
                "ask its server for a sound interface",
            );
        }
        if has_name_twice(&definition.shape) {
            let message = "two of its fields or variants have the same name";
            problems.refuse(&definition.name, message, "call one of them otherwise");
        }
    }
}

fn variants(shape: &Shape) -> &[Variant] {
    match shape {
        Shape::Enum(variants) => variants,
        _ => &[],
    }
}

fn has_enum_inside(shape: &Shape) -> bool {
    variants(shape).iter().any(|variant| matches!(variant.shape, Shape::Enum(_)))
}

fn has_name_twice(shape: &Shape) -> bool {
    let mut seen = HashSet::new();
    match shape {
        Shape::Struct(fields) => fields.iter().any(|field| !seen.insert(&field.name)),
        Shape::Enum(variants) => {
            variants.iter().any(|variant| !seen.insert(&variant.name) || has_name_twice(&variant.shape))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fingerprint;

    fn program(text: &str) -> (Vec<Interface>, Program) {
        let interfaces = crate::parse(text).unwrap();
        let program = Program::new(&interfaces, &Problems::default()).unwrap();
        for (interface, service) in interfaces.iter().zip(&program.services) {
            for (before, after) in interface.methods.iter().zip(&service.methods) {
                let before = Fingerprint::of_method(before, &interface.types);
                assert_eq!(Fingerprint::of_method(after, &program.definitions), before);
            }
        }
        (interfaces, program)
    }

    #[test]
    fn services_share_types_that_are_the_same() {
        let (interfaces, program) = program(
            "trait A { async fn a(&self, x: X, y: Y); }
             trait B { async fn b(&self, y: Y, z: Z); }
             struct X(Y); struct Y(Option<Box<X>>); struct Z(Vec<Z>);",
        );
        assert_eq!((interfaces[1].types.len(), program.definitions.len()), (3, 3));
    }

    #[test]
    fn types_of_one_service_that_are_the_same_word_for_word_stay_two() {
        let twin = "struct Twin(u8); #[serde(rename = \"Twin\")] struct Other(u8); struct Holder(Twin);";
        let (_, program) = program(&format!(
            "trait A {{ async fn a(&self, x: Twin, y: Other, z: Holder); }}
             trait B {{ async fn b(&self, x: Twin, y: Holder); }} {twin}"
        ));
        assert_eq!((program.definitions.len(), program.doubles.len()), (5, 3));
    }

    #[test]
    fn what_no_peer_could_mean_is_refused() {
        let sound = crate::Interface::parse("trait A { async fn a(&self, x: X) -> u8; } struct X;").unwrap();
        let broken: [fn(&mut Interface); 4] = [
            |interface| interface.types.clear(),
            |interface| interface.methods.push(interface.methods[0].clone()),
            |interface| interface.methods[0].oneway = true,
            |interface| {
                let inner = Variant::new("V", Shape::Enum(Vec::new()));
                interface.types[0].shape = Shape::Enum(vec![inner]);
            },
        ];
        for damage in broken {
            let mut interface = sound.clone();
            damage(&mut interface);
            assert!(Program::new(&[interface], &Problems::default()).is_none());
        }
    }
}
