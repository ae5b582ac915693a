//! What is refused, and in which words.

use traitwire_idl::{
    Argument, Definition, Field, Interface, Method, Shape, Type, UnknownFields, Variant, resolve_arguments,
    resolve_results,
};

use crate::with;

fn orders(item: Vec<Field>, arguments: Vec<(&str, Type)>, output: Type) -> Interface {
    let types = vec![
        Definition::new("Order", Shape::Struct(vec![Field::new("items", list(Type::Named(1)))])),
        Definition::new("Item", Shape::Struct(item)),
    ];
    let arguments = arguments.into_iter().map(|(name, ty)| Argument::new(name, ty)).collect();
    Interface::new("Shop", vec![Method::new("m", arguments, output)], types)
}

fn list(ty: Type) -> Type {
    Type::Sequence(Box::new(ty))
}

fn of_arguments(caller: &Interface, callee: &Interface) -> Option<String> {
    let resolved = resolve_arguments(caller, callee).unwrap();
    resolved[0].as_ref().unwrap().as_ref().err().map(ToString::to_string)
}

fn of_results(caller: &Interface, callee: &Interface) -> Option<String> {
    let resolved = resolve_results(caller, callee).unwrap();
    resolved[0].as_ref().unwrap().as_ref().err().map(ToString::to_string)
}

#[test]
fn a_conflict_names_the_exact_place_and_both_sides() {
    let of =
        |price| orders(vec![Field::new("price", price)], vec![("order", Type::Named(0))], Type::Named(0));
    let (client, server) = (of(Type::F64), of(Type::String));
    assert_eq!(
        of_arguments(&client, &server).unwrap(),
        "Order.items[].price: f64 on the client, String on the server (in the arguments)"
    );
    assert_eq!(
        of_results(&client, &server).unwrap(),
        "Order.items[].price: f64 on the client, String on the server (in the result)"
    );
    assert_eq!(
        of_results(&server, &client).unwrap(),
        "Order.items[].price: String on the client, f64 on the server (in the result)"
    );
}

/// The conflict of one value, of the client's type and the server's, as an argument.
fn conflict(client: Type, server: Type) -> Option<String> {
    let of = |ty| orders(Vec::new(), vec![("value", ty)], Type::Unit);
    let text = of_arguments(&of(client), &of(server))?;
    Some(
        text.trim_end_matches(" (in the arguments)")
            .replace(" on the client", "")
            .replace(" on the server", ""),
    )
}

#[test]
fn what_changes_a_meaning_is_refused_though_serde_would_take_it() {
    let option = |ty| Type::Option(Box::new(ty));
    let array = |count| Type::Array(Box::new(Type::U8), count);
    let table = [
        (Type::U64, Type::U32, "value: u64, u32"),
        (Type::I32, Type::U64, "value: i32, u64"),
        (Type::U32, Type::I32, "value: u32, i32"),
        (Type::U8, Type::F64, "value: u8, f64"),
        (Type::F64, Type::F32, "value: f64, f32"),
        (Type::F32, Type::I64, "value: f32, i64"),
        (Type::Bool, Type::U8, "value: bool, u8"),
        (Type::Char, Type::String, "value: char, String"),
        (option(Type::U8), Type::U8, "value: Option<u8>, u8"),
        (Type::Unit, option(Type::Unit), "value: (), Option<()>"),
        (list(Type::U8), Type::String, "value: Vec<u8>, String"),
        (list(Type::U64), list(Type::U8), "value[]: u64, u8"),
        (list(Type::U8), Type::Set(Box::new(Type::U8)), "value: Vec<u8>, HashSet<u8>"),
        (array(2), array(3), "value: [u8; 2], [u8; 3]"),
        (Type::client("Bell"), Type::client("Horn"), "value: Client<Bell>, Client<Horn>"),
        (Type::Client("Bell".into()), Type::U32, "value: Client<Bell>, u32"),
    ];
    for (client, server, expected) in table {
        assert_eq!(conflict(client.clone(), server.clone()).as_deref(), Some(expected));
    }
    for (client, server) in [
        (Type::U8, Type::I16),
        (Type::I64, Type::I128),
        (Type::F32, Type::F64),
        (Type::U8, option(Type::U16)),
        (option(list(Type::F32)), option(list(Type::F64))),
    ] {
        assert_eq!(conflict(client, server), None);
    }
}

#[test]
fn fields_that_are_required_or_not_allowed_are_named() {
    let of = |fields| orders(fields, vec![("order", Type::Named(0))], Type::Unit);
    let [one, two] = ["one", "two"].map(|name| Field::new(name, Type::U8));
    let less = of(vec![one.clone()]);
    let more = of(vec![one.clone(), two.clone()]);
    let refused = of_arguments(&less, &more).unwrap();
    assert!(
        refused.starts_with("Order.items[].two: missing on the client, u8 without a default on the server")
    );
    assert_eq!(of_arguments(&more, &less), None);
    assert_eq!(of_arguments(&less, &of(vec![one.clone(), two.clone().with_default()])), None);

    let mut closed = less.clone();
    closed.types[1].unknown_fields = UnknownFields::Refused;
    let refused = of_arguments(&more, &closed).unwrap();
    assert!(refused.starts_with(
        "Order.items[].two: u8 on the client, unknown, and unknown fields are refused on the server"
    ));
    assert_eq!(of_arguments(&more, &of(vec![one.clone(), Field::new("three", Type::U8).alias("two")])), None);
    let both = of(vec![one.alias("two")]);
    let refused = of_arguments(&more, &both).unwrap();
    assert!(
        refused.starts_with("Order.items[].one: both `one` and `two` on the client, one field on the server")
    );
}

