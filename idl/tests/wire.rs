//! Schemas describe the bytes that serde writes: of every type with a schema, values are encoded, and the bytes
//! walked by the schema alone.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8, NonZeroU16,
    NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize, Saturating, Wrapping,
};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use traitwire_idl::{
    Argument, DecodeLimits, Definition, Field, Guard, Interface, Method, Missing, Schema, Shape, Type, Types,
    UnknownFields, Variant,
};

/// All values at once, so that an error in one shifts the others; then each cut short.
fn walks<T: Schema + Serialize + ?Sized>(values: &[&T]) {
    let mut types = Types::default();
    let root = T::describe(&mut types);
    let guard = Guard::always(&vec![root.clone(); values.len()], types.definitions());
    let encoded: Vec<Vec<u8>> = values.iter().map(|value| postcard::to_stdvec(value).unwrap()).collect();
    let name = std::any::type_name::<T>();
    let all = encoded.concat();
    assert_eq!(guard.check(&all, DecodeLimits::default()), Ok(all.len()), "{name}");
    let guard = Guard::always(std::slice::from_ref(&root), types.definitions());
    for bytes in encoded {
        assert_eq!(guard.check(&bytes, DecodeLimits::default()), Ok(bytes.len()), "{name}: {bytes:?}");
        for end in 0..bytes.len() {
            assert!(guard.check(&bytes[..end], DecodeLimits::default()).is_err(), "{name}: {bytes:?}");
        }
        #[cfg(feature = "json")]
        returns_from_json(&root, types.definitions(), &bytes);
    }
}

/// The bytes as JSON, that as text, and back.
#[cfg(feature = "json")]
fn returns_from_json(ty: &Type, types: &[Definition], bytes: &[u8]) {
    let codec = traitwire_idl::json::JsonCodec::new(types);
    let json = codec.decode(ty, bytes).unwrap();
    let text = serde_json::to_string(&json).unwrap();
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read, json, "{text}");
    assert_eq!(codec.encode(ty, &read).unwrap(), bytes, "{text}");
    for end in 0..bytes.len() {
        assert!(codec.decode(ty, &bytes[..end]).is_err(), "{text}");
    }
}

macro_rules! table {
    ($($ty:ty: $($value:expr),+;)+) => {
        $(walks::<$ty>(&[$(&$value),+]);)+
    };
}

#[test]
fn scalars() {
    table! {
        bool: true, false;
        u8: 0, 255;
        u16: 0, 127, 128, 255, u16::MAX;
        u32: 0, 128, u32::MAX;
        u64: 0, 128, u64::MAX;
        u128: 0, 128, u128::MAX;
        usize: 0, 128, usize::MAX;
        i8: 0, i8::MIN, i8::MAX;
        i16: 0, -1, 64, -65, i16::MIN, i16::MAX;
        i32: 0, -65, i32::MIN, i32::MAX;
        i64: 0, -65, i64::MIN, i64::MAX;
        i128: 0, -65, i128::MIN, i128::MAX;
        isize: 0, -65, isize::MIN, isize::MAX;
        f32: 0.0, f32::NAN, f32::MAX;
        f64: 0.0, f64::NAN, f64::MIN;
        char: 'a', 'ß', '€', '🦀', '\0';
        (): ();
        str: *"", *"text", *"ß€🦀";
        String: String::new(), "x".repeat(300);
        NonZeroU8: NonZeroU8::MAX;
        NonZeroU16: NonZeroU16::MAX;
        NonZeroU32: NonZeroU32::MAX;
        NonZeroU64: NonZeroU64::MAX;
        NonZeroU128: NonZeroU128::MAX;
        NonZeroUsize: NonZeroUsize::MAX;
        NonZeroI8: NonZeroI8::MIN;
        NonZeroI16: NonZeroI16::MIN;
        NonZeroI32: NonZeroI32::MIN;
        NonZeroI64: NonZeroI64::MIN;
        NonZeroI128: NonZeroI128::MIN;
        NonZeroIsize: NonZeroIsize::MIN;
        AtomicBool: AtomicBool::new(true);
        AtomicU8: AtomicU8::new(u8::MAX);
        AtomicU16: AtomicU16::new(u16::MAX);
        AtomicU32: AtomicU32::new(u32::MAX);
        AtomicU64: AtomicU64::new(u64::MAX);
        AtomicUsize: AtomicUsize::new(usize::MAX);
        AtomicI8: AtomicI8::new(i8::MIN);
        AtomicI16: AtomicI16::new(i16::MIN);
        AtomicI32: AtomicI32::new(i32::MIN);
        AtomicI64: AtomicI64::new(i64::MIN);
        AtomicIsize: AtomicIsize::new(isize::MIN);
    }
}

