//! Differences name the place, and there is one exactly where fingerprints differ.

use std::collections::{BTreeMap, HashMap};

use traitwire_idl::{
    Argument, Definition, Field, Fingerprint, Interface, Method, MethodBuilder, Schema, Shape, Type, Types,
    Variant, first_difference,
};

fn definition(name: &str, shape: Shape) -> Definition {
    Definition::new(name, shape)
}

fn method(arguments: &[(&str, Type)], output: Type, error: Option<Type>) -> Method {
    let arguments = arguments.iter().map(|(name, ty)| Argument::new(*name, ty.clone())).collect();
    Method {
        name: "m".into(),
        docs: String::new(),
        arguments,
        output,
        stream: false,
        error,
        idempotent: false,
        oneway: false,
    }
}

fn list(ty: Type) -> Type {
    Type::Sequence(Box::new(ty))
}

/// Compares; both ways must agree with each other and with the fingerprints.
fn compare(ours: (&Method, &[Definition]), theirs: (&Method, &[Definition])) -> Option<String> {
    let difference = first_difference(ours, theirs);
    let back = first_difference(theirs, ours);
    let equal = Fingerprint::of_method(ours.0, ours.1) == Fingerprint::of_method(theirs.0, theirs.1);
    assert_eq!(difference.is_none(), equal, "{difference:?}\n{ours:?}\n{theirs:?}");
    assert_eq!(back.is_none(), equal);
    difference.map(|difference| difference.to_string())
}

fn order(item: Vec<Field>, status: Vec<Variant>) -> Vec<Definition> {
    let order = vec![
        Field::new("items", list(Type::Named(1))),
        Field::new("status", Type::Option(Box::new(Type::Named(2)))),
        Field::new(
            "notes",
            Type::Map(Box::new(Type::String), Box::new(Type::Tuple(vec![Type::U8, Type::U8]))),
        ),
    ];
    vec![
        definition("Order", Shape::Struct(order)),
        definition("Item", Shape::Struct(item)),
        definition("Status", Shape::Enum(status)),
    ]
}

fn base() -> Vec<Definition> {
    order(vec![Field::new("price", Type::F64), Field::new("count", Type::U32)], statuses())
}

fn statuses() -> Vec<Variant> {
    vec![
        Variant::new("Open", Shape::Unit),
        Variant::new("Paid", Shape::Struct(vec![Field::new("at", Type::U64)])),
        Variant::new("Sent", Shape::Tuple(vec![Type::String, Type::Bool])),
    ]
}

fn of_types(theirs: &[Definition]) -> String {
    let take = method(&[("order", Type::Named(0))], Type::Unit, None);
    compare((&take, &base()), (&take, theirs)).unwrap()
}

#[test]
fn the_place_is_named() {
    let price = |ty| vec![Field::new("price", ty), Field::new("count", Type::U32)];
    assert_eq!(
        of_types(&order(price(Type::String), statuses())),
        "order.items[].price: f64 here, String there"
    );
    assert_eq!(
        of_types(&order(vec![Field::new("price", Type::F64)], statuses())),
        "order.items[].count: u32 here, missing there"
    );
    let mut more = price(Type::F64);
    more.insert(0, Field::new("id", Type::Option(Box::new(Type::U8))));
    assert_eq!(of_types(&order(more, statuses())), "order.items[].id: missing here, Option<u8> there");
    let mut turned = price(Type::F64);
    turned.reverse();
    assert_eq!(
        of_types(&order(turned, statuses())),
        "order.items[]: `price` at position 1 here, `count` at position 1 there"
    );
    let with = |index: usize, variant| {
        let mut statuses = statuses();
        statuses[index] = variant;
        of_types(&order(price(Type::F64), statuses))
    };
    assert_eq!(
        with(1, Variant::new("Paid", Shape::Struct(vec![Field::new("at", Type::U32)]))),
        "order.status?::Paid.at: u64 here, u32 there"
    );
    assert_eq!(
        with(2, Variant::new("Sent", Shape::Tuple(vec![Type::String, Type::U8]))),
        "order.status?::Sent.1: bool here, u8 there"
    );
    assert_eq!(
        with(0, Variant::new("Open", Shape::Newtype(Type::U8))),
        "order.status?::Open: no value here, one value there"
    );
    assert_eq!(
        with(2, Variant::new("Lost", Shape::Unit)),
        "order.status?::Sent: a variant here, missing there"
    );
    let mut theirs = base();
    theirs[2].shape = Shape::Unit;
    assert_eq!(of_types(&theirs), "order.status?: an enum here, no value there");
}

