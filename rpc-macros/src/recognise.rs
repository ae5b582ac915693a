//! Which well-known types a signature names. A macro sees names, not types: `Result`, `Stream`, `Streaming`,
//! `Future` and `Context` are known by the last segment of their path. Never changes what it looks at.

use syn::{GenericArgument, Path, PathArguments, PathSegment, Type, TypeParamBound};

/// The type without the invisible or visible parentheses around it.
pub(crate) fn bare(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}

/// The last segment of the path that the type is.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// Is this a path that ends in `name`?
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The type arguments in angle brackets.
pub(crate) fn type_arguments(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// `T` and `E` of a `Result<T, E>`.
pub(crate) fn result(ty: &Type) -> Option<(&Type, &Type)> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Result")?;
    match type_arguments(segment)[..] {
        [value, error] => Some((value, error)),
        _ => None,
    }
}

/// Is this `Vec<u8>`, which is copied as a block?
pub(crate) fn is_byte_vec(ty: &Type) -> bool {
    argument_of(ty, "Vec").is_some_and(|element| is_named(element, "u8"))
}

/// Is this `Option<Vec<u8>>`?
pub(crate) fn is_optional_byte_vec(ty: &Type) -> bool {
    argument_of(ty, "Option").is_some_and(is_byte_vec)
}

fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == name)?;
    match type_arguments(segment)[..] {
        [argument] => Some(argument),
        _ => None,
    }
}

/// `str`, or the standard library's `Path`: unsized, and serde lends both from the bytes.
pub(crate) fn is_lendable(ty: &Type) -> bool {
    let Type::Path(ty) = bare(ty) else { return false };
    if ty.qself.is_some() {
        return false;
    }
    let segments: Vec<String> = ty.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    matches!(segments[..], ["str"] | ["Path"] | ["path", "Path"] | ["std", "path", "Path"])
}

/// The type that an `impl Future<Output = T>` yields.
pub(crate) fn future_output(ty: &Type) -> Option<&Type> {
    associated(ty, "Future", "Output")
}

/// The items of an `impl Stream<Item = T>`.
pub(crate) fn stream_item(ty: &Type) -> Option<&Type> {
    associated(ty, "Stream", "Item")
}

/// `T` of an `impl Trait<Name = T>`.
fn associated<'a>(ty: &'a Type, name: &str, output: &str) -> Option<&'a Type> {
    let Type::ImplTrait(ty) = bare(ty) else { return None };
    ty.bounds.iter().find_map(|bound| {
        let segment = bound_path(bound)?.segments.last().filter(|segment| segment.ident == name)?;
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(argument) if argument.ident == output => Some(&argument.ty),
            _ => None,
        })
    })
}

/// `T` and `E` of a `Streaming<T>` or `Streaming<T, E>`.
pub(crate) fn streaming(ty: &Type) -> Option<(&Type, Option<&Type>)> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Streaming")?;
    match type_arguments(segment)[..] {
        [value] => Some((value, None)),
        [value, error] => Some((value, Some(error))),
        _ => None,
    }
}

/// Does the type, at any depth, name an array?
pub(crate) fn names_array(ty: &Type) -> bool {
    struct Finder(bool);
    impl<'ast> syn::visit::Visit<'ast> for Finder {
        fn visit_type_array(&mut self, _: &'ast syn::TypeArray) {
            self.0 = true;
        }
    }
    let mut finder = Finder(false);
    syn::visit::Visit::visit_type(&mut finder, ty);
    finder.0
}

/// Is this a bound by a trait whose path ends in `name`?
pub(crate) fn is_bound_named(bound: &TypeParamBound, name: &str) -> bool {
    bound_path(bound).and_then(|path| path.segments.last()).is_some_and(|segment| segment.ident == name)
}

fn bound_path(bound: &TypeParamBound) -> Option<&Path> {
    match bound {
        TypeParamBound::Trait(bound) if bound.maybe.is_none() => Some(&bound.path),
        _ => None,
    }
}
