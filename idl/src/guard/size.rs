//! How many bytes of the wire types take at least. Never sees bytes, and never follows a mention: a definition may
//! hold itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::{Definition, Shape, Type};

/// How much of the wire a type takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// At least so many bytes. What takes none at least takes none at all.
    pub(crate) least: u64,
    /// Always so many, and any bytes will do.
    pub(crate) opaque: bool,
}

impl Size {
    pub(crate) fn all(sizes: impl Iterator<Item = Self>) -> Self {
        sizes.fold(Self { least: 0, opaque: true }, |sum, size| Self {
            least: sum.least.saturating_add(size.least),
            opaque: sum.opaque && size.opaque,
        })
    }
}

/// The sizes of definitions, by their index. What has no value is without end.
#[derive(Debug)]
pub(crate) struct Sizes(Vec<Size>);

impl Sizes {
    /// `reached` are the definitions concerned: what each needs comes before it, but within a cycle.
    pub(crate) fn new(reached: &[usize], types: &[Definition]) -> Self {
        let (least, _) = least(reached, types);
        let mut sizes = Self(least.into_iter().map(|least| Size { least, opaque: false }).collect());
        // In a cycle is an option, a sequence or an enum, or nothing has a value: none of it is opaque.
        for &index in reached {
            sizes.0[index].opaque = sizes.of_shape(&types[index].shape).opaque;
        }
        sizes
    }

    pub(crate) fn of_definition(&self, index: usize) -> Size {
        self.0.get(index).copied().unwrap_or(Size { least: u64::MAX, opaque: false })
    }

    pub(crate) fn of(&self, ty: &Type) -> Size {
        let (least, opaque) = match ty {
            Type::Array(_, 0) => (0, true),
            Type::Array(element, count) => {
                let element = self.of(element);
                (element.least.saturating_mul(*count), element.opaque)
            }
            Type::Tuple(elements) => return Size::all(elements.iter().map(|element| self.of(element))),
            Type::Named(index) => return self.of_definition(*index),
            ty => by_itself(ty),
        };
        Size { least, opaque }
    }

    pub(crate) fn of_shape(&self, shape: &Shape) -> Size {
        match shape {
            Shape::Unit => self.of(&Type::Unit),
            Shape::Newtype(ty) => self.of(ty),
            Shape::Tuple(types) => Size::all(types.iter().map(|ty| self.of(ty))),
            Shape::Struct(fields) => Size::all(fields.iter().map(|field| self.of(&field.ty))),
            Shape::Enum(variants) => {
                let variants = variants.iter().map(|variant| self.of_shape(&variant.shape).least);
                Size { least: variants.min().unwrap_or(u64::MAX).saturating_add(1), opaque: false }
            }
        }
    }
}

/// The size of what has the same whatever is in it.
fn by_itself(ty: &Type) -> (u64, bool) {
    match ty {
        Type::Unit => (0, true),
        Type::U8 | Type::I8 => (1, true),
        Type::F32 => (4, true),
        Type::F64 => (8, true),
        // The shortest number, length or tag.
        _ => (1, false),
    }
}

/// One way to make a value of a definition: all of a structure, or one variant.
struct Way {
    of: usize,
    /// Bytes that are known of.
    least: u64,
    /// Mentions whose size is not known yet.
    unknown: usize,
}

/// The least size of each definition, and how many ways and mentions were looked at to find it.
///
/// The next smallest of all definitions is known as soon as those below it are, since what mentions it is no smaller:
/// Knuth's generalization of Dijkstra's algorithm. Approaching the sizes in rounds would take as many rounds as a cycle
/// has members, and a peer's may have thousands.
fn least(reached: &[usize], types: &[Definition]) -> (Vec<u64>, usize) {
    let mut ways = Ways { all: Vec::new(), mentions: vec![Vec::new(); types.len()] };
    reached.iter().for_each(|&index| ways.enter(index, &types[index].shape, 0));
    let Ways { all: mut ways, mentions } = ways;
    let mut least = vec![u64::MAX; types.len()];
    let mut is_known = vec![false; types.len()];
    let mut steps = ways.len();
    let complete = ways.iter().filter(|way| way.unknown == 0);
    let mut next: BinaryHeap<_> = complete.map(|way| Reverse((way.least, way.of))).collect();
    while let Some(Reverse((size, index))) = next.pop() {
        steps += 1;
        if std::mem::replace(&mut is_known[index], true) {
            continue;
        }
        least[index] = size;
        for &(way, times) in &mentions[index] {
            steps += 1;
            let way = &mut ways[way];
            way.least = way.least.saturating_add(size.saturating_mul(times));
            way.unknown -= 1;
            if way.unknown == 0 {
                next.push(Reverse((way.least, way.of)));
            }
        }
    }
    (least, steps)
}