#[test]
fn maps_tuples_arrays_outputs_and_errors_are_named() {
    let say = |ours: &Method, theirs: &Method| compare((ours, &base()), (theirs, &base())).unwrap();
    let map = |key, value| Type::Map(Box::new(key), Box::new(value));
    let take = |ty| method(&[("x", ty)], Type::Unit, None);
    let give = |ty| method(&[], ty, None);
    let fail = |ty| method(&[], Type::Unit, ty);
    assert_eq!(
        say(&take(map(Type::U8, Type::U8)), &take(map(Type::U16, Type::U8))),
        "x{key}: u8 here, u16 there"
    );
    assert_eq!(
        say(&take(map(Type::U8, list(Type::U8))), &take(map(Type::U8, list(Type::Char)))),
        "x{value}[]: u8 here, char there"
    );
    let pair = |ty| Type::Tuple(vec![Type::U8, ty]);
    assert_eq!(say(&take(pair(Type::U8)), &take(pair(Type::Bool))), "x.1: u8 here, bool there");
    assert_eq!(
        say(&take(pair(Type::U8)), &take(Type::Tuple(vec![Type::U8]))),
        "x: (u8, u8) here, (u8,) there"
    );
    let array = |length| Type::Array(Box::new(Type::U8), length);
    assert_eq!(say(&take(array(4)), &take(array(8))), "x: [u8; 4] here, [u8; 8] there");
    assert_eq!(say(&give(Type::U8), &give(Type::Named(1))), "->: u8 here, Item there");
    assert_eq!(say(&give(pair(Type::U8)), &give(pair(Type::U16))), "-> .1: u8 here, u16 there");
    assert_eq!(say(&fail(Some(Type::U8)), &fail(None)), "error: u8 here, missing there");
    assert_eq!(say(&fail(Some(Type::U8)), &fail(Some(Type::String))), "error: u8 here, String there");
    let (one, two) = (take(Type::U8), method(&[("first", Type::Bool), ("x", Type::U8)], Type::Unit, None));
    assert_eq!(say(&one, &two), "first: missing here, bool there");
    assert_eq!(say(&two, &one), "first: bool here, missing there");
    let types = |name| vec![definition(name, Shape::Newtype(Type::String))];
    let difference = first_difference((&give(Type::String), &[]), (&give(Type::Named(0)), &types("String")));
    assert_eq!(difference.unwrap().to_string(), "->: String here, another `String` there");
}

#[test]
fn names_docs_and_defaults_make_no_difference() {
    let mut theirs = base();
    for definition in &mut theirs {
        definition.name.push('2');
        definition.docs.push_str("docs");
    }
    if let Shape::Struct(fields) = &mut theirs[1].shape {
        fields[0] = fields[0].clone().with_default().alias("before");
    }
    theirs.swap(1, 2);
    if let Shape::Struct(fields) = &mut theirs[0].shape {
        fields[0].ty = list(Type::Named(2));
        fields[1].ty = Type::Option(Box::new(Type::Named(1)));
    }
    let ours = method(&[("order", Type::Named(0))], Type::U8, None);
    let renamed = method(&[("renamed", Type::Named(0))], Type::U8, None);
    assert_eq!(compare((&ours, &base()), (&renamed, &theirs)), None);
}

#[test]
fn which_types_are_the_same_counts() {
    let point = || definition("Point", Shape::Struct(vec![Field::new("x", Type::U8)]));
    let both = |second| method(&[("a", Type::Named(0)), ("b", Type::Named(second))], Type::Unit, None);
    let types = [point(), point()];
    assert_eq!(
        compare((&both(0), &types), (&both(1), &types)).unwrap(),
        "b: the same type as `a` here, a type of its own there"
    );
    assert_eq!(compare((&both(1), &types), (&both(1), &types)), None);
    // What the types consist of comes first.
    let types = [point(), definition("Point", Shape::Struct(vec![Field::new("x", Type::I8)]))];
    assert_eq!(compare((&both(0), &types), (&both(1), &types)).unwrap(), "b.x: u8 here, i8 there");
}

#[test]
fn recursion_ends() {
    let tree = |value| {
        let fields = vec![Field::new("children", list(Type::Named(0))), Field::new("value", value)];
        vec![definition("Tree", Shape::Struct(fields))]
    };
    let take = method(&[("tree", Type::Named(0))], Type::Named(0), None);
    assert_eq!(compare((&take, &tree(Type::U8)), (&take, &tree(Type::U8))), None);
    assert_eq!(
        compare((&take, &tree(Type::U8)), (&take, &tree(Type::U16))).unwrap(),
        "tree.value: u8 here, u16 there"
    );
}

