//! Changes between two versions: each is found once, at its place, with who may be upgraded first.

#[path = "compat/services.rs"]
mod services;
#[path = "compat/words.rs"]
mod words;

use traitwire_idl::compat::{ChangeKind as Kind, Safety, compare};
use traitwire_idl::{
    Argument, Definition, Field, Fingerprint, Interface, Method, Shape, Type, UnknownFields, Variant,
    resolve_arguments, resolve_results,
};

/// The same but for one change: the model's structures may have more fields one day.
fn with<T>(mut made: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut made);
    made
}

fn method(name: &str) -> Method {
    Method::new(name, Vec::new(), Type::Unit)
}

fn put(item: Vec<Field>) -> Interface {
    let method = Method::new("put", vec![Argument::new("item", Type::Named(0))], Type::Unit);
    service(vec![method], vec![Definition::new("Item", Shape::Struct(item))])
}

fn find(item: Vec<Field>) -> Interface {
    let method = Method::new("find", Vec::new(), Type::Option(Box::new(Type::Named(0))));
    service(vec![method], vec![Definition::new("Item", Shape::Struct(item))])
}

fn both(item: Vec<Field>) -> Interface {
    let mut interface = put(item.clone());
    interface.methods.extend(find(item).methods);
    interface
}

fn service(methods: Vec<Method>, types: Vec<Definition>) -> Interface {
    Interface::new("Shop", methods, types)
}

fn said(old: &Interface, new: &Interface) -> Vec<(String, Kind, Safety)> {
    let changes = compare(old, new).unwrap().changes;
    let fixed = changes.iter().all(|change| (change.safety == Safety::Safe) == change.fix.is_none());
    assert!(fixed, "{changes:?}");
    assert!(changes.iter().all(|change| !change.reason.is_empty()), "{changes:?}");
    changes.into_iter().map(|change| (change.place, change.kind, change.safety)).collect()
}

fn one(old: &Interface, new: &Interface, place: &str, kind: Kind, safety: Safety) {
    assert_eq!(said(old, new), [(place.to_owned(), kind, safety)]);
}

/// What is said to people.
fn told(old: &Interface, new: &Interface) -> Vec<String> {
    compare(old, new).unwrap().changes.iter().map(ToString::to_string).collect()
}

fn price(ty: Type) -> Field {
    Field::new("price", ty)
}

#[test]
fn equal_versions_have_no_changes_and_docs_and_names_of_types_are_none() {
    let mut new = both(vec![price(Type::U8)]);
    assert_eq!(said(&new.clone(), &new), []);
    let old = new.clone();
    new.docs = "docs".into();
    new.types[0].name = "Thing".into();
    assert_eq!(said(&old, &new), []);
    assert_eq!(compare(&old, &new).unwrap().safety(), Safety::Safe);
}

#[test]
fn fields_are_added_and_removed_by_who_reads_them() {
    let less = || Vec::new();
    let more = || vec![price(Type::U8)];
    let default = || vec![price(Type::U8).with_default()];
    for make in [put, find, both] {
        one(&make(less()), &make(default()), "Item.price", Kind::FieldAdded, Safety::Safe);
        one(&make(default()), &make(less()), "Item.price", Kind::FieldRemoved, Safety::Safe);
    }
    one(&put(less()), &put(more()), "Item.price", Kind::FieldAdded, Safety::ClientsFirst);
    one(&find(less()), &find(more()), "Item.price", Kind::FieldAdded, Safety::ServersFirst);
    one(&both(less()), &both(more()), "Item.price", Kind::FieldAdded, Safety::Breaking);
    one(&put(more()), &put(less()), "Item.price", Kind::FieldRemoved, Safety::ServersFirst);
    one(&find(more()), &find(less()), "Item.price", Kind::FieldRemoved, Safety::ClientsFirst);

    let closed = |mut interface: Interface| {
        interface.types[0].unknown_fields = UnknownFields::Refused;
        interface
    };
    let (refuses, ignores) = (closed(put(less())), closed(put(default())));
    assert_eq!(
        said(&put(more()), &refuses),
        [
            ("Item".to_owned(), Kind::UnknownFieldsRefused, Safety::WithoutOlder),
            ("Item.price".to_owned(), Kind::FieldRemoved, Safety::Breaking),
        ]
    );
    assert_eq!(
        said(&put(less()), &ignores),
        [
            ("Item".to_owned(), Kind::UnknownFieldsRefused, Safety::WithoutOlder),
            ("Item.price".to_owned(), Kind::FieldAdded, Safety::Safe),
        ]
    );
}

