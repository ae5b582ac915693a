//! Where two versions of a method differ, for the person who has to bring them together. Never decides whether
//! they do: fingerprints do, and this follows what they cover.
//!
//! One of the versions may be a peer's, so nothing here recurses from definition to definition, and what is
//! said of it stays short.

pub(crate) mod place;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::model::{Argument, Definition, Method, Shape, Type};
use crate::print::print_short;
use place::{MAX_CHARACTERS, Places, Step};

/// One place at which two versions of a method differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The place: an argument, `->` or `error`, then what leads to it, such as `order.items[].price`.
    pub path: String,
    /// What this side has there.
    pub ours: String,
    /// What the other side has there.
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} here, {} there", self.path, self.ours, self.theirs)
    }
}

/// The first place at which two versions of a method differ, if their fingerprints do. Each comes with the
/// named types of its interface.
pub fn first_difference(
    ours: (&Method, &[Definition]),
    theirs: (&Method, &[Definition]),
) -> Option<Difference> {
    // A difference in what a type consists of says more than one in which types are the same.
    Comparison::new(ours.1, theirs.1, false)
        .methods(ours.0, theirs.0)
        .or_else(|| Comparison::new(ours.1, theirs.1, true).methods(ours.0, theirs.0))
}

/// Two things to be compared. The places of both are the same.
enum Pair<'a> {
    Types(&'a Type, &'a Type),
    Shapes(&'a Shape, &'a Shape),
}

struct Comparison<'a> {
    ours: &'a [Definition],
    theirs: &'a [Definition],
    places: Places<'a>,
    /// What is still to be compared, the next last.
    work: Vec<(usize, Pair<'a>)>,
    /// Whether both sides must also mention the same definitions again.
    identity: bool,
    compared: HashSet<(usize, usize)>,
    /// In which order each side's definitions were met, and where. Only for `identity`.
    met: [HashMap<usize, (usize, usize)>; 2],
}

impl<'a> Comparison<'a> {
    fn new(ours: &'a [Definition], theirs: &'a [Definition], identity: bool) -> Self {
        let (places, work, compared) = (Places::default(), Vec::new(), HashSet::new());
        Self { ours, theirs, places, work, identity, compared, met: Default::default() }
    }

    fn methods(mut self, ours: &'a Method, theirs: &'a Method) -> Option<Difference> {
        if let Some(difference) = self.argument_count(&ours.arguments, &theirs.arguments) {
            return Some(difference);
        }
        for (ours, theirs) in ours.arguments.iter().zip(&theirs.arguments) {
            let place = self.places.root(Step::Name(&ours.name));
            if let Some(difference) = self.flows(place, (ours.stream, &ours.ty), (theirs.stream, &theirs.ty))
            {
                return Some(difference);
            }
            self.work.push((place, Pair::Types(&ours.ty, &theirs.ty)));
        }
        let output = self.places.root(Step::Output);
        if let Some(difference) =
            self.flows(output, (ours.stream, &ours.output), (theirs.stream, &theirs.output))
        {
            return Some(difference);
        }
        self.work.push((output, Pair::Types(&ours.output, &theirs.output)));
        let error = self.places.root(Step::Error);
        if let (Some(ours), Some(theirs)) = (&ours.error, &theirs.error) {
            self.work.push((error, Pair::Types(ours, theirs)));
        }
        self.work.reverse();
        while let Some((place, pair)) = self.work.pop() {
            let before = self.work.len();
            let difference = match pair {
                Pair::Types(ours, theirs) => self.types(place, ours, theirs),
                Pair::Shapes(ours, theirs) => self.shapes(place, ours, theirs),
            };
            if difference.is_some() {
                return difference;
            }
            // In the order in which the fingerprint meets them.
            self.work[before..].reverse();
        }
        (ours.error.is_some() != theirs.error.is_some())
            .then(|| self.missing(error, ours.error.as_ref(), theirs.error.as_ref()))
    }

    /// One side has a stream where the other has a value.
    fn flows(&self, place: usize, ours: (bool, &Type), theirs: (bool, &Type)) -> Option<Difference> {
        let say = |(stream, ty): (bool, &Type), types| match stream {
            true => format!("a stream of {}", say(ty, types)),
            false => say(ty, types),
        };
        (ours.0 != theirs.0).then(|| self.differ(place, say(ours, self.ours), say(theirs, self.theirs)))
    }

