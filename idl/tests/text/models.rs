//! Models of all forms, made up.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::select;
use traitwire_idl::{
    Argument, Definition, Field, Interface, Method, Missing, Shape, Type, UnknownFields, Variant,
};

/// A name: as programs have them, words of Rust, and what only peers would say.
fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "a",
        "b",
        "c",
        "id",
        "value",
        "type",
        "self",
        "Self",
        "_",
        "",
        "crate",
        "async",
        "Größe",
        "a b",
        "a-b",
        "2nd",
        "A",
        "A2",
        "Page",
        "Order",
        "Result",
        "Option",
        "Vec",
        "String",
        "Client",
        "PageClient",
        "u8",
        "str",
        "Streaming",
        "Stream",
        "Duration",
        "Context",
        "\u{1b}[31m",
        "\"",
        "\\",
        "x\ny",
        "r#a",
        "\u{202e}",
    ];
    prop_oneof![4 => select(KNOWN).prop_map(str::to_owned), 1 => any::<String>(), 1 => "[a-z]{70}"]
}

/// A comment: what `///` carries and what it does not.
fn docs() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "One line.",
        "Two\nlines.",
        "A\n\nparagraph.",
        " indented",
        "  twice\n more",
        "blank \nat the end",
        "\n",
        "\nbefore",
        "after\n",
        "tab\tand\rreturn",
        "*/",
        "\"quoted\" \\",
        "\u{1b}[31m",
        "\u{2028}",
        "/",
        "!",
    ];
    prop_oneof![4 => Just(String::new()), 3 => select(KNOWN).prop_map(str::to_owned), 1 => any::<String>()]
}

fn names(count: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(name(), 0..count).prop_map(|names| {
        let mut seen = HashSet::new();
        names.into_iter().filter(|name| seen.insert(name.clone())).collect()
    })
}

fn ty(definitions: usize) -> BoxedStrategy<Type> {
    use Type::*;
    const SCALARS: &[Type] =
        &[Bool, U8, U16, U32, U64, U128, I8, I16, I32, I64, I128, F32, F64, Char, String, Unit];
    let leaf = prop_oneof![
        3 => select(SCALARS),
        1 => name().prop_map(Client),
        // Without definitions, one scalar more.
        4 => (0..definitions.max(1)).prop_map(move |index| if definitions == 0 { Unit } else { Named(index) }),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new).boxed();
        prop_oneof![
            boxed.clone().prop_map(Option),
            boxed.clone().prop_map(Sequence),
            boxed.clone().prop_map(Set),
            (boxed.clone(), boxed.clone()).prop_map(|(key, value)| Map(key, value)),
            (boxed, any::<u64>()).prop_map(|(element, length)| Array(element, length)),
            prop::collection::vec(inner, 0..4).prop_map(Tuple),
        ]
    })
    .boxed()
}

fn field(called: String, definitions: usize) -> impl Strategy<Value = Field> {
    let missing = select(&[Missing::Refused, Missing::None, Missing::Default][..]);
    (docs(), ty(definitions), missing, prop::collection::vec(name(), 0..3)).prop_map(
        move |(docs, ty, missing, aliases)| {
            let mut field = Field::new(&*called, ty);
            (field.docs, field.missing, field.aliases) = (docs, missing, aliases);
            field
        },
    )
}

fn fields(definitions: usize) -> impl Strategy<Value = Vec<Field>> {
    names(4).prop_flat_map(move |names| {
        names.into_iter().map(|name| field(name, definitions)).collect::<Vec<_>>()
    })
}

/// A shape without alternatives.
fn plain_shape(definitions: usize) -> BoxedStrategy<Shape> {
    prop_oneof![
        Just(Shape::Unit),
        ty(definitions).prop_map(Shape::Newtype),
        prop::collection::vec(ty(definitions), 0..4).prop_map(Shape::Tuple),
        fields(definitions).prop_map(Shape::Struct),
    ]
    .boxed()
}

fn variant(called: String, definitions: usize) -> impl Strategy<Value = Variant> {
    let aliases = prop::collection::vec(name(), 0..2);
    (docs(), plain_shape(definitions), any::<bool>(), aliases).prop_map(
        move |(docs, shape, other, aliases)| {
            let mut variant = Variant::new(&*called, shape);
            (variant.docs, variant.other, variant.aliases) = (docs, other, aliases);
            variant
        },
    )
}

fn shape(definitions: usize) -> impl Strategy<Value = Shape> {
    let variants = names(4).prop_flat_map(move |names| {
        names.into_iter().map(|name| variant(name, definitions)).collect::<Vec<_>>()
    });
    prop_oneof![2 => plain_shape(definitions), 1 => variants.prop_map(Shape::Enum)]
}

fn definition(definitions: usize) -> impl Strategy<Value = Definition> {
    let arguments = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(ty(definitions), 1..3)];
    let unknown_fields = select(&[UnknownFields::Ignored, UnknownFields::Refused][..]);
    (name(), arguments, docs(), shape(definitions), unknown_fields).prop_map(
        |(name, arguments, docs, shape, unknown_fields)| {
            let mut definition = Definition::new(name, shape);
            definition.arguments = arguments;
            (definition.docs, definition.unknown_fields) = (docs, unknown_fields);
            definition
        },
    )
}

fn argument(called: String, definitions: usize) -> impl Strategy<Value = Argument> {
    ty(definitions).prop_map(move |ty| Argument::new(called.clone(), ty))
}

fn method(called: String, definitions: usize) -> impl Strategy<Value = Method> {
    let arguments = names(4).prop_flat_map(move |names| {
        names.into_iter().map(|name| argument(name, definitions)).collect::<Vec<_>>()
    });
    let error = prop::option::of(ty(definitions));
    let form = (any::<bool>(), any::<bool>(), 0..8_u8, 0..4_usize, 0..6_usize);
    (docs(), arguments, ty(definitions), error, form).prop_map(
        move |(docs, mut arguments, output, error, (stream, idempotent, oneway, defaults, streamed))| {
            for argument in arguments.iter_mut().rev().take(defaults) {
                argument.default = true;
            }
            let oneway = oneway == 0;
            if let (Some(argument), false) = (arguments.get_mut(streamed), oneway) {
                argument.stream = true;
                argument.default = false;
            }
            // Nobody waits for what a oneway method gives.
            let (output, stream, error) =
                if oneway { (Type::Unit, false, None) } else { (output, stream, error) };
            let mut method = Method::new(&*called, arguments, output);
            (method.docs, method.stream, method.error) = (docs, stream, error);
            (method.idempotent, method.oneway) = (idempotent, oneway);
            method
        },
    )
}

/// An interface that a peer could mean.
pub(crate) fn interface() -> impl Strategy<Value = Interface> {
    (0..6_usize, names(5)).prop_flat_map(|(definitions, methods)| {
        let methods = methods.into_iter().map(|name| method(name, definitions)).collect::<Vec<_>>();
        let types = prop::collection::vec(definition(definitions), definitions);
        (name(), docs(), methods, types).prop_map(|(name, docs, methods, types)| {
            let mut interface = Interface::new(name, methods, types);
            interface.docs = docs;
            interface
        })
    })
}
