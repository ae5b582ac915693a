//! Types that contain themselves without a heap between, and so need a `Box`. Never follows sequences, sets and maps:
//! those have their elements on the heap.

use crate::model::{Definition, Type};
use crate::walk::each_type;

/// Which definitions contain which other ones, and themselves.
#[derive(Debug)]
pub(super) struct Cycles {
    /// A number for each definition, equal for those that contain one another.
    components: Vec<usize>,
}

impl Cycles {
    pub(super) fn new(definitions: &[Definition]) -> Self {
        let contained: Vec<Vec<usize>> = definitions.iter().map(contained).collect();
        let mut containing = vec![Vec::new(); definitions.len()];
        for (index, contained) in contained.iter().enumerate() {
            contained.iter().for_each(|inner| containing[*inner].push(index));
        }
        // Kosaraju's two walks: in the order of leaving, then against the arrows.
        let mut left = Vec::new();
        let mut seen = vec![false; definitions.len()];
        for start in 0..definitions.len() {
            walk(start, &contained, &mut seen, &mut |index| left.push(index));
        }
        let mut components = vec![0; definitions.len()];
        let mut seen = vec![false; definitions.len()];
        for start in left.into_iter().rev() {
            walk(start, &containing, &mut seen, &mut |index| components[index] = start);
        }
        Self { components }
    }

    /// Do the two contain one another?
    pub(super) fn has(&self, outer: usize, inner: usize) -> bool {
        self.components[outer] == self.components[inner]
    }
}

/// Goes everywhere from `start` where nobody was, and shows each place when it is left.
fn walk(start: usize, arrows: &[Vec<usize>], seen: &mut [bool], leave: &mut impl FnMut(usize)) {
    if std::mem::replace(&mut seen[start], true) {
        return;
    }
    let mut path = vec![(start, 0)];
    while let Some((place, next)) = path.last_mut() {
        match arrows[*place].get(*next) {
            Some(to) => {
                *next += 1;
                if !std::mem::replace(&mut seen[*to], true) {
                    path.push((*to, 0));
                }
            }
            None => {
                leave(*place);
                path.pop();
            }
        }
    }
}

fn contained(definition: &Definition) -> Vec<usize> {
    let mut found = Vec::new();
    each_type(&definition.shape, &mut |ty| in_type(ty, &mut found));
    found
}

fn in_type(ty: &Type, found: &mut Vec<usize>) {
    match ty {
        Type::Option(inner) | Type::Array(inner, _) => in_type(inner, found),
        Type::Tuple(elements) => elements.iter().for_each(|ty| in_type(ty, found)),
        Type::Named(index) => found.push(*index),
        _ => {}
    }
}
