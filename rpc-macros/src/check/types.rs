//! Rules on the types in signatures: what can be a value on the wire as far as its syntax tells. Whether a
//! type implements what it must is the compiler's to say.

use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Lifetime, Path, Type, TypeFnPtr, TypeImplTrait, TypeInfer, TypeNever, TypePtr,
    TypeReference, TypeTraitObject,
};

use crate::errors::Errors;
use crate::recognise::{self, bare};

/// An argument's type: a reference is allowed at its top.
pub(super) fn argument(ty: &Type, errors: &Errors) {
    let walk = &mut Walk { errors, place: Place::Argument };
    let Type::Reference(reference) = bare(ty) else {
        walk.visit_type(ty);
        return;
    };
    if let Some(mutability) = &reference.mutability {
        errors.refuse(
            mutability,
            "an argument cannot be lent for writing: the caller's memory is elsewhere",
            "take the value and return the changed one",
        );
    }
    if let Some(lifetime) = &reference.lifetime {
        refuse_lifetime(lifetime, errors);
    }
    match bare(&reference.elem) {
        Type::Slice(slice) => walk.visit_type(&slice.elem),
        other => walk.visit_type(other),
    }
}

/// What a method's future yields.
pub(super) fn output(ty: &Type, errors: &Errors) {
    returned(ty, Place::Output, errors);
}

fn returned(ty: &Type, place: Place, errors: &Errors) {
    if let Some(segment) = recognise::last_segment(ty)
        && segment.ident == "Result"
        && let [_] = recognise::type_arguments(segment)[..]
    {
        errors.refuse(
            ty,
            "the error type of this `Result` cannot be seen",
            "write `Result<T, E>` with both types: an alias hides what the client gets",
        );
        return;
    }
    Walk { errors, place }.visit_type(ty);
}

/// What a stream that a method returns yields.
pub(super) fn item(value: &Type, error: Option<&Type>, errors: &Errors) {
    returned(value, Place::Item, errors);
    error.into_iter().for_each(|error| returned(error, Place::Item, errors));
}

/// A `Streaming` argument.
pub(super) fn streaming(ty: &Type, errors: &Errors) {
    match recognise::streaming(ty) {
        Some((value, error)) => {
            let walk = &mut Walk { errors, place: Place::Item };
            walk.visit_type(value);
            error.into_iter().for_each(|error| walk.visit_type(error));
        }
        None => errors.refuse(
            ty,
            "the items of this `Streaming` cannot be seen",
            "write `Streaming<T>`, or `Streaming<T, E>` for items that may be errors",
        ),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Output,
    Item,
}

struct Walk<'a> {
    errors: &'a Errors,
    place: Place,
}

/// Methods stop at what they refuse: its parts would only repeat the complaint.
impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_type_reference(&mut self, ty: &'ast TypeReference) {
        let (message, help) = match self.place {
            Place::Argument => (
                "a reference can only be the whole type of an argument",
                "own what is inside: `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`",
            ),
            Place::Output => (
                "a service method cannot return a reference",
                "return an owned value, such as `String` for `&str`: it goes to another process",
            ),
            Place::Item => (
                "an item of a stream cannot be a reference",
                "own it: `String` for `&str`, `Vec<T>` for `&[T]`; it is made while the call runs",
            ),
        };
        self.errors.refuse(ty, message, help);
    }

    fn visit_type_trait_object(&mut self, ty: &'ast TypeTraitObject) {
        self.errors.refuse(
            ty,
            "a trait object cannot be sent to another process",
            "use an `#[ipc_type]` enum of the types it may be, or a service of its own",
        );
    }

    fn visit_type_fn_ptr(&mut self, ty: &'ast TypeFnPtr) {
        self.errors.refuse(
            ty,
            "a function cannot be sent to another process",
            "name what it does, for example by an `#[ipc_type]` enum",
        );
    }

    fn visit_type_ptr(&mut self, ty: &'ast TypePtr) {
        self.errors.refuse(
            ty,
            "a raw pointer means nothing in another process",
            "send the value, or a number that stands for it",
        );
    }

    fn visit_type_never(&mut self, ty: &'ast TypeNever) {
        self.errors.refuse(
            ty,
            "`!` has no value that could be sent",
            "return `()`, or `std::convert::Infallible` as an error",
        );
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let (message, help) = match self.place {
            Place::Argument => (
                "an argument needs a type of its own, not `impl Trait`",
                "name the type: both sides must know how it becomes bytes",
            ),
            Place::Output => (
                "what a method returns needs a type of its own, not `impl Trait`",
                "name the type: both sides must know how it becomes bytes",
            ),
            Place::Item => (
                "an item needs a type of its own, not `impl Trait`",
                "name the type: both sides must know how it becomes bytes",
            ),
        };
        self.errors.refuse(ty, message, help);
    }

    fn visit_type_infer(&mut self, ty: &'ast TypeInfer) {
        self.errors.refuse(ty, "a signature names its types", "write the type out");
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(first) = path.segments.first()
            && first.ident == "Self"
        {
            self.errors.refuse(
                first,
                "`Self` is another type on each side of a connection",
                "name the type that is sent",
            );
            return;
        }
        if let Some(last) = path.segments.last()
            && last.ident == "Streaming"
        {
            self.errors.refuse(
                last,
                "`Streaming` is the whole type of an argument, and stands nowhere else",
                "take it as an argument of its own; return `impl Stream<Item = T>`; send a `Vec` inside values",
            );
            return;
        }
        visit::visit_path(self, path);
    }

    fn visit_generic_argument(&mut self, argument: &'ast GenericArgument) {
        if let GenericArgument::Lifetime(lifetime) = argument {
            named_lifetime(lifetime, self.errors);
        } else {
            visit::visit_generic_argument(self, argument);
        }
    }
}

/// `'static` is fine inside an owned type, such as `Cow<'static, str>`.
fn named_lifetime(lifetime: &Lifetime, errors: &Errors) {
    if lifetime.ident != "static" {
        refuse_lifetime(lifetime, errors);
    }
}

fn refuse_lifetime(lifetime: &Lifetime, errors: &Errors) {
    errors.refuse(
        lifetime,
        "a service method cannot name lifetimes",
        "write `&T` without one, or an owned type such as `Cow<'static, str>`",
    );
}