    /// Names of arguments do not count, but where the numbers differ they tell which one is new.
    fn argument_count(&mut self, ours: &'a [Argument], theirs: &'a [Argument]) -> Option<Difference> {
        let extra = |long: &'a [Argument], short: &[Argument]| {
            let known: HashSet<&str> = short.iter().map(|argument| argument.name.as_str()).collect();
            long.iter().find(|argument| !known.contains(argument.name.as_str())).or(long.last())
        };
        let (here, there) = match ours.len().cmp(&theirs.len()) {
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => (extra(ours, theirs), None),
            std::cmp::Ordering::Less => (None, extra(theirs, ours)),
        };
        let argument = here.or(there)?;
        let place = self.places.root(Step::Name(&argument.name));
        let ty = |argument: Option<&'a Argument>| argument.map(|argument| &argument.ty);
        Some(self.missing(place, ty(here), ty(there)))
    }

    fn types(&mut self, place: usize, ours: &'a Type, theirs: &'a Type) -> Option<Difference> {
        match (ours, theirs) {
            (Type::Option(ours), Type::Option(theirs)) => self.push(place, Step::Present, ours, theirs),
            (Type::Sequence(ours), Type::Sequence(theirs)) | (Type::Set(ours), Type::Set(theirs)) => {
                self.push(place, Step::Element, ours, theirs);
            }
            (Type::Array(ours, our_length), Type::Array(theirs, their_length))
                if our_length == their_length =>
            {
                self.push(place, Step::Element, ours, theirs);
            }
            (Type::Map(our_key, our_value), Type::Map(their_key, their_value)) => {
                self.push(place, Step::Key, our_key, their_key);
                self.push(place, Step::Value, our_value, their_value);
            }
            (Type::Tuple(ours), Type::Tuple(theirs)) if ours.len() == theirs.len() => {
                self.push_all(place, ours, theirs);
            }
            (Type::Named(ours), Type::Named(theirs)) => return self.definitions(place, *ours, *theirs),
            _ if ours == theirs => {}
            _ => return Some(self.differ(place, say(ours, self.ours), say(theirs, self.theirs))),
        }
        None
    }

    fn definitions(&mut self, place: usize, ours: usize, theirs: usize) -> Option<Difference> {
        if self.identity {
            let next = self.met[0].len();
            let here = *self.met[0].entry(ours).or_insert((next, place));
            let there = *self.met[1].entry(theirs).or_insert((next, place));
            if here.0 != there.0 {
                let say = |(number, first): (usize, usize)| match number == next {
                    true => "a type of its own".to_owned(),
                    false => format!("the same type as `{}`", self.places.path(first)),
                };
                return Some(self.differ(place, say(here), say(there)));
            }
            if here.0 != next {
                return None;
            }
        } else if !self.compared.insert((ours, theirs)) {
            return None;
        }
        match (self.ours.get(ours), self.theirs.get(theirs)) {
            (Some(ours), Some(theirs)) => {
                self.work.push((place, Pair::Shapes(&ours.shape, &theirs.shape)));
                None
            }
            (None, None) => None,
            (Some(_), None) => Some(self.differ(place, "a type", "a type without definition")),
            (None, Some(_)) => Some(self.differ(place, "a type without definition", "a type")),
        }
    }

    fn shapes(&mut self, place: usize, ours: &'a Shape, theirs: &'a Shape) -> Option<Difference> {
        match (ours, theirs) {
            (Shape::Unit, Shape::Unit) => None,
            (Shape::Newtype(ours), Shape::Newtype(theirs)) => {
                self.push(place, Step::Position(0), ours, theirs);
                None
            }
            (Shape::Tuple(ours), Shape::Tuple(theirs)) if ours.len() == theirs.len() => {
                self.push_all(place, ours, theirs);
                None
            }
            (Shape::Struct(ours), Shape::Struct(theirs)) => {
                let pairs = || ours.iter().zip(theirs);
                if ours.len() == theirs.len() && pairs().all(|(ours, theirs)| ours.name == theirs.name) {
                    pairs().for_each(|(ours, theirs)| {
                        self.push(place, Step::Name(&ours.name), &ours.ty, &theirs.ty);
                    });
                    return None;
                }
                let here = ours.iter().map(|field| (field.name.as_str(), Some(&field.ty)));
                let there = theirs.iter().map(|field| (field.name.as_str(), Some(&field.ty)));
                Some(self.names(place, Step::Name, here.collect(), there.collect()))
            }
            (Shape::Enum(ours), Shape::Enum(theirs)) => {
                let pairs = || ours.iter().zip(theirs);
                if ours.len() == theirs.len() && pairs().all(|(ours, theirs)| ours.name == theirs.name) {
                    pairs().for_each(|(ours, theirs)| {
                        let place = self.places.step(place, Step::Variant(&ours.name));
                        self.work.push((place, Pair::Shapes(&ours.shape, &theirs.shape)));
                    });
                    return None;
                }
                let names = |variants: &'a [crate::Variant]| {
                    variants.iter().map(|variant| (variant.name.as_str(), None)).collect()
                };
                Some(self.names(place, Step::Variant, names(ours), names(theirs)))
            }
            _ => Some(self.differ(place, consists_of(ours), consists_of(theirs))),
        }
    }

    fn push(&mut self, place: usize, step: Step<'a>, ours: &'a Type, theirs: &'a Type) {
        let place = self.places.step(place, step);
        self.work.push((place, Pair::Types(ours, theirs)));
    }

    fn push_all(&mut self, place: usize, ours: &'a [Type], theirs: &'a [Type]) {
        for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            self.push(place, Step::Position(index), ours, theirs);
        }
    }

    /// Lists of names that differ: one lacks a name, or they are in another order. Fields have types.
    fn names(
        &mut self,
        place: usize,
        step: impl Fn(&'a str) -> Step<'a>,
        ours: Vec<(&'a str, Option<&'a Type>)>,
        theirs: Vec<(&'a str, Option<&'a Type>)>,
    ) -> Difference {
        type Names<'a> = [(&'a str, Option<&'a Type>)];
        let lacks = |all: &Names<'a>, other: &Names<'a>| {
            let known: HashSet<&str> = other.iter().map(|(name, _)| *name).collect();
            all.iter().find(|(name, _)| !known.contains(name)).copied()
        };
        let what = |ty: Option<&Type>, types| ty.map_or("a variant".to_owned(), |ty| say(ty, types));
        if let Some((name, ty)) = lacks(&ours, &theirs) {
            let place = self.places.step(place, step(name));
            return self.differ(place, what(ty, self.ours), "missing");
        }
        if let Some((name, ty)) = lacks(&theirs, &ours) {
            let place = self.places.step(place, step(name));
            return self.differ(place, "missing", what(ty, self.theirs));
        }
        let index = ours.iter().zip(&theirs).position(|(ours, theirs)| ours.0 != theirs.0);
        let index = index.unwrap_or(ours.len().min(theirs.len()));
        let at = |all: &Names<'a>| match all.get(index) {
            Some((name, _)) => format!("`{name}` at position {}", index + 1),
            None => format!("nothing at position {}", index + 1),
        };
        self.differ(place, at(&ours), at(&theirs))
    }

    fn missing(&self, place: usize, ours: Option<&Type>, theirs: Option<&Type>) -> Difference {
        let what = |ty: Option<&Type>, types| ty.map_or("missing".to_owned(), |ty| say(ty, types));
        self.differ(place, what(ours, self.ours), what(theirs, self.theirs))
    }

    fn differ(&self, place: usize, ours: impl Into<String>, theirs: impl Into<String>) -> Difference {
        let (ours, theirs): (String, String) = (ours.into(), theirs.into());
        let theirs = if ours == theirs { format!("another `{theirs}`") } else { theirs };
        Difference { path: self.places.path(place), ours: place::short(ours), theirs: place::short(theirs) }
    }
}

/// A type's name, long enough to tell that it has to be shortened.
pub(crate) fn say(ty: &Type, types: &[Definition]) -> String {
    print_short(ty, types, 4 * MAX_CHARACTERS + 4)
}

pub(crate) fn consists_of(shape: &Shape) -> String {
    match shape {
        Shape::Unit => "no value".to_owned(),
        Shape::Newtype(_) => "one value".to_owned(),
        Shape::Tuple(types) => format!("a tuple of {}", types.len()),
        Shape::Struct(_) => "named fields".to_owned(),
        Shape::Enum(_) => "an enum".to_owned(),
    }
}
