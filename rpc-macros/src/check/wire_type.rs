//! Rules on types with a schema: serde's attributes whose effect postcard cannot carry, most of which would
//! encode without complaint and then be misread. serde's own rules are serde's to check.

use serde_derive_internals::ast::{Container, Data, Field, Style, Variant};
use serde_derive_internals::attr::{Identifier, RenameAllRules, TagType};
use serde_derive_internals::name::MultiName;
use syn::{Attribute, GenericParam};

use crate::args::SchemaArgs;
use crate::errors::Errors;
use crate::{args, names, recognise, serde_keys};

const NOT_SELF_DESCRIBING: &str = "values travel without their fields' names, so nothing on the wire tells";

/// Rules on the whole type and everything in it.
pub(crate) fn check(container: &Container<'_>, errors: &Errors) -> SchemaArgs {
    let stated = args::schema_of_type(&container.original.attrs, errors);
    let attributes = &container.original.attrs;
    lifetimes(container, errors);
    representation(container, errors);
    one_name(container.attrs.name(), &container.ident.to_string(), attributes, errors);
    one_rule(container.attrs.rename_all_rules(), "rename_all", attributes, errors);
    one_rule(container.attrs.rename_all_fields_rules(), "rename_all_fields", attributes, errors);
    if stated.stands_for.is_none() {
        conversions(container, errors);
    }
    match &container.data {
        Data::Struct(style, fields) => {
            newtype_skip(*style, fields, errors);
            fields.iter().for_each(|field| check_field(field, errors));
        }
        Data::Enum(variants) => {
            variants.iter().for_each(|variant| check_variant(variant, errors));
            skipped_variants(variants, errors);
        }
    }
    stated
}

fn lifetimes(container: &Container<'_>, errors: &Errors) {
    for parameter in &container.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            errors.refuse(
                lifetime,
                "a type on the wire cannot borrow",
                "own what is inside: `String` for `&str`, `Vec<T>` for `&[T]`",
            );
        }
    }
}

fn representation(container: &Container<'_>, errors: &Errors) {
    let attributes = &container.original.attrs;
    let (key, what) = match container.attrs.tag() {
        TagType::External => ("", ""),
        TagType::None => ("untagged", "`untagged`: the reader would have to guess the variant"),
        TagType::Internal { .. } => ("tag", "`tag`: it looks for a field by its name"),
        TagType::Adjacent { .. } => ("tag", "`tag` with `content`: it encodes, and then cannot be decoded"),
    };
    if !key.is_empty() {
        errors.refuse(
            serde_keys::place(attributes, &[key]),
            format!("postcard cannot carry {what}"),
            format!("remove it: {NOT_SELF_DESCRIBING}; serde's default numbers the variants"),
        );
    }
    if container.attrs.remote().is_some() {
        errors.refuse(
            serde_keys::place(attributes, &["remote"]),
            "a `remote` definition has no schema of its own",
            "wrap the foreign type in a struct of yours, or state `#[schema(as = \"Type\")]` where it is used",
        );
    }
    if !matches!(container.attrs.identifier(), Identifier::No) {
        errors.refuse(
            serde_keys::place(attributes, &["field_identifier", "variant_identifier"]),
            "an identifier is read by its name, which is not on the wire",
            "remove it",
        );
    }
}

/// `from` and `into`: what travels is another type, which must be one and the same both ways.
fn conversions(container: &Container<'_>, errors: &Errors) {
    let written = container.attrs.type_into();
    let read = container.attrs.type_from().or(container.attrs.type_try_from());
    if written != read {
        errors.refuse(
            serde_keys::place(&container.original.attrs, &["into", "from", "try_from"]),
            "what is written is not the type that is read",
            "write both `into = \"Type\"` and `from = \"Type\"` (or `try_from`), with the same type",
        );
    }
}

