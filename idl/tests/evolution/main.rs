//! One version reads what another wrote: exactly what serde's rules say, or a refusal that was foretold, for schemas
//! and values of every kind.

mod hostile;
mod model;
mod refusals;
mod rules;
mod schemas;

use proptest::prelude::*;
use traitwire_idl::{
    DecodeLimits, Definition, GuardErrorKind, Interface, Method, Plan, TranscodeError, Transcoded, Type,
    resolve_arguments, resolve_results,
};

use model::{Value, decode, encode};
use rules::{Outcome, is_readable, read};
use schemas::{Tape, changed, interface, schema, value};

const ROUNDS: u32 = 4_000;

fn plan_of_results(writer: &Interface, reader: &Interface) -> Result<Plan, String> {
    let resolved = resolve_results(reader, writer).expect("small enough");
    let [Some(method)] = &resolved[..] else { panic!("one method") };
    method.clone().map(|method| method.output).map_err(|conflict| conflict.to_string())
}

fn transcode(plan: &Plan, bytes: &[u8]) -> Result<Transcoded, TranscodeError> {
    let mut into = Transcoded::default();
    let taken = plan.transcode(bytes, DecodeLimits::default(), &mut into)?;
    assert_eq!(taken, bytes.len(), "all of it is one value");
    Ok(into)
}

/// Two versions, the second one made of the first by random changes.
fn two_versions(tape: &mut Tape) -> (Interface, Interface) {
    let (ty, types) = schema(tape);
    let (read, read_types) = changed(tape, &ty, &types);
    (interface(ty, types), interface(read, read_types))
}

fn output(interface: &Interface) -> (&Type, &[Definition]) {
    (&interface.methods[0].output, &interface.types)
}

/// Evolution of one pair of schemas, for a few values.
fn check_pair(tape: &mut Tape) -> Result<(), TestCaseError> {
    let (writer, reader) = two_versions(tape);
    let (written, read_as) = (output(&writer), output(&reader));
    let plan = plan_of_results(&writer, &reader);
    prop_assert_eq!(
        plan.is_ok(),
        is_readable(written, read_as),
        "{:?}\n{}\n{}",
        plan.as_ref().err(),
        writer.print(),
        reader.print()
    );
    let Ok(plan) = plan else { return Ok(()) };
    for _ in 0..4 {
        let sent = value(tape, written.0, written.1, 0);
        let mut bytes = Vec::new();
        encode(&sent, written.0, written.1, &mut bytes);
        let got = transcode(&plan, &bytes);
        match (read(&sent, written, read_as), got) {
            (Outcome::Value(expected), Ok(got)) => {
                let got = decode(&got, read_as.0, read_as.1);
                prop_assert_eq!(got, expected, "{:?}\n{}\n{}", sent, writer.print(), reader.print());
            }
            (Outcome::UnknownVariant(expected), Err(TranscodeError::UnknownVariant(name))) => {
                prop_assert!(name.ends_with(&expected), "{} for {}", name, expected);
            }
            (expected, got) => prop_assert!(
                false,
                "{:?} but {:?}, {:?}\n{}\n{}",
                expected,
                got,
                sent,
                writer.print(),
                reader.print()
            ),
        }
        // What is cut short, or is not what its version says, is an error and nothing worse.
        if !bytes.is_empty() {
            let at = tape.below(bytes.len() as u32) as usize;
            let _ = transcode_any(&plan, &bytes[..at]);
            bytes[at] ^= 1 << tape.below(8);
            let _ = transcode_any(&plan, &bytes);
        }
    }
    Ok(())
}