#[test]
fn wrappers() {
    table! {
        Box<u32>: Box::new(300);
        Box<str>: Box::from("text");
        Box<[u16]>: Box::from([1, 300]);
        Rc<u32>: Rc::new(300);
        Rc<str>: Rc::from("text");
        Arc<u32>: Arc::new(300);
        Arc<[u8]>: Arc::from([1, 2]);
        RefCell<String>: RefCell::new("text".into());
        Cell<u64>: Cell::new(300);
        Mutex<String>: Mutex::new("text".into());
        RwLock<Vec<u64>>: RwLock::new(vec![300]);
        Wrapping<u32>: Wrapping(300);
        Saturating<i64>: Saturating(-300);
        Reverse<u16>: Reverse(300);
        Cow<'static, str>: Cow::Borrowed("text"), Cow::Owned("other".into());
        Cow<'static, [u32]>: Cow::Borrowed(&[1, 300]);
        PhantomData<String>: PhantomData;
        PhantomData<str>: PhantomData;
        Option<u32>: None, Some(300);
        Option<()>: None, Some(());
        Option<Option<bool>>: None, Some(None), Some(Some(true));
        Result<u32, String>: Ok(300), Err("no".into());
        Result<(), ()>: Ok(()), Err(());
        Bound<u32>: Bound::Unbounded, Bound::Included(300), Bound::Excluded(1);
    }
}

#[test]
fn collections() {
    table! {
        [u8]: *[1, 2, 3].as_slice();
        Vec<u8>: vec![], vec![7; 300];
        Vec<u64>: vec![], vec![1, 300, u64::MAX];
        Vec<f64>: vec![1.0; 200];
        Vec<[u8; 16]>: vec![[7; 16]; 200];
        Vec<(i8, f32)>: vec![(1, 1.0); 200];
        Vec<()>: vec![], vec![(); 300];
        Vec<Vec<String>>: vec![vec![], vec!["a".into(), "b".into()]];
        VecDeque<u16>: VecDeque::from([1, 300]);
        LinkedList<u16>: LinkedList::from([1, 300]);
        BinaryHeap<u16>: BinaryHeap::from([1, 300]);
        BTreeSet<u16>: BTreeSet::from([1, 300]);
        HashSet<String>: HashSet::from(["a".into(), "b".into()]);
        BTreeMap<u16, String>: BTreeMap::new(), BTreeMap::from([(300, "a".into()), (1, "b".into())]);
        HashMap<String, Vec<u8>>: HashMap::from([("a".into(), vec![1, 2])]);
        HashMap<(), ()>: HashMap::from([((), ())]);
        [u32; 0]: [];
        [u32; 1]: [300];
        [u8; 32]: [255; 32];
        [String; 3]: ["a".into(), String::new(), "c".into()];
        [[u16; 2]; 2]: [[1, 300], [2, 4]];
        [(); 7]: [(); 7];
        (u16,): (300,);
        (u16, String): (300, "a".into());
        ((u8, u8), (), bool, char): ((1, 2), (), true, 'a');
        (u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64): (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0.1, 0.2);
        (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u16): (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 300);
        (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u16):
            (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 300);
    }
}

#[test]
fn other_types_of_the_standard_library() {
    let v4 = Ipv4Addr::new(127, 0, 0, 1);
    let v6 = Ipv6Addr::LOCALHOST;
    let (socket4, socket6) = (SocketAddrV4::new(v4, 8080), SocketAddrV6::new(v6, 443, 7, 9));
    table! {
        Duration: Duration::ZERO, Duration::MAX, Duration::from_millis(1500);
        SystemTime: SystemTime::UNIX_EPOCH, SystemTime::now();
        std::ops::Range<u32>: 1..300;
        std::ops::RangeInclusive<i64>: -300..=300;
        std::ops::RangeFrom<u32>: 300..;
        std::ops::RangeTo<u32>: ..300;
        Ipv4Addr: v4;
        Ipv6Addr: v6;
        IpAddr: IpAddr::V4(v4), IpAddr::V6(v6);
        SocketAddrV4: socket4;
        SocketAddrV6: socket6;
        SocketAddr: SocketAddr::V4(socket4), SocketAddr::V6(socket6);
        PathBuf: PathBuf::from("/a/b");
        Path: *Path::new("a");
        OsString: OsString::from("name");
        std::ffi::OsStr: *std::ffi::OsStr::new("name");
        CString: CString::new("text").unwrap();
        std::ffi::CStr: *c"text";
        serde_bytes::ByteBuf: serde_bytes::ByteBuf::from(vec![7; 300]);
        serde_bytes::Bytes: *serde_bytes::Bytes::new(&[1, 2, 3]);
    }
}

