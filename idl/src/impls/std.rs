//! Schemas of the standard library's types, as serde writes them. Never of types that serde leaves out, but for
//! `Infallible`, which has no value, and long arrays, which helper crates write the same way.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8, NonZeroU16,
    NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize, Saturating, Wrapping,
};
use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use crate::model::{Field, Shape, Type, Variant};
use crate::schema::{Schema, Types};

macro_rules! scalars {
    ($($ty:ty => $scalar:ident,)+) => {
        $(impl Schema for $ty {
            fn describe(_: &mut Types) -> Type {
                Type::$scalar
            }
        })+
    };
}

// `usize` and `isize` travel as 64 bits, whatever the machine; `()` and `PhantomData` take no bytes.
scalars! {
    bool => Bool, char => Char, String => String, str => String, PathBuf => String, Path => String, () => Unit,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64, u128 => U128, usize => U64,
    i8 => I8, i16 => I16, i32 => I32, i64 => I64, i128 => I128, isize => I64,
    f32 => F32, f64 => F64,
    NonZeroU8 => U8, NonZeroU16 => U16, NonZeroU32 => U32, NonZeroU64 => U64, NonZeroU128 => U128,
    NonZeroUsize => U64,
    NonZeroI8 => I8, NonZeroI16 => I16, NonZeroI32 => I32, NonZeroI64 => I64, NonZeroI128 => I128,
    NonZeroIsize => I64,
    AtomicBool => Bool,
    AtomicU8 => U8, AtomicU16 => U16, AtomicU32 => U32, AtomicU64 => U64, AtomicUsize => U64,
    AtomicI8 => I8, AtomicI16 => I16, AtomicI32 => I32, AtomicI64 => I64, AtomicIsize => I64,
}

macro_rules! wrappers {
    ($($ty:ident)+) => {
        $(impl<T: Schema + ?Sized> Schema for $ty<T> {
            fn describe(types: &mut Types) -> Type {
                T::describe(types)
            }
        })+
    };
}

wrappers! { Box Rc Arc RefCell Mutex RwLock }

macro_rules! sized_wrappers {
    ($($ty:ident)+) => {
        $(impl<T: Schema> Schema for $ty<T> {
            fn describe(types: &mut Types) -> Type {
                T::describe(types)
            }
        })+
    };
}

sized_wrappers! { Cell Wrapping Saturating Reverse }

impl<T: Schema + ToOwned + ?Sized> Schema for Cow<'static, T> {
    fn describe(types: &mut Types) -> Type {
        T::describe(types)
    }
}

impl<T: ?Sized + 'static> Schema for PhantomData<T> {
    fn describe(_: &mut Types) -> Type {
        Type::Unit
    }
}

impl<T: Schema> Schema for Option<T> {
    fn describe(types: &mut Types) -> Type {
        Type::Option(Box::new(T::describe(types)))
    }
}

macro_rules! sequences {
    ($($ty:ty)+) => {
        $(impl<T: Schema> Schema for $ty {
            fn describe(types: &mut Types) -> Type {
                Type::Sequence(Box::new(T::describe(types)))
            }
        })+
    };
}

sequences! { [T] Vec<T> VecDeque<T> LinkedList<T> BinaryHeap<T> }

impl<T: Schema> Schema for BTreeSet<T> {
    fn describe(types: &mut Types) -> Type {
        Type::Set(Box::new(T::describe(types)))
    }
}

impl<T: Schema, S: 'static> Schema for HashSet<T, S> {
    fn describe(types: &mut Types) -> Type {
        Type::Set(Box::new(T::describe(types)))
    }
}

impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    fn describe(types: &mut Types) -> Type {
        Type::Map(Box::new(K::describe(types)), Box::new(V::describe(types)))
    }
}

impl<K: Schema, V: Schema, S: 'static> Schema for HashMap<K, V, S> {
    fn describe(types: &mut Types) -> Type {
        Type::Map(Box::new(K::describe(types)), Box::new(V::describe(types)))
    }
}

// serde itself stops at 32 elements; helpers for longer arrays write the same bytes.
impl<T: Schema, const N: usize> Schema for [T; N] {
    fn describe(types: &mut Types) -> Type {
        Type::Array(Box::new(T::describe(types)), N as u64)
    }
}

macro_rules! tuples {
    ($(($($element:ident)+))+) => {
        $(impl<$($element: Schema),+> Schema for ($($element,)+) {
            fn describe(types: &mut Types) -> Type {
                Type::Tuple(vec![$($element::describe(types)),+])
            }
        })+
    };
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I)
    (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L) (A B C D E F G H I J K L M)
    (A B C D E F G H I J K L M N) (A B C D E F G H I J K L M N O) (A B C D E F G H I J K L M N O P)
}