struct Ways {
    all: Vec<Way>,
    /// By definition: the ways that mention it, each with how often.
    mentions: Vec<Vec<(usize, u64)>>,
}

impl Ways {
    fn enter(&mut self, of: usize, shape: &Shape, tags: u64) {
        if let Shape::Enum(variants) = shape {
            return variants.iter().for_each(|variant| self.enter(of, &variant.shape, tags + 1));
        }
        self.all.push(Way { of, least: tags, unknown: 0 });
        match shape {
            Shape::Unit | Shape::Enum(_) => {}
            Shape::Newtype(ty) => self.add(ty, 1),
            Shape::Tuple(types) => types.iter().for_each(|ty| self.add(ty, 1)),
            Shape::Struct(fields) => fields.iter().for_each(|field| self.add(&field.ty, 1)),
        }
    }

    /// Adds what the last way holds so many times.
    fn add(&mut self, ty: &Type, times: u64) {
        let way = self.all.len() - 1;
        match ty {
            Type::Array(_, 0) => {}
            Type::Array(element, count) => self.add(element, times.saturating_mul(*count)),
            Type::Tuple(elements) => elements.iter().for_each(|element| self.add(element, times)),
            Type::Named(index) => {
                self.all[way].unknown += 1;
                // What is missing has no value, and nor has what mentions it.
                if let Some(mentions) = self.mentions.get_mut(*index) {
                    mentions.push((way, times));
                }
            }
            ty => {
                let least = by_itself(ty).0.saturating_mul(times);
                self.all[way].least = self.all[way].least.saturating_add(least);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::table::Order;
    use crate::model::{Field, Interface, Method, Variant};

    fn sizes(types: &[Definition]) -> (Vec<u64>, usize) {
        let order = Order::new(&[Type::Named(0)], types);
        least(&order.reached, types)
    }

    fn definition(shape: Shape) -> Definition {
        Definition::new("", shape)
    }

    #[test]
    fn a_size_is_that_of_the_smallest_value() {
        let named = Type::Named;
        let variant = |shape| Variant::new("", shape);
        let types = [
            definition(Shape::Tuple((1..8).map(named).collect())),
            definition(Shape::Struct(vec![
                Field::new("a", Type::F64),
                Field::new("b", Type::Array(Box::new(named(2)), 3)),
            ])),
            definition(Shape::Enum(vec![
                variant(Shape::Newtype(named(1))),
                variant(Shape::Newtype(named(3))),
            ])),
            definition(Shape::Enum(vec![
                variant(Shape::Tuple(vec![named(2), named(3)])),
                variant(Shape::Newtype(Type::U8)),
            ])),
            // Of no value: itself, what is missing, and no variant.
            definition(Shape::Newtype(named(4))),
            definition(Shape::Newtype(named(usize::MAX))),
            definition(Shape::Enum(Vec::new())),
            // Of no byte, and what only a peer could say.
            definition(Shape::Enum(vec![variant(Shape::Enum(vec![variant(Shape::Newtype(Type::Array(
                Box::new(named(4)),
                0,
            )))]))])),
        ];
        let none = u64::MAX;
        assert_eq!(sizes(&types).0, [none, 17, 3, 2, none, none, none, 2]);
    }

    /// Each member needs the next, and the last one is the first whose size can be known.
    #[test]
    fn a_cycle_of_thousands_is_measured_in_a_few_steps_for_each() {
        const LARGEST: usize = 512 << 10;
        let count = 50_000;
        let mut types: Vec<_> =
            (1..count).map(|next| definition(Shape::Newtype(Type::Named(next)))).collect();
        let again = Variant::new("", Shape::Newtype(Type::Named(0)));
        types.push(definition(Shape::Enum(vec![again, Variant::new("", Shape::Unit)])));
        let (least, steps) = sizes(&types);
        assert!(least.iter().all(|least| *least == 1), "a tag");
        assert!(steps <= 4 * count, "{steps} steps for {count} types");
        let mut interface = Interface::builder("", "").method("", |m| m).build();
        interface.types = types;
        interface.methods = vec![Method { output: Type::Named(0), ..interface.methods[0].clone() }];
        let bytes = postcard::to_stdvec(&interface).expect("it can be written").len();
        assert!((LARGEST * 3 / 4..=LARGEST).contains(&bytes), "{bytes} bytes");
    }
}