#[test]
fn types_are_wider_narrower_optional_or_others() {
    let of = |make: fn(Vec<Field>) -> Interface, ty| make(vec![price(ty)]);
    let option = || Type::Option(Box::new(Type::U8));
    let table = [
        (Type::U8, Type::U32, Kind::NumberWidened, [Safety::ServersFirst, Safety::ClientsFirst]),
        (Type::F64, Type::F32, Kind::NumberNarrowed, [Safety::ClientsFirst, Safety::ServersFirst]),
        (Type::U8, option(), Kind::MadeOptional, [Safety::ServersFirst, Safety::ClientsFirst]),
        (option(), Type::U8, Kind::TypeChanged, [Safety::ClientsFirst, Safety::ServersFirst]),
        (Type::U8, Type::String, Kind::TypeChanged, [Safety::Breaking; 2]),
    ];
    for (old, new, kind, [argument, result]) in table {
        one(&of(put, old.clone()), &of(put, new.clone()), "Item.price", kind, argument);
        one(&of(find, old.clone()), &of(find, new.clone()), "Item.price", kind, result);
        one(&of(both, old), &of(both, new), "Item.price", kind, Safety::Breaking);
    }
    let mut newtype = both(vec![price(Type::Named(1))]);
    newtype.types.push(Definition::new("Price", Shape::Newtype(Type::U8)));
    one(&of(both, Type::U8), &newtype, "Item.price", Kind::NewtypeChanged, Safety::Safe);
}

#[test]
fn names_and_orders_change() {
    let (a, b) = (Field::new("a", Type::U8), Field::new("b", Type::U8));
    one(
        &both(vec![a.clone(), b.clone()]),
        &both(vec![b.clone(), a.clone()]),
        "Item",
        Kind::FieldsReordered,
        Safety::Safe,
    );
    // The new version knows the old name; the old one does not know the new one.
    let renamed = Field::new("c", Type::U8).alias("a");
    one(&put(vec![a.clone()]), &put(vec![renamed.clone()]), "Item.c", Kind::Renamed, Safety::ServersFirst);
    one(&both(vec![a.clone()]), &both(vec![renamed.clone()]), "Item.c", Kind::Renamed, Safety::Breaking);
    assert_eq!(
        told(&find(vec![a.clone()]), &find(vec![renamed.clone()])),
        [
            "Item.c: renamed, safe if clients are upgraded first: an old client cannot read what a new server returns: \
             it needs the field, and has no default for it; upgrade all clients before the first server, or give it an \
             alias for its new name, `#[serde(alias = \"…\")]`, a version before"
        ]
    );
    let optional = a.clone().with_default();
    assert_eq!(
        told(&put(vec![optional]), &put(vec![renamed.clone().with_default()])),
        [
            "Item.c: renamed, safe: the new version reads `a` as `c`, by its alias; the old version passes over the \
             new name, and has a default for the old one"
        ]
    );
    let prepared = a.alias("c");
    one(&both(vec![prepared]), &both(vec![renamed]), "Item.c", Kind::Renamed, Safety::Safe);
}

#[test]
fn variants_are_added_to_those_who_know_what_to_do() {
    let of = |output: bool, variants: &[&str], other: bool| {
        let mut all: Vec<_> = variants.iter().map(|name| Variant::new(*name, Shape::Unit)).collect();
        if other {
            all.push(Variant::new("Other", Shape::Unit).other());
        }
        let types = vec![Definition::new("Status", Shape::Enum(all))];
        let method = match output {
            true => Method::new("status", Vec::new(), Type::Named(0)),
            false => Method::new("set", vec![Argument::new("status", Type::Named(0))], Type::Unit),
        };
        service(vec![method], types)
    };
    one(
        &of(false, &["A"], false),
        &of(false, &["A", "B"], false),
        "Status::B",
        Kind::VariantAdded,
        Safety::ServersFirst,
    );
    one(
        &of(true, &["A"], false),
        &of(true, &["A", "B"], false),
        "Status::B",
        Kind::VariantAdded,
        Safety::ClientsFirst,
    );
    one(
        &of(true, &["A", "B"], false),
        &of(true, &["A"], false),
        "Status::B",
        Kind::VariantRemoved,
        Safety::ServersFirst,
    );
    // That the last one has another number then is nothing to tell.
    one(&of(true, &["A"], true), &of(true, &["A", "B"], true), "Status::B", Kind::VariantAdded, Safety::Safe);
    let alias = |mut interface: Interface| {
        let Shape::Enum(variants) = &mut interface.types[0].shape else { panic!("an enum") };
        variants[0].aliases.push("A".to_owned());
        interface
    };
    one(
        &of(true, &["A"], false),
        &alias(of(true, &["C"], false)),
        "Status::C",
        Kind::Renamed,
        Safety::ClientsFirst,
    );
    assert_eq!(
        said(&of(true, &["A", "B"], false), &of(true, &["B", "A"], false)),
        [
            ("Status::A".to_owned(), Kind::VariantMoved, Safety::Safe),
            ("Status::B".to_owned(), Kind::VariantMoved, Safety::Safe),
        ]
    );
}

