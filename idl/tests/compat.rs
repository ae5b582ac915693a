//! Changes between two versions: each is found once, at its place, with who may be upgraded first.

use traitwire_idl::compat::{ChangeKind as Kind, Compatibility, Safety, compare};
use traitwire_idl::{
    Argument, Definition, Field, Interface, Method, Shape, Type, UnknownFields, Variant, resolve_arguments,
    resolve_results,
};

fn method(name: &str) -> Method {
    Method {
        name: name.into(),
        docs: String::new(),
        arguments: Vec::new(),
        output: Type::Unit,
        stream: false,
        error: None,
        idempotent: false,
        oneway: false,
    }
}

fn put(item: Vec<Field>) -> Interface {
    let method = Method { arguments: vec![Argument::new("item", Type::Named(0))], ..method("put") };
    service(vec![method], vec![Definition::new("Item", Shape::Struct(item))])
}

fn find(item: Vec<Field>) -> Interface {
    let method = Method { output: Type::Option(Box::new(Type::Named(0))), ..method("find") };
    service(vec![method], vec![Definition::new("Item", Shape::Struct(item))])
}

fn both(item: Vec<Field>) -> Interface {
    let mut interface = put(item.clone());
    interface.methods.extend(find(item).methods);
    interface
}

fn service(methods: Vec<Method>, types: Vec<Definition>) -> Interface {
    Interface { name: "Shop".into(), docs: String::new(), methods, types }
}

fn said(old: &Interface, new: &Interface) -> Vec<(String, Kind, Safety)> {
    let Compatibility { changes } = compare(old, new).unwrap();
    let fixed = changes.iter().all(|change| (change.safety == Safety::Safe) == change.fix.is_none());
    assert!(fixed, "{changes:?}");
    assert!(changes.iter().all(|change| !change.reason.is_empty()), "{changes:?}");
    changes.into_iter().map(|change| (change.place, change.kind, change.safety)).collect()
}

fn one(old: &Interface, new: &Interface, place: &str, kind: Kind, safety: Safety) {
    assert_eq!(said(old, new), [(place.to_owned(), kind, safety)]);
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
    new.methods[0].arguments[0].name = "thing".into();
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

    let mut closed = put(default());
    closed.types[0].unknown_fields = UnknownFields::Refused;
    one(
        &put(more()),
        &{
            let mut less = put(less());
            less.types[0].unknown_fields = UnknownFields::Refused;
            less
        },
        "Item.price",
        Kind::FieldRemoved,
        Safety::Breaking,
    );
    one(&put(less()), &closed, "Item.price", Kind::FieldAdded, Safety::Safe);
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
    assert_eq!(
        said(&put(vec![a.clone()]), &put(vec![renamed.clone()])),
        [
            ("Item.a".to_owned(), Kind::FieldRemoved, Safety::ServersFirst),
            ("Item.c".to_owned(), Kind::FieldAdded, Safety::Safe),
            ("Item.c".to_owned(), Kind::Renamed, Safety::Safe),
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
            true => Method { output: Type::Named(0), ..method("status") },
            false => Method { arguments: vec![Argument::new("status", Type::Named(0))], ..method("set") },
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
    assert!(said(&of(true, &["A"], true), &of(true, &["A", "B"], true)).contains(&(
        "Status::B".to_owned(),
        Kind::VariantAdded,
        Safety::Safe
    )));
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

    let with = |default| {
        let argument = Argument { default, ..Argument::new("limit", Type::U32) };
        of(vec![Method { arguments: vec![argument], ..a.clone() }])
    };
    one(&of(vec![a.clone()]), &with(true), "Shop.a: limit", Kind::ArgumentAdded, Safety::Safe);
    one(&of(vec![a.clone()]), &with(false), "Shop.a: limit", Kind::ArgumentAdded, Safety::Breaking);
    one(&with(true), &of(vec![a.clone()]), "Shop.a: limit", Kind::ArgumentRemoved, Safety::Safe);
    one(&with(false), &of(vec![a.clone()]), "Shop.a: limit", Kind::ArgumentRemoved, Safety::Breaking);

    let stream = of(vec![Method { stream: true, ..a.clone() }]);
    one(&of(vec![a.clone()]), &stream, "Shop.a", Kind::StreamChanged, Safety::Breaking);
    let error = of(vec![Method { error: Some(Type::String), ..a.clone() }]);
    one(&of(vec![a.clone()]), &error, "Shop.a", Kind::ErrorChanged, Safety::ClientsFirst);
    one(&error, &of(vec![a.clone()]), "Shop.a", Kind::ErrorChanged, Safety::ServersFirst);
    let idempotent = of(vec![Method { idempotent: true, ..a.clone() }]);
    one(&idempotent, &of(vec![a.clone()]), "Shop.a", Kind::IdempotentRemoved, Safety::ClientsFirst);
    let oneway = of(vec![Method { oneway: true, ..a.clone() }]);
    one(&of(vec![a.clone()]), &oneway, "Shop.a", Kind::OnewayAdded, Safety::Safe);
    one(&oneway, &of(vec![a.clone()]), "Shop.a", Kind::OnewayRemoved, Safety::Safe);
    let output = |ty| of(vec![Method { output: ty, ..a.clone() }]);
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
