//! How the text of an interface calls its types: each by an identifier of its own, and the instances of generic
//! types by that and their arguments. Never prints anything.

use std::collections::{HashMap, HashSet};

use crate::identifier::{identifier_like, spell};
use crate::model::{Definition, Type};

/// What the text means by itself; no type of an interface is called so.
pub(crate) const BUILT_IN: &[&str] = &[
    "bool",
    "char",
    "str",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "String",
    "PathBuf",
    "Path",
    "Option",
    "Vec",
    "VecDeque",
    "HashSet",
    "BTreeSet",
    "HashMap",
    "BTreeMap",
    "Box",
    "Rc",
    "Arc",
    "Cow",
    "Client",
    "Streaming",
    "Stream",
    "Context",
];

/// Arguments that are written where a type is mentioned: how many types they have in all, and how deep definitions
/// with arguments may lie in one another. What is beyond is listed at the definition alone.
const MAX_TYPES: u32 = 64;
const MAX_DEPTH: u32 = 8;
const MAX_SERVICE_NAME: usize = 64;

/// How a definition is called.
#[derive(Debug)]
pub(crate) struct Label {
    /// With `r#` where that is needed.
    pub(crate) identifier: String,
    /// Whether that is the definition's name.
    pub(crate) is_name: bool,
    pub(crate) arguments: Arguments,
}

/// Where a definition's type arguments are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// There are none.
    None,
    /// Behind its identifier, wherever it is mentioned.
    Mentioned,
    /// Where it is defined, since they are many or go round in circles.
    Listed,
}

/// The labels of all definitions, by index.
pub(crate) fn labels(types: &[Definition]) -> Vec<Label> {
    let mut places: Vec<Arguments> = Vec::with_capacity(types.len());
    for definition in types {
        let mut left = MAX_TYPES;
        let place = match &definition.arguments[..] {
            [] => Arguments::None,
            arguments if are_small(arguments, types, &places, MAX_DEPTH, &mut left) => Arguments::Mentioned,
            _ => Arguments::Listed,
        };
        places.push(place);
    }
    let mut taken: HashSet<(String, &[Type])> = HashSet::new();
    let mut next: HashMap<(String, &[Type]), u64> = HashMap::new();
    let mut labels = Vec::with_capacity(types.len());
    for (definition, arguments) in types.iter().zip(places) {
        let mentioned = match arguments {
            Arguments::Mentioned => &definition.arguments[..],
            Arguments::None | Arguments::Listed => &[],
        };
        let wanted = identifier_like(&definition.name);
        let mut identifier = wanted.clone();
        while BUILT_IN.contains(&identifier.as_str()) || !taken.insert((identifier.clone(), mentioned)) {
            let next = next.entry((wanted.clone(), mentioned)).or_insert(2);
            identifier = format!("{wanted}{next}");
            *next += 1;
        }
        let is_name = identifier == definition.name;
        labels.push(Label { identifier: spell(&identifier), is_name, arguments });
    }
    labels
}

/// Are the types few enough to be written at each mention? `places` are those of the definitions before.
fn are_small(
    arguments: &[Type],
    types: &[Definition],
    places: &[Arguments],
    depth: u32,
    left: &mut u32,
) -> bool {
    arguments.iter().all(|ty| {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let mut all = |inner: &[Type]| are_small(inner, types, places, depth, left);
        match ty {
            Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) | Type::Array(inner, _) => {
                all(std::slice::from_ref(inner))
            }
            Type::Map(key, value) => all(std::slice::from_ref(key)) && all(std::slice::from_ref(value)),
            Type::Tuple(elements) => all(elements),
            Type::Client(service) => service.len() <= MAX_SERVICE_NAME,
            Type::Named(index) => match types.get(*index) {
                None => false,
                Some(_) if places.get(*index) == Some(&Arguments::Listed) => true,
                Some(definition) if definition.arguments.is_empty() => true,
                Some(_) if depth == 0 => false,
                Some(definition) => are_small(&definition.arguments, types, places, depth - 1, left),
            },
            _ => true,
        }
    })
}
