//! Values as JSON, by a schema of this program or of a peer that means harm.

use std::sync::OnceLock;

use traitwire::idl::json::{JsonCodec, JsonLimits, Value};
use traitwire::idl::{Interface, Schema, Types};

use super::bodies::{Pair, Tree};

/// Types of every kind, as arguments of one method.
fn own() -> &'static Interface {
    static OWN: OnceLock<Interface> = OnceLock::new();
    OWN.get_or_init(|| {
        Interface::builder("Own", "")
            .method("all", |m| {
                m.argument::<(u8, i8, u16, i64, u128, i128)>("integers")
                    .argument::<(f32, f64, bool, char, String)>("scalars")
                    .argument::<(Vec<u8>, [u8; 3], Vec<()>, [(); 4])>("blocks")
                    .argument::<std::collections::BTreeMap<i32, Pair<Option<Option<u8>>, Tree>>>("map")
                    .argument::<std::collections::BTreeMap<(bool, Option<()>), String>>("pairs")
                    .output::<Tree>()
            })
            .build()
    })
}

fn limits() -> JsonLimits {
    let mut limits = JsonLimits::default();
    limits.max_size = 1 << 20;
    limits
}

/// The first byte says what the rest is: bytes, or JSON, of this program's types; or a length of two bytes, a
/// peer's schema of that length, and a value's bytes.
pub fn json(data: &[u8]) {
    match data.split_first() {
        Some((0, bytes)) => from_bytes(bytes),
        Some((1, text)) => from_text(text),
        Some((_, [low, high, rest @ ..])) => {
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            if let Some((schema, bytes)) = rest.split_at_checked(length) {
                from_peer(schema, bytes);
            }
        }
        _ => {}
    }
}

/// What is a value has one JSON, and that one shortest form.
fn from_bytes(bytes: &[u8]) {
    let (codec, method) = (JsonCodec::new(&own().types).with_limits(limits()), &own().methods[0]);
    if let Ok(json) = codec.decode_arguments(method, bytes) {
        let again = codec.encode_arguments(method, &json).expect("it was a value");
        assert!(again.len() <= bytes.len());
        let read: Value = serde_json::from_str(&json.to_string()).expect("it is JSON");
        assert_eq!(read, json);
        assert_eq!(codec.decode_arguments(method, &again).expect("it is a value"), json);
    }
}

/// What is taken means a value, whose own JSON means the same one.
fn from_text(text: &[u8]) {
    let (codec, method) = (JsonCodec::new(&own().types).with_limits(limits()), &own().methods[0]);
    let Ok(json) = serde_json::from_slice::<Value>(text) else { return };
    if let Ok(bytes) = codec.encode_arguments(method, &json) {
        let own = codec.decode_arguments(method, &bytes).expect("it is a value");
        assert_eq!(codec.encode_arguments(method, &own).expect("it is its own JSON"), bytes);
    }
}

/// It ends, and does no harm.
fn from_peer(schema: &[u8], bytes: &[u8]) {
    if Interface::check_encoded(schema, 128).is_err() {
        return;
    }
    // A schema is a value of types with a schema: the codec itself reads it.
    let mut types = Types::default();
    let ty = Interface::describe(&mut types);
    let Ok(read) = JsonCodec::new(types.definitions()).decode(&ty, schema) else { return };
    let Ok(interface) = serde_json::from_value::<Interface>(read) else { return };
    let codec = JsonCodec::new(&interface.types).with_limits(limits());
    for method in &interface.methods {
        if let Ok(json) = codec.decode(&method.output, bytes) {
            let _ = codec.encode(&method.output, &json);
        }
        let _ = codec.decode_arguments(method, bytes);
        for json in [Value::Null, Value::Array(vec![]), Value::Object(Default::default())] {
            let _ = codec.encode_arguments(method, &json);
            let _ = codec.encode(&method.output, &json);
        }
        let _ = interface.only(&method.name);
    }
}