#[test]
fn a_long_chain_of_a_peer_takes_no_stack_and_gives_a_short_text() {
    let chain = |last| {
        let mut types: Vec<_> = (1..200_000)
            .map(|next| definition("T", Shape::Struct(vec![Field::new("next", Type::Named(next))])))
            .collect();
        types.push(definition("T", last));
        types
    };
    let take = method(&[("x", Type::Named(0))], Type::Unit, None);
    let (ours, theirs) = (chain(Shape::Unit), chain(Shape::Newtype(Type::U8)));
    let text = first_difference((&take, &ours), (&take, &theirs)).unwrap().to_string();
    assert!(text.starts_with("x….next") && text.len() < 300, "{text}");
    assert_eq!(first_difference((&take, &ours), (&take, &ours)), None);
    // A long name, mentioned often.
    let long = [definition(&"n".repeat(1_000_000), Shape::Unit)];
    let many = method(&[("x", Type::Tuple(vec![Type::Named(0); 100_000]))], Type::Unit, None);
    let text = first_difference((&take, &ours), (&many, &long)).unwrap().to_string();
    assert!(text.len() < 300, "{text}");
    // Arguments that go round in circles.
    let mut circle = [definition("C\u{1b}", Shape::Unit)];
    circle[0].arguments = vec![Type::Named(0); 16];
    let text = first_difference((&take, &circle), (&method(&[("x", Type::U8)], Type::Unit, None), &[]));
    let text = text.unwrap().to_string();
    assert!(text.len() < 1000 && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn many_pairs_of_signatures_agree_with_their_fingerprints() {
    fn both<A: Schema, B: Schema>(m: MethodBuilder<'_>) -> MethodBuilder<'_> {
        m.argument::<A>("a").output::<B>()
    }
    let mut builder = Interface::builder("S", "");
    macro_rules! methods {
        ($($ty:ty),+) => {
            $(
                builder = builder
                    .method("output", |m| m.output::<$ty>())
                    .method("again", |m| m.output::<$ty>())
                    .method("error", |m| m.error::<$ty>())
                    .method("both", both::<$ty, $ty>)
                    .method("mixed", both::<$ty, Vec<u8>>)
                    .method("two", |m| m.argument::<$ty>("a").argument::<$ty>("b"));
            )+
        };
    }
    methods!(
        u8, u16, i16, bool, char, String, (), (u8,), (u8, u8), [u8; 2], [u8; 3], Option<u8>, Vec<u8>,
        Option<Option<u8>>, std::collections::HashSet<u8>, HashMap<u8, u16>, BTreeMap<u16, u8>,
        HashMap<u8, u8>, Result<u8, u8>, Result<u8, u16>, std::ops::Range<u8>, std::ops::Range<u16>,
        std::ops::RangeInclusive<u8>, std::time::Duration, std::time::SystemTime, Interface, Type, Shape,
        std::net::IpAddr, std::net::SocketAddr, std::ops::Bound<u8>
    );
    let interface = builder.build();
    for ours in &interface.methods {
        for theirs in &interface.methods {
            compare((ours, &interface.types), (theirs, &interface.types));
        }
    }
}

#[test]
fn random_schemas_agree_with_their_fingerprints() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let mut equal = 0;
    for _ in 0..20_000 {
        let ty = |next: &mut dyn FnMut(u64) -> u64| match next(6) {
            0 => Type::U8,
            1 => Type::Option(Box::new(Type::Named(next(3) as usize))),
            2 => list(Type::Named(next(3) as usize)),
            _ => Type::Named(next(3) as usize),
        };
        let mut side = || {
            let types: Vec<Definition> = (0..3)
                .map(|_| match next(4) {
                    0 => Shape::Unit,
                    1 => Shape::Newtype(ty(&mut next)),
                    2 => Shape::Struct(vec![Field::new("a", ty(&mut next))]),
                    _ => Shape::Enum(vec![
                        Variant::new("A", Shape::Newtype(ty(&mut next))),
                        Variant::new("B", Shape::Unit),
                    ]),
                })
                .map(|shape| definition("T", shape))
                .collect();
            (method(&[("a", ty(&mut next))], ty(&mut next), None), types)
        };
        let (ours, theirs) = (side(), side());
        equal += u32::from(compare((&ours.0, &ours.1), (&theirs.0, &theirs.1)).is_none());
    }
    assert!(equal > 50, "only {equal} pairs were equal");
}

#[test]
fn describing_twice_gives_the_same() {
    let describe = || {
        let mut types = Types::default();
        let ty = Interface::describe(&mut types);
        (method(&[("x", ty)], Type::Unit, None), types.into_definitions())
    };
    let (ours, theirs) = (describe(), describe());
    assert_eq!(compare((&ours.0, &ours.1), (&theirs.0, &theirs.1)), None);
}
