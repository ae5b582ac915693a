//! One rule for numbers on the wire (P-60), and all who read them: they agree on every edge of it.
#![cfg(feature = "json")]

use serde::Deserialize;
use traitwire::idl::json::JsonCodec;
use traitwire::idl::{DecodeLimits, Field, Guard, Interface, Shape, Transcoded, Type, resolve_results};
use traitwire_core::codec::{Decoder, Encoder};

/// A number of so many bits, and how many bytes and which last byte its longest form has at most.
const TYPES: [(Type, u32, usize, u8); 4] =
    [(Type::U16, 16, 3, 3), (Type::U32, 32, 5, 15), (Type::U64, 64, 10, 1), (Type::U128, 128, 19, 3)];

fn interface(ty: Type, types: Vec<traitwire::idl::Definition>) -> Interface {
    let mut interface = Interface::builder("S", "").method("m", |m| m).build();
    interface.methods[0].output = ty;
    interface.types = types;
    interface
}

fn decoded<T: for<'de> Deserialize<'de> + ToString>(bytes: &[u8]) -> Option<String> {
    let mut encoder = Encoder::new();
    for byte in bytes {
        encoder.value(byte);
    }
    let body = encoder.finish().expect("bytes");
    let mut decoder = Decoder::new(&body);
    let value = decoder.value::<T>().ok()?;
    decoder.finish().is_ok().then(|| value.to_string())
}

/// What the core reads.
fn core(ty: &Type, bytes: &[u8]) -> Option<String> {
    match ty {
        Type::U16 => decoded::<u16>(bytes),
        Type::U32 => decoded::<u32>(bytes),
        Type::U64 => decoded::<u64>(bytes),
        _ => decoded::<u128>(bytes),
    }
}

fn json(ty: &Type, bytes: &[u8]) -> Option<String> {
    let value = JsonCodec::new(&[]).decode(ty, bytes).ok()?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn guard(ty: &Type, bytes: &[u8]) -> bool {
    Guard::always(std::slice::from_ref(ty), &[]).check(bytes, DecodeLimits::default()) == Ok(bytes.len())
}

fn transcodes(writer: &Interface, reader: &Interface, bytes: &[u8]) -> Option<Vec<u8>> {
    let resolved = resolve_results(reader, writer).expect("small enough");
    let Some(Some(Ok(results))) = resolved.first() else { panic!("{resolved:?}") };
    let mut into = Transcoded::default();
    let taken = results.output.transcode(bytes, DecodeLimits::default(), &mut into).ok()?;
    (taken == bytes.len()).then_some(into.bytes)
}

#[test]
fn all_readers_of_numbers_agree() {
    for (ty, bits, longest, last) in TYPES {
        let max = u128::MAX >> (128 - bits);
        let full = |last: u8| [vec![0xff; longest - 1], vec![last]].concat();
        let padded = |zeros: usize| [vec![0x81], vec![0x80; zeros], vec![0]].concat();
        let table: Vec<(Vec<u8>, Option<u128>)> = vec![
            (vec![0], Some(0)),
            (vec![0x7f], Some(127)),
            (vec![0x80, 1], Some(128)),
            (full(last), Some(max)),
            (full(last + 1), None),
            (full(0x7f), None),
            (full(0x80), None),
            (full(0xff), None),
            ([full(0x80 | last), vec![0]].concat(), None),
            (full(0), Some(u128::MAX >> (128 - 7 * (longest as u32 - 1)))),
            // Longer than it need be, up to the longest.
            (padded(0), Some(1)),
            (padded(longest - 2), Some(1)),
            (padded(longest - 1), None),
            // Cut short.
            (Vec::new(), None),
            (vec![0x80], None),
            (vec![0xff; longest - 1], None),
            // More than one.
            (vec![1, 1], None),
        ];
        for (bytes, expected) in table {
            let expected = expected.map(|value| value.to_string());
            assert_eq!(core(&ty, &bytes), expected, "the core: {ty:?} {bytes:?}");
            assert_eq!(json(&ty, &bytes), expected, "JSON: {ty:?} {bytes:?}");
            assert_eq!(guard(&ty, &bytes), expected.is_some(), "the guard: {ty:?} {bytes:?}");
            let same = interface(ty.clone(), Vec::new());
            let kept = transcodes(&same, &same, &bytes);
            assert_eq!(kept, expected.is_some().then(|| bytes.clone()), "kept: {ty:?} {bytes:?}");
            let of = |fields| {
                interface(Type::Named(0), vec![traitwire::idl::Definition::new("D", Shape::Struct(fields))])
            };
            let more = of(vec![Field::new("left", ty.clone())]);
            let passed_over = transcodes(&more, &of(Vec::new()), &bytes);
            assert_eq!(passed_over.is_some(), expected.is_some(), "passed over: {ty:?} {bytes:?}");
        }
    }
}
