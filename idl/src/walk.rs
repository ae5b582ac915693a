//! Walks over the model: every mention of a definition. Never follows one.

#[cfg(any(feature = "text", feature = "wire"))]
use crate::model::{Definition, Method};
use crate::model::{Shape, Type};

/// Shows each index in a definition: in its arguments, then in what it consists of.
#[cfg(any(feature = "text", feature = "wire"))]
pub(crate) fn each_index(definition: &mut Definition, show: &mut impl FnMut(&mut usize)) {
    definition.arguments.iter_mut().for_each(|ty| each_index_of_type(ty, show));
    each_index_of_shape(&mut definition.shape, show);
}

/// Shows each index in a method: in its arguments, its output and its error.
#[cfg(any(feature = "text", feature = "wire"))]
pub(crate) fn each_index_of_method(method: &mut Method, show: &mut impl FnMut(&mut usize)) {
    let arguments = method.arguments.iter_mut().map(|argument| &mut argument.ty);
    let types = arguments.chain([&mut method.output]).chain(&mut method.error);
    types.for_each(|ty| each_index_of_type(ty, show));
}

/// Shows each type in a shape, in its order. Enums in variants, which only a peer could have sent, are not followed.
pub(crate) fn each_type<'a>(shape: &'a Shape, show: &mut impl FnMut(&'a Type)) {
    match shape {
        Shape::Unit => {}
        Shape::Newtype(ty) => show(ty),
        Shape::Tuple(types) => types.iter().for_each(show),
        Shape::Struct(fields) => fields.iter().for_each(|field| show(&field.ty)),
        Shape::Enum(variants) => {
            for variant in variants.iter().filter(|variant| !matches!(variant.shape, Shape::Enum(_))) {
                each_type(&variant.shape, show);
            }
        }
    }
}

#[cfg(any(feature = "text", feature = "wire"))]
fn each_index_of_shape(shape: &mut Shape, show: &mut impl FnMut(&mut usize)) {
    match shape {
        Shape::Unit => {}
        Shape::Newtype(ty) => each_index_of_type(ty, show),
        Shape::Tuple(types) => types.iter_mut().for_each(|ty| each_index_of_type(ty, show)),
        Shape::Struct(fields) => {
            fields.iter_mut().for_each(|field| each_index_of_type(&mut field.ty, show));
        }
        Shape::Enum(variants) => {
            variants.iter_mut().for_each(|variant| each_index_of_shape(&mut variant.shape, show));
        }
    }
}

#[cfg(any(feature = "text", feature = "wire"))]
fn each_index_of_type(ty: &mut Type, show: &mut impl FnMut(&mut usize)) {
    match ty {
        Type::Option(inner) | Type::Sequence(inner) | Type::Set(inner) | Type::Array(inner, _) => {
            each_index_of_type(inner, show);
        }
        Type::Map(key, value) => {
            each_index_of_type(key, show);
            each_index_of_type(value, show);
        }
        Type::Tuple(elements) => elements.iter_mut().for_each(|ty| each_index_of_type(ty, show)),
        Type::Named(index) => show(index),
        _ => {}
    }
}
