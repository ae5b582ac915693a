//! What is said of a change where its kind alone says little: arguments with other names, and what is advised.

use traitwire_idl::compat::{ChangeKind as Kind, Safety, compare};
use traitwire_idl::{Argument, Field, Interface, Method, Type, UnknownFields};

use crate::{one, price, put, said, service, told, with};

#[test]
fn arguments_that_have_other_names_at_their_places_are_told() {
    let of = |names: &[&str]| {
        let arguments = names.iter().map(|name| Argument::new(*name, Type::U32)).collect();
        service(vec![Method::new("m", arguments, Type::Unit)], Vec::new())
    };
    let (from_to, to_from) = (of(&["from", "to"]), of(&["to", "from"]));
    one(&from_to, &to_from, "Shop.m", Kind::ArgumentsMoved, Safety::Breaking);
    assert_eq!(
        told(&from_to, &to_from).remove(0),
        "Shop.m: arguments moved, breaking: arguments travel by their places, not their names: `from` is read as `to`, \
         `to` is read as `from`; arguments have changed places, and calls between the versions are misread; keep the \
         order, with new arguments at the end, or add a method instead"
    );
    let said_of = |old: &[&str], new: &[&str]| {
        one(&of(old), &of(new), "Shop.m", Kind::ArgumentsRenamed, Safety::Safe);
        told(&of(old), &of(new)).remove(0)
    };
    assert_eq!(
        said_of(&["from"], &["source"]),
        "Shop.m: arguments renamed, safe: arguments travel by their places, not their names: `from` is read as \
         `source`; calls go on, if they mean the same; who calls by name, as in JSON, and who reads the code has new \
         names"
    );
    let many: Vec<_> = ('a'..='f').map(String::from).collect();
    let (many, more): (Vec<_>, Vec<_>) = (many.iter().map(|it| &**it).collect(), ["x"; 6].to_vec());
    assert!(said_of(&many, &more).contains("`d` is read as `x`, and 2 more;"));

    // One before another that can be left out.
    let with_default = |names: &[&str]| {
        let mut interface = of(names);
        interface.methods[0].arguments.last_mut().unwrap().default = true;
        interface
    };
    let (old, new) = (with_default(&["x"]), with_default(&["y", "x"]));
    let changes = told(&old, &new);
    assert!(changes[0].contains("`x` is read as `y`; arguments have changed places"), "{changes:?}");
    assert!(said(&old, &new).contains(&("Shop.m: x".to_owned(), Kind::ArgumentAdded, Safety::Safe)));

    // A stream has no place among those that are sent.
    let stream = |names: &[&str], at: usize| {
        let mut interface = of(names);
        interface.methods[0].arguments[at].stream = true;
        interface
    };
    assert_eq!(said(&stream(&["s", "x"], 0), &stream(&["x", "s"], 1)), []);
    let renamed = told(&stream(&["s", "x"], 0), &stream(&["x", "t"], 1));
    assert!(renamed[0].contains("`s` is read as `t`; calls go on"), "{renamed:?}");
}

#[test]
fn what_a_reader_refuses_is_not_helped_by_a_default() {
    let closed = |item: Vec<Field>| with(put(item), |it| it.types[0].unknown_fields = UnknownFields::Refused);
    let fix = |old: &Interface, new: &Interface| compare(old, new).unwrap().changes[0].fix.clone().unwrap();
    let default = || vec![price(Type::U8).with_default()];
    assert_eq!(
        fix(&closed(Vec::new()), &closed(default())),
        "upgrade all servers before the first client, or take `#[serde(deny_unknown_fields)]` away a version before"
    );
    assert_eq!(
        fix(&closed(Vec::new()), &closed(vec![price(Type::U8)])),
        "give it `#[serde(default)]`, or make it an `Option`, and take `#[serde(deny_unknown_fields)]` away a version \
         before"
    );
    assert_eq!(
        fix(&closed(default()), &closed(Vec::new())),
        "upgrade all clients before the first server, or keep it, or take `#[serde(deny_unknown_fields)]` away"
    );
}