fn newtype_skip(style: Style, fields: &[Field<'_>], errors: &Errors) {
    if let (Style::Newtype, [field]) = (style, fields)
        && field.attrs.skip_serializing()
    {
        errors.refuse(
            serde_keys::place(&field.original.attrs, &["skip", "skip_serializing"]),
            "the only field of a newtype cannot be skipped",
            "remove `skip`, or name the field",
        );
    }
}

fn check_variant(variant: &Variant<'_>, errors: &Errors) {
    let attributes = &variant.original.attrs;
    one_name(variant.attrs.name(), &names::unraw(&variant.ident), attributes, errors);
    one_rule(variant.attrs.rename_all_rules(), "rename_all", attributes, errors);
    if variant.attrs.untagged() {
        errors.refuse(
            serde_keys::place(attributes, &["untagged"]),
            "postcard cannot carry `untagged`: the reader would have to guess the variant",
            format!("remove it: {NOT_SELF_DESCRIBING}"),
        );
    }
    both_ways(variant.attrs.skip_serializing(), variant.attrs.skip_deserializing(), attributes, errors);
    if variant.attrs.serialize_with().is_some() || variant.attrs.deserialize_with().is_some() {
        errors.refuse(
            serde_keys::place(attributes, &["with", "serialize_with", "deserialize_with"]),
            "what a function writes for a variant is not known to the schema",
            "put `with` on its fields, with `#[schema(as = \"Type\")]`",
        );
    }
    variant.fields.iter().for_each(|field| check_field(field, errors));
}

/// serde counts skipped variants when it writes and leaves them out when it reads.
fn skipped_variants(variants: &[Variant<'_>], errors: &Errors) {
    let is_skipped =
        |variant: &Variant<'_>| variant.attrs.skip_serializing() && variant.attrs.skip_deserializing();
    let Some(last) = variants.iter().rposition(|variant| !is_skipped(variant)) else { return };
    for variant in variants[..last].iter().filter(|variant| is_skipped(variant)) {
        errors.refuse(
            serde_keys::place(&variant.original.attrs, &["skip", "skip_serializing"]),
            "a skipped variant before others shifts their numbers, so that they are misread",
            "move it behind all variants that are not skipped",
        );
    }
}

fn check_field(field: &Field<'_>, errors: &Errors) {
    let attributes = &field.original.attrs;
    let name = field.original.ident.as_ref().map(names::unraw).unwrap_or_default();
    one_name(field.attrs.name(), &name, attributes, errors);
    both_ways(field.attrs.skip_serializing(), field.attrs.skip_deserializing(), attributes, errors);
    if field.attrs.flatten() {
        errors.refuse(
            serde_keys::place(attributes, &["flatten"]),
            "postcard cannot carry `flatten`: it is read as a map of names, which are not on the wire",
            "keep the field as a struct of its own, or write its fields out here",
        );
    }
    if field.attrs.skip_serializing_if().is_some() {
        errors.refuse(
            serde_keys::place(attributes, &["skip_serializing_if"]),
            "postcard cannot carry `skip_serializing_if`: a field left out shifts all that follow",
            "remove it: `None` and an empty `Vec` take one byte",
        );
    }
    with(field, errors);
}

/// `skip_serializing` or `skip_deserializing` alone.
fn both_ways(written: bool, read: bool, attributes: &[Attribute], errors: &Errors) {
    let (key, effect) = match (written, read) {
        (true, false) => ("skip_serializing", "is read, though it was not written"),
        (false, true) => ("skip_deserializing", "is written, and not read"),
        _ => return,
    };
    errors.refuse(
        serde_keys::place(attributes, &[key]),
        format!("with `{key}` alone this {effect}: what follows would be misread"),
        "write `#[serde(skip)]`, which leaves it out on both sides",
    );
}

fn one_name(name: &MultiName, ident: &str, attributes: &[Attribute], errors: &Errors) {
    let (written, read) = (&name.serialize_name().value, &name.deserialize_name().value);
    // Where the rule for all names is at fault, that is said once, at its place.
    if written == read || !serde_keys::has(attributes, &["rename"]) {
        return;
    }
    errors.refuse(
        serde_keys::place(attributes, &["rename"]),
        format!("`{ident}` is written as `{written}` and read as `{read}`"),
        "write `rename = \"…\"`, one name for both; `alias = \"…\"` reads further ones",
    );
}

fn one_rule(rules: RenameAllRules, key: &str, attributes: &[Attribute], errors: &Errors) {
    if rules.serialize != rules.deserialize {
        errors.refuse(
            serde_keys::place(attributes, &[key]),
            format!("`{key}` gives other names to what is written than to what is read"),
            format!("write `{key} = \"…\"`, one rule for both"),
        );
    }
}

fn with(field: &Field<'_>, errors: &Errors) {
    let attributes = &field.original.attrs;
    let keys = &["serialize_with", "deserialize_with", "with", "getter"];
    match (field.attrs.serialize_with(), field.attrs.deserialize_with()) {
        (Some(_), None) | (None, Some(_)) => errors.refuse(
            serde_keys::place(attributes, keys),
            "this field is written by one format and read by another",
            "write `with = \"module\"`, or both `serialize_with` and `deserialize_with`",
        ),
        (Some(_), Some(_)) if !is_block(field) && args::schema_of_field(attributes, errors).is_none() => {
            errors.refuse(
                serde_keys::place(attributes, keys),
                "what this function writes is not known to the schema",
                "add `#[schema(as = \"Type\")]` with a type of the same bytes",
            );
        }
        _ => {
            args::schema_of_field(attributes, errors);
        }
    }
}

/// `with = "serde_bytes"` writes what the type itself would, except that it puts a length before an array.
fn is_block(field: &Field<'_>) -> bool {
    let module = field.attrs.serialize_with().map(|path| &path.path.segments);
    let is_serde_bytes = module.is_some_and(|path| path.iter().any(|segment| segment.ident == "serde_bytes"));
    is_serde_bytes && !recognise::names_array(field.ty)
}
