//! Rules on `transparent` services: whatever a call yields can be the news that it failed. Whether an error type
//! can hold that news is the compiler's to say.

use syn::Type;

use super::is_unit;
use crate::errors::Errors;
use crate::model::{Kind, Method, Service};
use crate::recognise;

pub(super) fn check(service: &Service, errors: &Errors) {
    if !service.is_transparent {
        return;
    }
    for method in service.methods.iter().filter(|method| method.kind == Kind::Call) {
        outcome(method, errors);
    }
}

fn outcome(method: &Method, errors: &Errors) {
    let output = &method.output;
    match &output.items {
        Some(items) if items.error.is_none() => errors.refuse(
            &items.value,
            "an item of a `transparent` service's stream is a `Result`",
            "write `Result<T, E>` with an `E` that is `From<RpcError>`: a lost connection has to be an item too",
        ),
        None if output.error.is_none() && !is_refused_anyway(&output.written) => {
            let message = "a method of a `transparent` service returns a `Result`";
            let help =
                "write `Result<T, E>` with an `E` that is `From<RpcError>`: a client has to say that a call failed";
            // No return type, no token.
            match is_unit(&output.written) {
                true => errors.refuse(&method.name, message, help),
                false => errors.refuse(&output.written, message, help),
            }
        }
        _ => {}
    }
}

/// An alias of `Result`, or a stream or future that cannot be seen: the other rules say so.
fn is_refused_anyway(written: &Type) -> bool {
    recognise::is_named(written, "Result") || matches!(recognise::bare(written), Type::ImplTrait(_))
}