fn transcode_any(plan: &Plan, bytes: &[u8]) -> Result<usize, TranscodeError> {
    plan.transcode(bytes, DecodeLimits::default(), &mut Transcoded::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ROUNDS, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_the_rules_say(choices in prop::collection::vec(any::<u32>(), 0..400)) {
        check_pair(&mut Tape::new(choices))?;
    }

    #[test]
    fn arguments_are_matched_by_position(choices in prop::collection::vec(any::<u32>(), 0..400)) {
        let mut tape = Tape::new(choices);
        let (caller, callee) = schemas::methods(&mut tape);
        let resolved = resolve_arguments(&caller, &callee).expect("small enough");
        let [Some(resolved)] = &resolved[..] else { panic!("one method") };
        let readable = rules::are_arguments_readable(&caller, &callee);
        prop_assert_eq!(resolved.is_ok(), readable, "{:?}\n{}\n{}", resolved, caller.print(), callee.print());
        let Ok(resolved) = resolved else { return Ok(()) };
        let (mut sent, mut bytes) = (Vec::new(), Vec::new());
        for argument in &caller.methods[0].arguments {
            let one = value(&mut tape, &argument.ty, &caller.types, 0);
            encode(&one, &argument.ty, &caller.types, &mut bytes);
            sent.push(one);
        }
        let got = transcode(&resolved.values, &bytes);
        let types = (caller.types.as_slice(), callee.types.as_slice());
        match (rules::read_arguments(&sent, &caller.methods[0], &callee.methods[0], types), got) {
            (Outcome::Value(Value::Tuple(expected)), Ok(got)) => {
                let callee_types: Vec<&Type> = callee.methods[0].arguments.iter().map(|it| &it.ty).collect();
                prop_assert_eq!(model::decode_arguments(&got, &callee_types, &callee.types), expected);
            }
            (Outcome::UnknownVariant(_), Err(TranscodeError::UnknownVariant(_))) => {}
            (expected, got) => prop_assert!(false, "{expected:?} but {got:?}"),
        }
    }

    #[test]
    fn any_bytes_for_any_versions_are_values_or_errors(
        choices in prop::collection::vec(any::<u32>(), 0..200),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (writer, reader) = two_versions(&mut Tape::new(choices));
        if let Ok(plan) = plan_of_results(&writer, &reader) {
            let _ = transcode_any(&plan, &bytes);
        }
    }
}

/// The same but for one change: the model's structures may have more fields one day.
fn with<T>(mut made: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut made);
    made
}

/// A method that gives this.
fn method(output: Type) -> Method {
    Method::new("m", Vec::new(), output)
}