impl<T: Schema, E: Schema> Schema for Result<T, E> {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Result",
            |types| vec![T::describe(types), E::describe(types)],
            "",
            |types| {
                Shape::Enum(vec![
                    Variant::new("Ok", Shape::Newtype(T::describe(types))),
                    Variant::new("Err", Shape::Newtype(E::describe(types))),
                ])
            },
        )
    }
}

impl Schema for Infallible {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>("Infallible", |_| Vec::new(), "", |_| Shape::Enum(Vec::new()))
    }
}

fn structure<T: Schema>(types: &mut Types, name: &str, fields: &[(&str, Type)]) -> Type {
    let fields = fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect();
    let defined = types.define::<T>(name, |_| Vec::new(), "", |_| Shape::Struct(fields));
    // serde's own readers of these do.
    types.refuse_unknown_fields::<T>();
    defined
}

impl Schema for Duration {
    fn describe(types: &mut Types) -> Type {
        structure::<Self>(types, "Duration", &[("secs", Type::U64), ("nanos", Type::U32)])
    }
}

impl Schema for SystemTime {
    fn describe(types: &mut Types) -> Type {
        let fields = [("secs_since_epoch", Type::U64), ("nanos_since_epoch", Type::U32)];
        structure::<Self>(types, "SystemTime", &fields)
    }
}

macro_rules! ranges {
    ($($ty:ident $name:literal $($field:literal)+,)+) => {
        $(impl<T: Schema> Schema for $ty<T> {
            fn describe(types: &mut Types) -> Type {
                let defined = types.define::<Self>($name, |types| vec![T::describe(types)], "", |types| {
                    Shape::Struct(vec![$(Field::new($field, T::describe(types))),+])
                });
                types.refuse_unknown_fields::<Self>();
                defined
            }
        })+
    };
}

ranges! {
    Range "Range" "start" "end",
    RangeInclusive "RangeInclusive" "start" "end",
    RangeFrom "RangeFrom" "start",
    RangeTo "RangeTo" "end",
}

impl<T: Schema> Schema for Bound<T> {
    fn describe(types: &mut Types) -> Type {
        types.define::<Self>(
            "Bound",
            |types| vec![T::describe(types)],
            "",
            |types| {
                Shape::Enum(vec![
                    Variant::new("Unbounded", Shape::Unit),
                    Variant::new("Included", Shape::Newtype(T::describe(types))),
                    Variant::new("Excluded", Shape::Newtype(T::describe(types))),
                ])
            },
        )
    }
}

macro_rules! blocks {
    ($($ty:ty)+) => {
        $(impl Schema for $ty {
            fn describe(_: &mut Types) -> Type {
                Type::Sequence(Box::new(Type::U8))
            }
        })+
    };
}

// A C string travels without its final zero.
blocks! { CStr CString serde_bytes::ByteBuf serde_bytes::Bytes }

fn os_string(types: &mut Types) -> Type {
    types.define::<OsString>(
        "OsString",
        |_| Vec::new(),
        "",
        |types| {
            Shape::Enum(vec![
                Variant::new("Unix", Shape::Newtype(Vec::<u8>::describe(types))),
                Variant::new("Windows", Shape::Newtype(Vec::<u16>::describe(types))),
            ])
        },
    )
}

impl Schema for OsString {
    fn describe(types: &mut Types) -> Type {
        os_string(types)
    }
}

impl Schema for OsStr {
    fn describe(types: &mut Types) -> Type {
        os_string(types)
    }
}

fn bytes(length: u64) -> Type {
    Type::Array(Box::new(Type::U8), length)
}

impl Schema for Ipv4Addr {
    fn describe(_: &mut Types) -> Type {
        bytes(4)
    }
}

impl Schema for Ipv6Addr {
    fn describe(_: &mut Types) -> Type {
        bytes(16)
    }
}

impl Schema for SocketAddrV4 {
    fn describe(_: &mut Types) -> Type {
        Type::Tuple(vec![bytes(4), Type::U16])
    }
}

impl Schema for SocketAddrV6 {
    fn describe(_: &mut Types) -> Type {
        Type::Tuple(vec![bytes(16), Type::U16])
    }
}

fn v4_or_v6<T: Schema, V4: Schema, V6: Schema>(types: &mut Types, name: &str) -> Type {
    types.define::<T>(
        name,
        |_| Vec::new(),
        "",
        |types| {
            Shape::Enum(vec![
                Variant::new("V4", Shape::Newtype(V4::describe(types))),
                Variant::new("V6", Shape::Newtype(V6::describe(types))),
            ])
        },
    )
}

impl Schema for IpAddr {
    fn describe(types: &mut Types) -> Type {
        v4_or_v6::<Self, Ipv4Addr, Ipv6Addr>(types, "IpAddr")
    }
}

impl Schema for SocketAddr {
    fn describe(types: &mut Types) -> Type {
        v4_or_v6::<Self, SocketAddrV4, SocketAddrV6>(types, "SocketAddr")
    }
}