#[test]
fn the_model_itself() {
    let interface = Interface::builder("Mirror", "docs")
        .method("all", |m| m.docs("docs").argument::<Interface>("interface").output::<Method>().idempotent())
        .method("odd", |m| m.output::<HashMap<u8, [Option<HashSet<char>>; 3]>>().error::<Bound<()>>())
        .build();
    let every = vec![
        Type::Bool,
        Type::U8,
        Type::U16,
        Type::U32,
        Type::U64,
        Type::U128,
        Type::I8,
        Type::I16,
        Type::I32,
        Type::I64,
        Type::I128,
        Type::F32,
        Type::F64,
        Type::Char,
        Type::String,
        Type::Unit,
        Type::Option(Box::new(Type::U8)),
        Type::Sequence(Box::new(Type::U8)),
        Type::Set(Box::new(Type::U8)),
        Type::Map(Box::new(Type::U8), Box::new(Type::Bool)),
        Type::Array(Box::new(Type::U8), u64::MAX),
        Type::Tuple(vec![Type::U8, Type::Unit]),
        Type::Named(300),
    ];
    for ty in &every {
        walks::<Type>(&[ty]);
    }
    let field = Field::new("field", Type::U8).docs("docs").optional().alias("alias");
    let variant = Variant::new("Variant", Shape::Struct(vec![field.clone()])).other().alias("alias");
    table! {
        Interface: interface;
        Method: interface.methods[0], interface.methods[1];
        Argument: interface.methods[0].arguments[0];
        Definition: interface.types[0], interface.types[1];
        UnknownFields: UnknownFields::Ignored, UnknownFields::Refused;
        Missing: Missing::Refused, Missing::None, Missing::Default;
        Shape: Shape::Unit, Shape::Newtype(Type::U8), Shape::Tuple(every.clone()),
            Shape::Struct(vec![field.clone()]), Shape::Enum(vec![variant.clone()]);
        Field: field;
        Variant: variant;
        Type: Type::Tuple(every.clone());
    }
}

/// The bytes also decode to what they were: both halves of a crate's serde support agree.
#[allow(dead_code, reason = "each use is behind a feature")]
fn returns<T>(value: &T)
where
    T: Schema + Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    walks::<T>(&[value]);
    assert_eq!(&postcard::from_bytes::<T>(&postcard::to_stdvec(value).unwrap()).unwrap(), value);
}

#[cfg(feature = "uuid")]
#[test]
fn uuids() {
    returns(&uuid::Uuid::nil());
    returns(&uuid::Uuid::from_u128(u128::MAX / 3));
    returns(&uuid::NonNilUuid::new(uuid::Uuid::max()).unwrap());
    returns(&vec![uuid::Uuid::max(); 3]);
}

#[cfg(feature = "chrono")]
#[test]
fn dates_and_times() {
    use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
    let utc: DateTime<Utc> = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    let naive = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().and_hms_opt(23, 59, 58).unwrap();
    returns(&utc);
    returns(&utc.with_timezone(&FixedOffset::east_opt(5400).unwrap()));
    returns(&naive);
    returns(&naive.date());
    returns(&naive.time());
    returns(&TimeDelta::milliseconds(-1500));
    returns(&chrono::Weekday::Mon);
    returns(&chrono::Month::May);
    // Two in a row: neither takes a byte of the other.
    returns(&(utc, naive));
}

#[cfg(feature = "bytes")]
#[test]
fn shared_bytes() {
    returns(&bytes::Bytes::from_static(&[1, 2, 3]));
    returns(&bytes::BytesMut::from(&[7; 300][..]));
}

#[cfg(feature = "url")]
#[test]
fn urls() {
    returns(&url::Url::parse("https://example.org/a?b=c#d").unwrap());
}
