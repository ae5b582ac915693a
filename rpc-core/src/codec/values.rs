//! What a type's `Deserialize` reads from: postcard's format, and in bodies of another version the gaps, in which a
//! type's own default stands. Never knows how the versions differ.
//!
//! postcard's own deserializer cannot leave out a field of a structure; this one can, and serde's derived code then
//! takes its default. The bytes end at each gap, so only where nothing is left to read is there anything to ask for:
//! bodies without gaps cost no more than with postcard itself, whose errors these are.

use postcard::{Error, Result};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use super::rest::Rest;

/// What is left of a body, for `Deserialize`.
pub(super) struct Values<'de> {
    pub(super) rest: Rest<'de>,
}

/// Reads a number of seven bits a byte, the lowest first (P-60).
macro_rules! varints {
    ($($name:ident $ty:ty)+) => {
        $(#[inline]
        fn $name(&mut self) -> Result<$ty> {
            const LAST: u32 = <$ty>::BITS / 7 * 7;
            let first = self.rest.byte()?;
            if first < 0x80 {
                return Ok(first.into());
            }
            let (mut value, mut shift) = (<$ty>::from(first & 0x7f), 7);
            loop {
                let byte = self.rest.byte()?;
                value |= <$ty>::from(byte & 0x7f) << shift;
                if shift == LAST && byte >= 1 << (<$ty>::BITS - LAST) {
                    return Err(Error::DeserializeBadVarint);
                }
                if byte < 0x80 {
                    return Ok(value);
                }
                shift += 7;
            }
        })+
    };
}

impl<'de> Values<'de> {
    varints! { varint_u16 u16 varint_u32 u32 varint_u64 u64 varint_u128 u128 }

    #[inline]
    fn length(&mut self) -> Result<usize> {
        usize::try_from(self.varint_u64()?).map_err(|_| Error::DeserializeBadVarint)
    }

    #[inline]
    fn block(&mut self) -> Result<&'de [u8]> {
        let length = self.length()?;
        self.rest.take(length)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str> {
        std::str::from_utf8(self.block()?).map_err(|_| Error::DeserializeBadUtf8)
    }
}

/// Numbers as they are, by zigzag, and as bytes.
macro_rules! numbers {
    ($($method:ident $visit:ident $read:ident)+) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(self.$read()?)
        })+
    };
    (zigzag $($method:ident $visit:ident $read:ident)+) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let value = self.$read()?;
            visitor.$visit((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
        })+
    };
    (float $($method:ident $visit:ident $ty:ty)+) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(<$ty>::from_le_bytes(self.rest.array()?))
        })+
    };
}

impl<'de> Deserializer<'de> for &mut Values<'de> {
    type Error = Error;

    numbers! {
        deserialize_u16 visit_u16 varint_u16
        deserialize_u32 visit_u32 varint_u32
        deserialize_u64 visit_u64 varint_u64
        deserialize_u128 visit_u128 varint_u128
    }
    numbers! {
        zigzag
        deserialize_i16 visit_i16 varint_u16
        deserialize_i32 visit_i32 varint_u32
        deserialize_i64 visit_i64 varint_u64
        deserialize_i128 visit_i128 varint_u128
    }
    numbers! {
        float
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u8(self.rest.byte()?)
    }

    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_i8(self.rest.byte()?.cast_signed())
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.rest.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(Error::DeserializeBadBool),
        }
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let mut characters =
            std::str::from_utf8(self.block()?).map_err(|_| Error::DeserializeBadChar)?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => visitor.visit_char(character),
            _ => Err(Error::DeserializeBadChar),
        }
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.text()?)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_bytes(self.block()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_bytes(self.block()?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.rest.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(Error::DeserializeBadOption),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.length()?;
        visitor.visit_seq(Elements { values: self, left })
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Elements { values: self, left })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_seq(Elements { values: self, left })
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.length()?;
        visitor.visit_map(Elements { values: self, left })
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_seq(Fields { values: self, names, left: names.len() })
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Error::WontImplement)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Error::WontImplement)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Error::WontImplement)
    }
}

impl<'de> de::EnumAccess<'de> for &mut Values<'de> {
    type Error = Error;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let number = self.varint_u32()?;
        Ok((seed.deserialize(number.into_deserializer())?, self))
    }
}

impl<'de> de::VariantAccess<'de> for &mut Values<'de> {
    type Error = Error;

    #[inline]
    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<V::Value> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Elements { values: self, left })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(self, names: &'static [&'static str], visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Fields { values: self, names, left: names.len() })
    }
}

/// Elements of a sequence or a tuple, or entries of a map: they are all there.
struct Elements<'a, 'de> {
    values: &'a mut Values<'de>,
    left: usize,
}

impl Elements<'_, '_> {
    /// How many there are. No length is believed that the bytes cannot hold.
    #[inline]
    fn believable(&self) -> Option<usize> {
        (self.values.rest.len() >= self.left).then_some(self.left)
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<Option<V::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.values).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.believable()
    }
}

impl<'de> de::MapAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.values).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        seed.deserialize(&mut *self.values)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.believable()
    }
}

/// Fields of a structure, each of which may be missing.
struct Fields<'a, 'de> {
    values: &'a mut Values<'de>,
    /// Their names, aliases among them.
    names: &'static [&'static str],
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<Option<V::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.values.rest.is_at_end() && self.values.rest.lacks_field(self.names) {
            return Ok(None);
        }
        seed.deserialize(&mut *self.values).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use serde::Deserialize;
    use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

    use super::super::{Decoder, Encoder};

    /// The length that a sequence, or a map, is said to have.
    #[derive(Debug, PartialEq)]
    struct Hint<const MAP: bool>(Option<usize>);

    impl<'de, const MAP: bool> Visitor<'de> for Hint<MAP> {
        type Value = Self;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self, A::Error> {
            Ok(Self(elements.size_hint()))
        }

        fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self, A::Error> {
            Ok(Self(entries.size_hint()))
        }
    }

    impl<'de, const MAP: bool> Deserialize<'de> for Hint<MAP> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if MAP {
                deserializer.deserialize_map(Self(None))
            } else {
                deserializer.deserialize_seq(Self(None))
            }
        }
    }

    #[test]
    fn no_length_is_believed_that_the_bytes_cannot_hold() {
        let endless = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f].as_slice();
        for (bytes, expected) in [
            (endless, None),
            (&[3, 0, 0], None),
            (&[2, 0, 0], Some(2)),
            (&[0], Some(0)),
            (&[2, 0, 0, 0], Some(2)),
        ] {
            let mut encoder = Encoder::new();
            encoder.append_encoded(bytes);
            let body = encoder.finish().expect("bytes");
            assert_eq!(Decoder::new(&body).value::<Hint<false>>(), Ok(Hint(expected)), "{bytes:?}");
            assert_eq!(Decoder::new(&body).value::<Hint<true>>(), Ok(Hint(expected)), "{bytes:?}");
        }
    }
}