#[test]
fn a_variant_the_reader_lacks_is_no_conflict_and_one_that_carries_something_else_is() {
    let of = |variants| {
        let types = vec![Definition::new("Status", Shape::Enum(variants))];
        with(orders(Vec::new(), vec![("status", Type::Named(0))], Type::Unit), |it| it.types = types)
    };
    let open = || Variant::new("Open", Shape::Unit);
    let paid = |shape| Variant::new("Paid", shape);
    let less = of(vec![open()]);
    let more = of(vec![paid(Shape::Newtype(Type::U8)), open()]);
    assert_eq!(of_arguments(&more, &less), None);
    assert_eq!(of_arguments(&less, &more), None);
    let other = of(vec![paid(Shape::Unit), open()]);
    assert_eq!(
        of_arguments(&more, &other).unwrap(),
        "Status::Paid: one value on the client, no value on the server (in the arguments)"
    );
    let other = of(vec![paid(Shape::Newtype(Type::String))]);
    assert_eq!(
        of_arguments(&more, &other).unwrap(),
        "Status::Paid: u8 on the client, String on the server (in the arguments)"
    );
}

#[test]
fn arguments_streams_and_errors_that_one_side_lacks_are_named() {
    let of = |arguments| orders(Vec::new(), arguments, Type::Unit);
    let one = of(vec![("a", Type::U8)]);
    let mut two = of(vec![("a", Type::U8), ("b", Type::String)]);
    assert_eq!(
        of_arguments(&one, &two).unwrap(),
        "b: missing on the client, String on the server (in the arguments)"
    );
    assert_eq!(
        of_arguments(&two, &one).unwrap(),
        "b: String on the client, missing on the server (in the arguments)"
    );
    two.methods[0].arguments[1].default = true;
    assert_eq!((of_arguments(&one, &two), of_arguments(&two, &one)), (None, None));

    let option = of(vec![("a", Type::U8), ("b", Type::Option(Box::new(Type::String)))]);
    assert_eq!((of_arguments(&one, &option), of_arguments(&option, &one)), (None, None));

    let mut stream = two.clone();
    stream.methods[0].arguments[1].stream = true;
    assert_eq!(
        of_arguments(&stream, &one).unwrap(),
        "b: a stream of String on the client, missing on the server (in the arguments)"
    );
    let mut items = one.clone();
    items.methods[0].stream = true;
    assert_eq!(
        of_results(&one, &items).unwrap(),
        "the result: () on the client, a stream of () on the server"
    );
    let mut error = one.clone();
    error.methods[0].error = Some(Type::String);
    assert_eq!(of_results(&one, &error).unwrap(), "the error: none on the client, String on the server");
    assert_eq!(of_results(&error, &one), None);
    assert!(resolve_results(&with(one.clone(), |it| it.methods.clear()), &one).unwrap().is_empty());
    let mut renamed = one.clone();
    renamed.methods[0].name = "n".into();
    assert!(resolve_results(&renamed, &one).unwrap()[0].is_none());
}

#[test]
fn of_methods_with_one_name_the_first_counts() {
    let one = orders(Vec::new(), vec![("a", Type::U8)], Type::Unit);
    let mut twice = one.clone();
    twice.methods.extend(orders(Vec::new(), vec![("a", Type::String)], Type::Unit).methods);
    let is_readable = |resolved: &[Option<Result<_, _>>]| {
        let is_fine = |one: &Option<Result<_, _>>| one.as_ref().map(Result::is_ok);
        resolved.iter().map(is_fine).collect::<Vec<_>>()
    };
    assert_eq!(is_readable(&resolve_arguments(&twice, &one).unwrap()), [Some(true), None]);
    assert_eq!(is_readable(&resolve_arguments(&one, &twice).unwrap()), [Some(true)]);
}

#[test]
fn a_place_deep_in_a_peers_types_is_a_short_text() {
    let chain = |last| {
        let mut interface = orders(Vec::new(), vec![("x", Type::Named(0))], Type::Unit);
        let link =
            |next| Definition::new("T\u{1b}", Shape::Struct(vec![Field::new("next", Type::Named(next))]));
        interface.types = (1..10_000).map(link).collect();
        interface.types.push(Definition::new("T", last));
        interface
    };
    let (client, server) = (chain(Shape::Unit), chain(Shape::Newtype(Type::U8)));
    let text = of_arguments(&client, &server).unwrap();
    assert!(text.contains('…') && text.len() < 500 && !text.contains('\u{1b}'), "{text}");
    // A long name, mentioned often, and arguments that go round in circles.
    let mut long = client.clone();
    long.types = vec![Definition::new("n".repeat(1_000_000), Shape::Tuple(vec![Type::Named(0); 50]))];
    long.types[0].arguments = vec![Type::Named(0); 16];
    let text = of_arguments(&client, &long).unwrap();
    assert!(text.len() < 1000, "{}", text.len());
}
