//! What would make a change safer. Never decides whether it is safe.

use std::collections::BTreeSet;

use super::{ChangeKind, Safety};
use crate::resolve::remark::Why;

/// What to do instead, or in which order. `whys` is what is wrong.
pub(super) fn of(kind: ChangeKind, safety: Safety, whys: &BTreeSet<Why>) -> Option<String> {
    let (needed, refused) = (whys.contains(&Why::FieldRequired), whys.contains(&Why::FieldRefused));
    let order = match safety {
        Safety::Safe => return None,
        Safety::WithoutOlder => Some("upgrade whatever is older than the old version before"),
        Safety::ServersFirst => Some("upgrade all servers before the first client"),
        Safety::ClientsFirst => Some("upgrade all clients before the first server"),
        Safety::Breaking => None,
    };
    let instead = match kind {
        ChangeKind::ServiceRenamed => Some(
            "keep its name on the wire with `#[ipc_service(name = \"…\")]`, or serve it under both names",
        ),
        ChangeKind::ServiceAdded | ChangeKind::MethodAdded => None,
        ChangeKind::ServiceRemoved => Some(
            "keep it until no old client is left; a renamed one keeps its name with \
             `#[ipc_service(name = \"…\")]`",
        ),
        ChangeKind::MethodRemoved => Some(
            "keep it until no old client is left; a renamed one keeps its name with `#[ipc(name = \"…\")]`",
        ),
        ChangeKind::StreamChanged | ChangeKind::ErrorChanged => {
            Some("add a method beside it, and keep the old one until no old client is left")
        }
        ChangeKind::IdempotentAdded
        | ChangeKind::IdempotentRemoved
        | ChangeKind::OnewayAdded
        | ChangeKind::OnewayRemoved => None,
        ChangeKind::ArgumentAdded => Some("put it last, with `#[ipc(default)]` or as an `Option`"),
        ChangeKind::ArgumentRemoved => Some("keep it, or give it `#[ipc(default)]` a version before"),
        ChangeKind::FieldAdded if refused && needed => Some(
            "give it `#[serde(default)]`, or make it an `Option`, and take `#[serde(deny_unknown_fields)]` away a \
             version before",
        ),
        ChangeKind::FieldAdded if refused => {
            Some("take `#[serde(deny_unknown_fields)]` away a version before")
        }
        ChangeKind::FieldRemoved if refused && needed => Some(
            "keep it, or give it `#[serde(default)]` a version before, and take \
             `#[serde(deny_unknown_fields)]` away",
        ),
        ChangeKind::FieldRemoved if refused => Some("keep it, or take `#[serde(deny_unknown_fields)]` away"),
        ChangeKind::FieldAdded => Some("give it `#[serde(default)]`, or make it an `Option`"),
        ChangeKind::FieldRemoved => Some("keep it, or give it `#[serde(default)]` a version before"),
        ChangeKind::FieldsMerged | ChangeKind::FieldsReordered => Some("give the two names different fields"),
        ChangeKind::VariantAdded => Some(
            "do not send it before all readers know it, or give them a `#[serde(other)]` variant a version before",
        ),
        ChangeKind::VariantRemoved => Some("keep it, or rename it with `#[serde(alias = \"…\")]`"),
        ChangeKind::Renamed => {
            Some("give it an alias for its new name, `#[serde(alias = \"…\")]`, a version before")
        }
        ChangeKind::ArgumentsMoved => {
            Some("keep the order, with new arguments at the end, or add a method instead")
        }
        ChangeKind::ArgumentsRenamed | ChangeKind::VariantMoved | ChangeKind::NewtypeChanged => None,
        ChangeKind::NumberWidened
        | ChangeKind::NumberNarrowed
        | ChangeKind::MadeOptional
        | ChangeKind::TypeChanged => Some("add a field or a method of the new type beside the old one"),
        ChangeKind::DefaultRemoved => Some("keep the default"),
        ChangeKind::AliasRemoved => Some("keep the alias"),
        ChangeKind::UnknownFieldsRefused => Some("leave out `#[serde(deny_unknown_fields)]`"),
        ChangeKind::OtherRemoved => Some("keep it `#[serde(other)]`"),
        ChangeKind::DefaultAdded
        | ChangeKind::AliasAdded
        | ChangeKind::UnknownFieldsIgnored
        | ChangeKind::OtherAdded => None,
    };
    match (order, instead) {
        (Some(order), Some(instead)) => Some(format!("{order}, or {instead}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}
