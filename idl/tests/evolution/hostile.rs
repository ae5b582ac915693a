//! Schemas and messages that cost their reader as much as they can: by the steps they take, not by the clock.

use traitwire_idl::{
    Argument, DecodeLimits, Definition, Field, GuardErrorKind, Interface, Method, Plan, Shape, Transcoded,
    Type, resolve_arguments,
};

use crate::schemas::interface;
use crate::{limit, plan_of_results, with};

fn structure(name: &str, fields: Vec<Field>) -> Definition {
    Definition::new(name, Shape::Struct(fields))
}

/// From the index `first` on: each holds the next one so, the last one is `last`.
fn chain(first: usize, count: usize, holds: impl Fn(Type) -> Shape, last: Shape) -> Vec<Definition> {
    let next = (first + 1..first + count).map(|next| Definition::new("D", holds(Type::Named(next))));
    next.chain([Definition::new("Last", last)]).collect()
}

fn twice(inner: Type) -> Shape {
    Shape::Tuple(vec![inner.clone(), inner])
}

/// A writer that has a field of this type more than its reader, which are also the definitions from the second on.
fn with_more(left: Type, types: Vec<Definition>) -> Interface {
    let outer = structure("Outer", vec![Field::new("kept", Type::U8), Field::new("left", left)]);
    interface(Type::Named(0), [vec![outer], types].concat())
}

fn with_less() -> Interface {
    interface(Type::Named(0), vec![structure("Outer", vec![Field::new("kept", Type::U8)])])
}

/// The steps it takes to read these bytes, all of them.
fn steps(plan: &Plan, bytes: &[u8]) -> u64 {
    let mut into = Transcoded::default();
    let unlimited = DecodeLimits::default().with_max_depth(u32::MAX).with_max_empty_elements(65_536);
    assert_eq!(plan.transcode(bytes, unlimited, &mut into), Ok(bytes.len()));
    into.steps
}

/// Types of which a few bytes of schema make many parts, and a value of `size` bytes.
fn types_of_many_parts(size: usize) -> Vec<(&'static str, Type, Vec<Definition>, Vec<u8>)> {
    let count = [vec![size as u8 & 0x7f | 0x80, (size >> 7) as u8], vec![1; size]].concat();
    let list = |ty| Type::Sequence(Box::new(ty));
    let wide = Shape::Tuple([vec![Type::Unit; 15_000], vec![Type::Bool], vec![Type::Unit; 15_000]].concat());
    let units_around = |inner| Shape::Tuple(vec![Type::Unit, inner, Type::Array(Box::new(Type::U64), 0)]);
    let arrays = |inner| Shape::Newtype(Type::Array(Box::new(inner), 1));
    let bool = || Shape::Newtype(Type::Bool);
    vec![
        ("units without end", Type::Named(1), chain(1, 60, twice, Shape::Unit), Vec::new()),
        ("lists of them", list(Type::Named(1)), chain(1, 60, twice, Shape::Unit), vec![0x80, 0x80, 4]),
        ("elements with many", list(Type::Named(1)), vec![Definition::new("W", wide)], count.clone()),
        ("each in the next", list(Type::Named(1)), chain(1, 10_000, units_around, bool()), count.clone()),
        ("arrays of one", list(Type::Named(1)), chain(1, 10_000, arrays, bool()), count.clone()),
        ("bytes in pairs", Type::Named(1), chain(1, 10, twice, Shape::Newtype(Type::U8)), vec![1; 512]),
    ]
}

#[test]
fn aliases_are_counted_in_each_pair_of_types_that_has_them() {
    let id = |aliases| with(Field::new("id", Type::U8), |it| it.aliases = vec![String::new(); aliases]);
    let arguments =
        |ty: fn(usize) -> usize| (0..10).map(move |at| Argument::new(at.to_string(), Type::Named(ty(at))));
    let takes =
        |arguments: Vec<_>, types| Interface::new("S", vec![Method::new("m", arguments, Type::Unit)], types);
    let callee = takes(arguments(|at| at).collect(), vec![structure("Read", vec![id(0)]); 10]);
    for (aliases, is_too_large) in [(0, false), (1000, false), (10_000, true), (500_000, true)] {
        let caller = takes(arguments(|_| 0).collect(), vec![structure("Sent", vec![id(aliases)])]);
        assert_eq!(resolve_arguments(&caller, &callee).is_err(), is_too_large, "{aliases}");
    }
}

#[test]
fn what_is_passed_over_costs_no_more_than_its_bytes() {
    for (what, ty, types, bytes) in types_of_many_parts(1000) {
        let plan = plan_of_results(&with_more(ty.clone(), types.clone()), &with_less()).unwrap();
        let steps_of_result = steps(&plan, &[vec![7], bytes.clone()].concat());
        assert!(steps_of_result <= 8 + 4 * bytes.len() as u64, "{what}: {steps_of_result}");

        // The same as an argument that the callee does not have.
        let argument = with(Argument::new("more", ty), |it| it.default = true);
        let types = [vec![Definition::new("Unused", Shape::Unit)], types].concat();
        let takes = |arguments| vec![Method::new("m", arguments, Type::Unit)];
        let caller = Interface::new("S", takes(vec![argument]), types);
        let callee = Interface::new("S", takes(Vec::new()), Vec::new());
        let resolved = resolve_arguments(&caller, &callee).unwrap();
        let Some(Some(Ok(arguments))) = resolved.first() else { panic!("{resolved:?}") };
        let steps_of_argument = steps(&arguments.values, &bytes);
        assert!(steps_of_argument <= 8 + 4 * bytes.len() as u64, "{what}: {steps_of_argument}");
    }
}