#[test]
fn methods_arguments_streams_and_errors_change() {
    let of = |methods| service(methods, Vec::new());
    let [a, b] = ["a", "b"].map(method);
    one(
        &of(vec![a.clone()]),
        &of(vec![a.clone(), b.clone()]),
        "Shop.b",
        Kind::MethodAdded,
        Safety::ServersFirst,
    );
    one(&of(vec![a.clone(), b]), &of(vec![a.clone()]), "Shop.b", Kind::MethodRemoved, Safety::ClientsFirst);
    let mut renamed = of(vec![a.clone()]);
    renamed.name = "Store".into();
    one(&of(vec![a.clone()]), &renamed, "Store", Kind::ServiceRenamed, Safety::Breaking);

    let limited = |default| {
        let argument = with(Argument::new("limit", Type::U32), |it| it.default = default);
        of(vec![with(a.clone(), |it| it.arguments = vec![argument])])
    };
    one(&of(vec![a.clone()]), &limited(true), "Shop.a: limit", Kind::ArgumentAdded, Safety::Safe);
    one(&of(vec![a.clone()]), &limited(false), "Shop.a: limit", Kind::ArgumentAdded, Safety::Breaking);
    one(&limited(true), &of(vec![a.clone()]), "Shop.a: limit", Kind::ArgumentRemoved, Safety::Safe);
    one(&limited(false), &of(vec![a.clone()]), "Shop.a: limit", Kind::ArgumentRemoved, Safety::Breaking);

    let option = |default| {
        let argument = Argument::new("limit", Type::Option(Box::new(Type::U32)));
        of(vec![with(a.clone(), |it| it.arguments = vec![with(argument, |it| it.default = default)])])
    };
    one(&of(vec![a.clone()]), &option(false), "Shop.a: limit", Kind::ArgumentAdded, Safety::Safe);
    one(&option(false), &of(vec![a.clone()]), "Shop.a: limit", Kind::ArgumentRemoved, Safety::Safe);
    assert_eq!([said(&option(false), &option(true)), said(&option(true), &option(false))], [[], []]);
    one(&limited(false), &option(false), "Shop.a: limit", Kind::MadeOptional, Safety::ServersFirst);

    let stream = of(vec![with(a.clone(), |it| it.stream = true)]);
    one(&of(vec![a.clone()]), &stream, "Shop.a", Kind::StreamChanged, Safety::Breaking);
    let error = of(vec![with(a.clone(), |it| it.error = Some(Type::String))]);
    one(&of(vec![a.clone()]), &error, "Shop.a", Kind::ErrorChanged, Safety::ClientsFirst);
    one(&error, &of(vec![a.clone()]), "Shop.a", Kind::ErrorChanged, Safety::ServersFirst);
    let idempotent = of(vec![with(a.clone(), |it| it.idempotent = true)]);
    one(&idempotent, &of(vec![a.clone()]), "Shop.a", Kind::IdempotentRemoved, Safety::ClientsFirst);
    let oneway = of(vec![with(a.clone(), |it| it.oneway = true)]);
    one(&of(vec![a.clone()]), &oneway, "Shop.a", Kind::OnewayAdded, Safety::Safe);
    one(&oneway, &of(vec![a.clone()]), "Shop.a", Kind::OnewayRemoved, Safety::Safe);
    let output = |ty| of(vec![with(a.clone(), |it| it.output = ty)]);
    one(
        &output(Type::U8),
        &output(Type::U16),
        "Shop.a: the result",
        Kind::NumberWidened,
        Safety::ClientsFirst,
    );
}

