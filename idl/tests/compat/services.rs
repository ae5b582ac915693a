//! Several services, and all changes together.

use traitwire_idl::compat::{ChangeKind as Kind, Safety, compare, compare_all};
use traitwire_idl::{Field, Interface, Type};

use crate::{find, method, price, put, service, with};

#[test]
fn services_come_and_go() {
    let (shop, mut bank) = (service(vec![method("a")], Vec::new()), service(vec![method("b")], Vec::new()));
    bank.name = "Bank".into();
    let all = [shop.clone(), bank.clone()];
    let said = |old: &[Interface], new: &[Interface]| {
        let changes = compare_all(old, new).unwrap().changes;
        changes.into_iter().map(|it| (it.place, it.kind, it.safety, it.methods)).collect::<Vec<_>>()
    };
    let b = || vec!["Bank.b".to_owned()];
    assert_eq!(said(&all, &all), []);
    let one = compare_all(&[], &all[1..]).unwrap().changes;
    assert_eq!(one[0].methods, ["b"]);
    let gone = compare_all(&all, &all[..1]).unwrap().changes[0].to_string();
    assert!(gone.contains("a renamed one keeps its name with `#[ipc_service(name = \"…\")]`"), "{gone}");
    assert_eq!(said(&all[..1], &all), [("Bank".to_owned(), Kind::ServiceAdded, Safety::ServersFirst, b())]);
    assert_eq!(said(&all, &all[..1]), [("Bank".to_owned(), Kind::ServiceRemoved, Safety::ClientsFirst, b())]);
}

#[test]
fn a_change_of_a_type_is_told_once_for_all_services() {
    let bank = |item| with(find(item), |it| it.name = "Bank".into());
    let all = |item: Vec<Field>| [put(item.clone()), bank(item)];
    let (old, mut new) = (all(Vec::new()), all(vec![price(Type::U8)]));
    let changes = compare_all(&old, &new).unwrap().changes;
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((&*change.place, change.safety), ("Item.price", Safety::Breaking));
    assert_eq!(change.methods, ["Shop.put", "Bank.find"]);
    // All are by their places, whichever service they are of.
    new[0].methods[0].oneway = true;
    new[1].methods[0].idempotent = true;
    new[1].methods.push(method("a"));
    let changes = compare_all(&old, &new).unwrap().changes;
    let places: Vec<_> = changes.iter().map(|it| &*it.place).collect();
    assert_eq!(places, ["Bank.a", "Bank.find", "Item.price", "Shop.put"]);
}

#[test]
fn what_no_change_says_alone_is_explained() {
    let of = |names: &[&str]| service(names.iter().map(|name| method(name)).collect(), Vec::new());
    let explained = |old: &Interface, new: &Interface| {
        let all = compare(old, new).unwrap();
        (all.safety(), all.explanation())
    };
    let why = "some changes need servers first and others clients; release these one after those";
    assert_eq!(explained(&of(&["a"]), &of(&["b"])), (Safety::Breaking, Some(why)));
    assert_eq!(explained(&of(&["a"]), &of(&["a", "b"])), (Safety::ServersFirst, None));
    let broken = with(of(&["b", "c"]), |it| it.methods[1].output = Type::U8);
    assert_eq!(explained(&of(&["a", "c"]), &broken), (Safety::Breaking, None));
}
