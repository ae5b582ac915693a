//! Schemas of other crates' types, each behind the feature of its name. Never of types whose bytes their crate
//! leaves open.

/// In formats that people do not read, an id is its sixteen bytes as a block with a length.
#[cfg(feature = "uuid")]
mod uuid {
    use crate::model::Type;
    use crate::schema::{Schema, Types};

    impl Schema for uuid::Uuid {
        fn describe(_: &mut Types) -> Type {
            Type::Sequence(Box::new(Type::U8))
        }
    }

    impl Schema for uuid::NonNilUuid {
        fn describe(_: &mut Types) -> Type {
            Type::Sequence(Box::new(Type::U8))
        }
    }
}

/// Dates and times are text in every format; spans are not.
#[cfg(feature = "chrono")]
mod chrono {
    use crate::model::Type;
    use crate::schema::{Schema, Types};

    // `Local` among the zones, without its feature.
    impl<Zone: chrono::TimeZone + 'static> Schema for chrono::DateTime<Zone> {
        fn describe(_: &mut Types) -> Type {
            Type::String
        }
    }

    // Seconds and nanoseconds; no date, so no text.
    impl Schema for chrono::TimeDelta {
        fn describe(types: &mut Types) -> Type {
            <(i64, i32)>::describe(types)
        }
    }

    macro_rules! texts {
        ($($ty:ident)+) => {
            $(impl Schema for chrono::$ty {
                fn describe(_: &mut Types) -> Type {
                    Type::String
                }
            })+
        };
    }

    texts! { NaiveDate NaiveTime NaiveDateTime Weekday Month }
}

#[cfg(feature = "bytes")]
mod bytes {
    use crate::model::Type;
    use crate::schema::{Schema, Types};

    impl Schema for bytes::Bytes {
        fn describe(_: &mut Types) -> Type {
            Type::Sequence(Box::new(Type::U8))
        }
    }

    impl Schema for bytes::BytesMut {
        fn describe(_: &mut Types) -> Type {
            Type::Sequence(Box::new(Type::U8))
        }
    }
}

#[cfg(feature = "url")]
mod url {
    use crate::model::Type;
    use crate::schema::{Schema, Types};

    impl Schema for url::Url {
        fn describe(_: &mut Types) -> Type {
            Type::String
        }
    }
}