#[test]
fn a_change_names_its_methods_its_reason_and_what_to_do() {
    let old = both(Vec::new());
    let changes = compare(&old, &both(vec![price(Type::U8)])).unwrap().changes;
    assert_eq!(changes[0].methods, ["put", "find"]);
    assert_eq!(
        changes[0].to_string(),
        "Item.price: field added, breaking: a new server cannot read what an old client sends: it needs the field, \
         and has no default for it; a new client cannot read what an old server returns: it needs the field, and \
         has no default for it; give it `#[serde(default)]`, or make it an `Option`"
    );
}

/// Whatever the changes are, they say what resolution says.
#[test]
fn who_may_be_first_is_what_resolution_says() {
    let shapes = [
        vec![],
        vec![price(Type::U8)],
        vec![price(Type::U8).with_default()],
        vec![price(Type::U16)],
        vec![price(Type::Option(Box::new(Type::U8))).optional()],
        vec![Field::new("cost", Type::U8).alias("price")],
        vec![price(Type::String), Field::new("cost", Type::U8)],
    ];
    let works = |client: &Interface, server: &Interface| {
        let arguments = resolve_arguments(client, server).unwrap();
        let results = resolve_results(client, server).unwrap();
        arguments.iter().flatten().all(Result::is_ok) && results.iter().flatten().all(Result::is_ok)
    };
    for make in [put, find, both] {
        for old in &shapes {
            for new in &shapes {
                let (old, new) = (make(old.clone()), make(new.clone()));
                let safety = compare(&old, &new).unwrap().safety();
                let expected = match (works(&old, &new), works(&new, &old)) {
                    // Of versions that are older than both, resolution says nothing.
                    (true, true) if safety == Safety::WithoutOlder => safety,
                    (true, true) => Safety::Safe,
                    (true, false) => Safety::ServersFirst,
                    (false, true) => Safety::ClientsFirst,
                    (false, false) => Safety::Breaking,
                };
                assert_eq!(safety, expected, "{}\n{}", old.print(), new.print());
            }
        }
    }
}

/// Between the two versions nothing fails. What older ones write, or later ones, is another matter.
#[test]
fn what_only_lets_others_be_read_is_told_too() {
    let a = || Field::new("a", Type::U8);
    let option = || Field::new("a", Type::Option(Box::new(Type::U8)));
    let of_type = |shape, unknown_fields| {
        let item = with(Definition::new("Item", shape), |it| it.unknown_fields = unknown_fields);
        with(both(Vec::new()), |it| it.types = vec![item])
    };
    let fields = |field| of_type(Shape::Struct(vec![field]), UnknownFields::Ignored);
    let variants =
        |variant| of_type(Shape::Enum(vec![Variant::new("A", Shape::Unit), variant]), UnknownFields::Ignored);
    let b = || Variant::new("B", Shape::Unit);
    let inside = |unknown| of_type(Shape::Enum(vec![Variant::new("V", Shape::Struct(vec![a()]))]), unknown);
    let argument = |default| {
        let argument = with(Argument::new("limit", Type::U32), |it| it.default = default);
        service(vec![Method::new("m", vec![argument], Type::Unit)], Vec::new())
    };
    let (ignored, refused) = (UnknownFields::Ignored, UnknownFields::Refused);
    let structure = |unknown| of_type(Shape::Struct(vec![a()]), unknown);
    // The one that reads less, the one that reads more, and what that is called in either direction.
    let table = [
        (fields(a()), fields(a().with_default()), "Item.a", [Kind::DefaultAdded, Kind::DefaultRemoved]),
        (fields(option()), fields(option().optional()), "Item.a", [Kind::DefaultAdded, Kind::DefaultRemoved]),
        (fields(a()), fields(a().alias("x")), "Item.a", [Kind::AliasAdded, Kind::AliasRemoved]),
        (argument(false), argument(true), "Shop.m: limit", [Kind::DefaultAdded, Kind::DefaultRemoved]),
        (
            structure(refused),
            structure(ignored),
            "Item",
            [Kind::UnknownFieldsIgnored, Kind::UnknownFieldsRefused],
        ),
        (
            inside(refused),
            inside(ignored),
            "Item::V",
            [Kind::UnknownFieldsIgnored, Kind::UnknownFieldsRefused],
        ),
        (variants(b()), variants(b().alias("x")), "Item::B", [Kind::AliasAdded, Kind::AliasRemoved]),
        (variants(b()), variants(b().other()), "Item::B", [Kind::OtherAdded, Kind::OtherRemoved]),
    ];
    for (less, more, place, [added, removed]) in table {
        one(&less, &more, place, added, Safety::Safe);
        one(&more, &less, place, removed, Safety::WithoutOlder);
    }
    // Which side is concerned, and what to do.
    let default = || a().with_default();
    for (make, reader) in [
        (put as fn(_) -> _, "a new server no longer reads what versions send that do not have the field"),
        (find, "a new client no longer reads what versions return that do not have the field"),
    ] {
        let changes = compare(&make(vec![default()]), &make(vec![a()])).unwrap();
        assert_eq!(
            changes.changes[0].to_string(),
            format!(
                "Item.a: default removed, safe if no older version is left: {reader}; upgrade whatever is older \
                 than the old version before, or keep the default"
            )
        );
    }
    // That an option can be missing is no news where it was made one.
    let some = fields(option().optional());
    assert_eq!(said(&fields(a()), &some), [("Item.a".to_owned(), Kind::MadeOptional, Safety::Breaking)]);
    // What the names have come to be is told by the renaming.
    one(
        &fields(a().alias("x")),
        &fields(Field::new("x", Type::U8).alias("a")),
        "Item.x",
        Kind::Renamed,
        Safety::Safe,
    );
}