fn limit(plan: &Plan, bytes: &[u8]) -> Option<GuardErrorKind> {
    match transcode_any(plan, bytes) {
        Ok(_) => None,
        Err(TranscodeError::Bytes(error)) => Some(error.kind),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_limits_of_plain_decoding_hold() {
    use traitwire_idl::{Field, Shape};
    let list = |extra: bool| {
        let mut fields = vec![Field::new("next", Type::Option(Box::new(Type::Named(0))))];
        if extra {
            fields.push(Field::new("note", Type::Option(Box::new(Type::U8))).optional());
        }
        interface(Type::Named(0), vec![Definition::new("List", Shape::Struct(fields))])
    };
    let plan = plan_of_results(&list(false), &list(true)).unwrap();
    let chain = |length: usize| [vec![1; length - 1], vec![0]].concat();
    assert_eq!(limit(&plan, &chain(128)), None);
    assert_eq!(limit(&plan, &chain(129)), Some(GuardErrorKind::TooDeep { limit: 128 }));
    assert_eq!(limit(&plan, &chain(100_000)), Some(GuardErrorKind::TooDeep { limit: 128 }));

    // What the reader passes over is held to them too.
    let holds = |ty: &Type| {
        let outer = Shape::Struct(vec![Field::new("kept", Type::U8), Field::new("left", ty.clone())]);
        let list = Shape::Struct(vec![Field::new("next", Type::Option(Box::new(Type::Named(1))))]);
        interface(Type::Named(0), vec![Definition::new("Outer", outer), Definition::new("List", list)])
    };
    let less = interface(
        Type::Named(0),
        vec![Definition::new("Outer", Shape::Struct(vec![Field::new("kept", Type::U8)]))],
    );
    let plan = plan_of_results(&holds(&Type::Named(1)), &less).unwrap();
    assert_eq!(limit(&plan, &[vec![7], chain(128)].concat()), None);
    assert_eq!(limit(&plan, &[vec![7], chain(129)].concat()), Some(GuardErrorKind::TooDeep { limit: 128 }));
    let units = Type::Sequence(Box::new(Type::Array(Box::new(Type::Unit), u64::MAX)));
    let plan = plan_of_results(&holds(&units), &less).unwrap();
    assert_eq!(limit(&plan, &[7, 0x80, 0x80, 4]), None, "65,536 of them");
    let too_many = Some(GuardErrorKind::TooManyEmptyElements { limit: 65_536 });
    assert_eq!(limit(&plan, &[7, 0x81, 0x80, 4]), too_many);
    let billions = [7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(limit(&plan, &billions), too_many);
}

#[test]
fn values_without_end_and_schemas_without_sense_end() {
    use traitwire_idl::{Field, Shape};
    // A peer's types that hold themselves, are missing, or go round in newtypes.
    let less = interface(
        Type::Named(0),
        vec![Definition::new("Outer", Shape::Struct(vec![Field::new("kept", Type::U8)]))],
    );
    for (shape, bytes) in [
        (Shape::Struct(vec![Field::new("self", Type::Named(1))]), &[7_u8, 1, 1, 1][..]),
        (Shape::Newtype(Type::Named(1)), &[7, 1]),
        (Shape::Tuple(vec![Type::Named(99)]), &[7, 1]),
        (Shape::Newtype(Type::Named(usize::MAX)), &[7, 1]),
        (Shape::Enum(Vec::new()), &[7, 0]),
        (Shape::Enum(vec![traitwire_idl::Variant::new("E", Shape::Enum(Vec::new()))]), &[7, 0]),
    ] {
        let outer = Shape::Struct(vec![Field::new("kept", Type::U8), Field::new("left", Type::Named(1))]);
        let writer =
            interface(Type::Named(0), vec![Definition::new("Outer", outer), Definition::new("Odd", shape)]);
        let plan = plan_of_results(&writer, &less).unwrap();
        let unlimited = DecodeLimits::default().with_max_depth(u32::MAX).with_max_empty_elements(u32::MAX);
        let result = plan.transcode(bytes, unlimited, &mut Transcoded::default());
        assert!(matches!(result, Err(TranscodeError::Bytes(_))), "{result:?}");
    }
    let large = |count: usize| {
        let types = (0..count).map(|index| {
            let fields =
                (0..10).map(|step| Field::new(format!("f{step}"), Type::Named((index + step + 1) % count)));
            Definition::new("D", Shape::Struct(fields.collect()))
        });
        interface(Type::Named(0), types.collect())
    };
    let start = std::time::Instant::now();
    assert!(resolve_results(&large(97), &large(101)).is_err(), "all pairs of them");
    assert!(resolve_results(&large(300), &large(300)).is_ok());
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
}

/// Items of a stream lie one after another in a batch, and each is a value of its own.
#[test]
fn a_value_does_not_take_room_for_all_that_follows_it() {
    use traitwire_idl::{Field, Shape};
    let item = |ty| {
        let fields = vec![Field::new("number", ty)];
        interface(Type::Named(0), vec![Definition::new("Item", Shape::Struct(fields))])
    };
    let plan = plan_of_results(&item(Type::U16), &item(Type::U32)).unwrap();
    let batch = vec![7; 1 << 20];
    let mut into = Transcoded::default();
    assert_eq!(plan.transcode(&batch, DecodeLimits::default(), &mut into), Ok(1));
    assert!(into.bytes.capacity() <= 1024, "{} bytes", into.bytes.capacity());
}

/// Each newtype is the next, and each field of a structure that is passed over begins further in.
#[test]
fn a_chain_of_newtypes_is_followed_once() {
    use traitwire_idl::{Field, Shape};
    let (links, fields) = (20_000, 20_000);
    let mut types = vec![Definition::new("Outer", Shape::Unit)];
    types.extend((2..=links).map(|next| Definition::new("N", Shape::Newtype(Type::Named(next)))));
    types.push(Definition::new("N", Shape::Newtype(Type::U8)));
    let field = |index: usize| Field::new(format!("f{index}"), Type::Named(index));
    types[0].shape = Shape::Struct((1..=fields).map(field).collect());
    let less = interface(Type::Named(0), vec![Definition::new("Outer", Shape::Struct(Vec::new()))]);
    let plan = plan_of_results(&interface(Type::Named(0), types), &less).unwrap();
    assert_eq!(limit(&plan, &vec![0; fields]), None);
    assert_eq!(limit(&plan, &vec![0; fields - 1]), Some(GuardErrorKind::Truncated));
}
