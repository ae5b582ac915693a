//! Traits as interfaces: methods with the model's types, and of all types those that the methods reach, numbered in
//! the order in which they are mentioned. Never knows how types are written.

use std::collections::HashSet;

use super::distinct::Distinct;
use super::methods::methods;
use super::problem::Problems;
use super::resolve::Table;
use super::tree::{File, Name, Trait};
use crate::model::{Definition, Interface};
use crate::print::order::order_of_mention;
use crate::walk::{each_index, each_index_of_method};

/// The interfaces of a text.
pub(super) fn interfaces(file: &File, problems: &Problems) -> Vec<Interface> {
    if file.traits.is_empty() && problems.is_empty() {
        problems.refuse_text(
            "this text describes no service",
            "write `trait Name { async fn …(&self, …) -> …; }`",
        );
    }
    let table = Table::new(file, problems);
    let all = table.enter_all();
    let mut names = Distinct::new("service", problems);
    let mut interfaces = Vec::new();
    for service in &file.traits {
        names.meet(&Name { text: service.name.clone(), span: service.identifier.span });
        let methods = methods(service, &table, problems);
        let (name, docs) = (service.name.clone(), service.docs.clone());
        interfaces.push(Interface { name, docs, methods, types: Vec::new() });
    }
    table.complete();
    let definitions = table.made.into_inner().definitions;
    let keep = |(service, interface): (&Trait, Interface)| {
        with_types(interface, &definitions, if service.is_ordered { &all } else { &[] })
    };
    file.traits.iter().zip(interfaces).map(keep).collect()
}

/// Gives an interface whose types count in a table those that it reaches, after those in `first`.
fn with_types(mut interface: Interface, table: &[Definition], first: &[usize]) -> Interface {
    let mut taken: HashSet<usize> = HashSet::new();
    let mentioned = order_of_mention(&interface.methods, table);
    let mut order: Vec<usize> =
        first.iter().copied().chain(mentioned).filter(|index| taken.insert(*index)).collect();
    // What no method reaches may reach more.
    let mut next = 0;
    while let Some(index) = order.get(next) {
        let mut definition = table[*index].clone();
        each_index(&mut definition, &mut |index| {
            if taken.insert(*index) {
                order.push(*index);
            }
        });
        next += 1;
    }
    let mut numbers = vec![0; table.len()];
    order.iter().enumerate().for_each(|(number, index)| numbers[*index] = number);
    let mut renumber = |index: &mut usize| *index = numbers[*index];
    interface.types = order.iter().map(|index| table[*index].clone()).collect();
    interface.types.iter_mut().for_each(|definition| each_index(definition, &mut renumber));
    interface.methods.iter_mut().for_each(|method| each_index_of_method(method, &mut renumber));
    interface
}
