//! Several interfaces with one table of types, in which types that they have in common stand once. Never judges whether
//! they make sense.

use std::collections::{HashMap, HashSet};

use crate::model::{Definition, Interface, Method};
use crate::walk::{each_index, each_index_of_method};

/// Interfaces whose [`Type::Named`](crate::Type::Named) count in one table.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) services: Vec<Service>,
    pub(crate) definitions: Vec<Definition>,
    /// Those that an interface has twice, word for word: two types all the same.
    pub(crate) doubles: HashSet<usize>,
}

/// An interface but for its types.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) methods: Vec<Method>,
    /// How many definitions there are in it and the services before it.
    pub(crate) end: usize,
}

/// How often definitions are compared by what they mention. Programs' are settled after a few times; where a peer's are
/// not, nothing is shared.
const MOST_ROUNDS: usize = 64;

/// All definitions of all interfaces.
struct All<'a> {
    definitions: Vec<&'a Definition>,
    /// By interface: where its definitions begin, and how many there are.
    spans: Vec<(usize, usize)>,
    /// By definition: that of its interface.
    span_of: Vec<(usize, usize)>,
}

/// A mention of no definition.
const MISSING: usize = usize::MAX;

impl Merged {
    pub(crate) fn new(interfaces: &[Interface]) -> Self {
        let all = All::new(interfaces);
        let classes = all.classes();
        let (doubles, apart) = all.doubles(&classes);
        // The number of each definition in the one table.
        let mut numbers = Vec::with_capacity(classes.len());
        let (mut first_of_class, mut kept) = (HashMap::new(), Vec::new());
        let mut ends = Vec::new();
        for (start, count) in &all.spans {
            for index in *start..start + count {
                let number = match apart[index] {
                    true => kept.len(),
                    false => *first_of_class.entry(classes[index]).or_insert(kept.len()),
                };
                if number == kept.len() {
                    kept.push(index);
                }
                numbers.push(number);
            }
            ends.push(kept.len());
        }
        let number =
            |span, named: &mut usize| *named = at(span, *named).map_or(MISSING, |index| numbers[index]);
        let definitions = kept.iter().map(|index| {
            let mut definition = all.definitions[*index].clone();
            each_index(&mut definition, &mut |named| number(all.span_of[*index], named));
            definition
        });
        let services = interfaces.iter().zip(&all.spans).zip(&ends).map(|((interface, span), end)| {
            let mut methods = interface.methods.clone();
            methods
                .iter_mut()
                .for_each(|method| each_index_of_method(method, &mut |named| number(*span, named)));
            Service { name: interface.name.clone(), docs: interface.docs.clone(), methods, end: *end }
        });
        Self {
            services: services.collect(),
            definitions: definitions.collect(),
            doubles: doubles.into_iter().map(|index| numbers[index]).collect(),
        }
    }
}

/// The place among all definitions of one that is mentioned within this span.
fn at((start, count): (usize, usize), named: usize) -> Option<usize> {
    (named < count).then(|| start + named)
}

impl<'a> All<'a> {
    fn new(interfaces: &'a [Interface]) -> Self {
        let (mut definitions, mut spans, mut span_of) = (Vec::new(), Vec::new(), Vec::new());
        for interface in interfaces {
            let span = (definitions.len(), interface.types.len());
            definitions.extend(&interface.types);
            span_of.extend(std::iter::repeat_n(span, interface.types.len()));
            spans.push(span);
        }
        Self { definitions, spans, span_of }
    }

    /// Numbers for the definitions, equal where they are the same word for word, and so is all that they mention.
    fn classes(&self) -> Vec<usize> {
        let all = self.definitions.len();
        let (mut classes, mut count) = (vec![0; all], 1);
        for _ in 0..MOST_ROUNDS {
            let mut known: HashMap<String, usize> = HashMap::new();
            let next: Vec<usize> = (0..all)
                .map(|index| {
                    let mut definition = self.definitions[index].clone();
                    each_index(&mut definition, &mut |named| {
                        *named = at(self.span_of[index], *named).map_or(MISSING, |index| classes[index]);
                    });
                    let fresh = known.len();
                    *known.entry(format!("{definition:?}")).or_insert(fresh)
                })
                .collect();
            classes = next;
            if known.len() == count || all == 0 {
                return classes;
            }
            count = known.len();
        }
        (0..all).collect()
    }

    /// The definitions that an interface has twice, and whether each is not shared between interfaces on their account:
    /// they are types of their own, or the two would become one.
    fn doubles(&self, classes: &[usize]) -> (Vec<usize>, Vec<bool>) {
        let mut twice: HashSet<usize> = HashSet::new();
        for (start, count) in &self.spans {
            let mut seen = HashSet::new();
            let own = &classes[*start..start + count];
            twice.extend(own.iter().filter(|class| !seen.insert(**class)));
        }
        let all = 0..classes.len();
        let doubles: Vec<usize> = all.clone().filter(|index| twice.contains(&classes[*index])).collect();
        let mut apart = vec![false; classes.len()];
        if doubles.is_empty() {
            return (doubles, apart);
        }
        // What mentions them, and what mentions that.
        let mut mentioned_by = vec![Vec::new(); classes.len()];
        for index in all {
            each_index(&mut self.definitions[index].clone(), &mut |named| {
                if let Some(mentioned) = at(self.span_of[index], *named) {
                    mentioned_by[mentioned].push(index);
                }
            });
        }
        let mut next = doubles.clone();
        while let Some(index) = next.pop() {
            if !std::mem::replace(&mut apart[index], true) {
                next.extend(&mentioned_by[index]);
            }
        }
        (doubles, apart)
    }
}