#[test]
fn all_together_is_what_holds_for_each() {
    use Safety::{Breaking, ClientsFirst, Safe, ServersFirst, WithoutOlder};
    for (one, other, both) in [
        (Safe, Safe, Safe),
        (Safe, WithoutOlder, WithoutOlder),
        (WithoutOlder, ServersFirst, ServersFirst),
        (WithoutOlder, Breaking, Breaking),
        (ClientsFirst, ClientsFirst, ClientsFirst),
        (ClientsFirst, ServersFirst, Breaking),
        (Safe, Breaking, Breaking),
    ] {
        assert_eq!((one.and(other), other.and(one)), (both, both));
    }
}

/// What fingerprints call the same has no changes: types of three definitions at random.
#[test]
fn methods_with_one_fingerprint_have_no_changes() {
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
            2 => Type::Sequence(Box::new(Type::Named(next(3) as usize))),
            _ => Type::Named(next(3) as usize),
        };
        let mut side = || {
            let shapes = (0..3).map(|_| match next(4) {
                0 => Shape::Unit,
                1 => Shape::Newtype(ty(&mut next)),
                2 => Shape::Struct(vec![Field::new("a", ty(&mut next))]),
                _ => Shape::Enum(vec![
                    Variant::new("A", Shape::Newtype(ty(&mut next))),
                    Variant::new("B", Shape::Unit),
                ]),
            });
            let types = shapes.map(|shape| Definition::new("T", shape)).collect();
            let arguments = vec![Argument::new("a", ty(&mut next))];
            service(vec![Method::new("m", arguments, ty(&mut next))], types)
        };
        let (old, new) = (side(), side());
        let [before, now] = [&old, &new].map(|it| Fingerprint::of_method(&it.methods[0], &it.types));
        if before == now {
            equal += 1;
            assert_eq!(said(&old, &new), [], "{}\n{}", old.print(), new.print());
        }
    }
    assert!(equal > 50, "only {equal} pairs were equal");
}

#[test]
fn of_many_reasons_only_a_few_are_told() {
    let named = |count: usize| {
        let price = (0..count).fold(price(Type::U8), |field, at| field.alias(format!("p{at}")));
        find(vec![price])
    };
    let reason = |count| {
        let compared = compare(&named(0), &named(count)).unwrap();
        let [change] = &compared.changes[..] else { panic!("{compared:?}") };
        assert_eq!((&*change.place, change.kind), ("Item.price", Kind::AliasAdded));
        change.reason.clone()
    };
    let told = |at| format!("the new version finds it by the name `p{at}` too");
    assert_eq!(reason(1), told(0));
    assert_eq!(reason(4), [0, 1, 2, 3].map(told).join("; "));
    assert_eq!(reason(9), format!("{}; and 5 more", [0, 1, 2, 3].map(told).join("; ")));
}