#[test]
fn parts_without_bytes_are_bounded_where_they_are_kept_too() {
    let types = chain(0, 60, twice, Shape::Unit);
    let both = interface(Type::Named(0), types);
    assert_eq!(limit(&plan_of_results(&both, &both).unwrap(), &[]), Some(GuardErrorKind::TooManySteps));
}

#[test]
fn what_a_writer_does_not_have_is_bounded_by_the_bytes_it_has() {
    let list =
        |fields| interface(Type::Sequence(Box::new(Type::Named(0))), vec![structure("Element", fields)]);
    let old = || Field::new("old", Type::U8);
    let second = || Field::new("second", Type::U8);
    let message = |count: usize| {
        let mut bytes: Vec<u8> = Vec::new();
        let mut rest = count;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes
    };
    let of_bytes = |count| [message(count), vec![1; count]].concat();
    let default = |index| Field::new(format!("f{index}"), Type::U8).with_default();
    let absent = |index| Field::new(format!("f{index}"), Type::Option(Box::new(Type::U8))).optional();
    for made in [&default as &dyn Fn(u32) -> Field, &absent] {
        let with = |count| (0..count).map(made).collect::<Vec<_>>();
        // Before what was sent, and behind it.
        for is_behind in [true, false] {
            let order = |sent: Vec<Field>, more: Vec<Field>| match is_behind {
                true => [sent, more].concat(),
                false => [more, sent].concat(),
            };
            // Elements of one byte.
            let to = |count| plan_of_results(&list(vec![old()]), &list(order(vec![old()], with(count))));
            assert_eq!(limit(&to(4).unwrap(), &of_bytes(400_000)), None);
            let limit_of_many = limit(&to(12).unwrap(), &of_bytes(200_000));
            assert!(
                matches!(limit_of_many, Some(GuardErrorKind::TooManyAdditions { .. })),
                "{limit_of_many:?}"
            );
        }
        // Of two bytes, which are read in the other order, around what is added.
        let new_order = |count| [vec![second()], with(count), vec![old()]].concat();
        let to = |count| plan_of_results(&list(vec![old(), second()]), &list(new_order(count))).unwrap();
        let of_pairs = |count| [message(count), vec![1; 2 * count]].concat();
        assert_eq!(limit(&to(8), &of_pairs(150_000)), None);
        let limit_of_many = limit(&to(20), &of_pairs(120_000));
        assert!(matches!(limit_of_many, Some(GuardErrorKind::TooManyAdditions { .. })), "{limit_of_many:?}");
        // Of none.
        let to = |count| plan_of_results(&list(Vec::new()), &list(with(count))).unwrap();
        assert_eq!(limit(&to(15), &message(65_536)), None);
        let limit_of_none = limit(&to(40), &message(65_536));
        assert!(matches!(limit_of_none, Some(GuardErrorKind::TooManyAdditions { .. })), "{limit_of_none:?}");
    }
}

#[test]
fn a_gap_takes_a_few_bytes_wherever_it_is_moved() {
    let of = |fields| {
        let outer = structure("Outer", fields);
        let fields = vec![Field::new("a", Type::U8), Field::new("b", Type::U8).with_default()];
        interface(Type::Named(0), vec![outer, structure("Element", fields)])
    };
    let (elements, last) =
        (Field::new("elements", Type::Sequence(Box::new(Type::Named(1)))), Field::new("last", Type::U8));
    let mut writer = of(vec![elements.clone(), last.clone()]);
    writer.types[1] = structure("Element", vec![Field::new("a", Type::U8)]);
    for reader in [of(vec![elements.clone(), last.clone()]), of(vec![last, elements])] {
        let plan = plan_of_results(&writer, &reader).unwrap();
        let bytes = [vec![0xe8, 7], vec![3; 1000], vec![9]].concat();
        let mut into = Transcoded::default();
        assert_eq!(plan.transcode(&bytes, DecodeLimits::default(), &mut into), Ok(bytes.len()));
        assert_eq!((into.gaps.iter().count(), into.bytes.len()), (1000, bytes.len()));
        assert!(into.gaps.size() <= 2010, "{}", into.gaps.size());
    }
}

#[test]
fn of_methods_with_one_name_the_first_counts() {
    let of = |count, ty: Type| {
        let takes = Method::new("m", vec![Argument::new("a", ty)], Type::Unit);
        Interface::new("S", vec![takes; count], Vec::new())
    };
    let resolved = resolve_arguments(&of(20_000, Type::U8), &of(1, Type::U16)).unwrap();
    assert!(matches!(resolved[0], Some(Ok(_))));
    assert!(resolved.len() == 20_000 && resolved[1..].iter().all(Option::is_none));
}

#[test]
fn newtypes_in_one_another_by_the_thousand_are_looked_through_once() {
    // Each of them is met by itself, and all of them lead to the last.
    let types = chain(0, 20_000, Shape::Newtype, Shape::Newtype(Type::U8));
    let mentions: Vec<_> = (0..20_000).map(Type::Named).collect();
    let writer = interface(Type::Tuple(mentions), types);
    let reader = interface(Type::Tuple(vec![Type::U8; 20_000]), Vec::new());
    let plan = plan_of_results(&writer, &reader).unwrap();
    assert!(steps(&plan, &[1; 20_000]) <= 20_001);
}
